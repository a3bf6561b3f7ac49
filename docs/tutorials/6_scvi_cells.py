r"""
Single cells with scvi-tools
============================

The sampler takes a trained model of scvi-tools and an AnnData, and draws cells: expected counts, or counts with the
noise of the model's likelihood.

It needs ``pip install "riemann-sampler[scvi,plot]" scanpy``.
"""

# %%
# Cells
# -----
# 700 blood cells that are bundled with scanpy. Bundled are normalized logarithms; the quotients that undo them are
# whole numbers but for rounding, and those are the counts.

import logging
import warnings

import numpy as np
import scanpy
from anndata import AnnData
from scipy.sparse import csr_matrix

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # scanpy's own, on reading an old file
    bundled = scanpy.datasets.pbmc68k_reduced()
size = bundled.obs["n_counts"].to_numpy(float)[:, None] / 1e4
counts = np.rint(np.expm1(bundled.raw.X.toarray().astype(float)) * size).astype("float32")
adata = AnnData(csr_matrix(counts), obs=bundled.obs[["bulk_labels"]], var=bundled.raw.var[[]])
print(adata.shape)

# %%
# A trained model
# ---------------

import scvi

scvi.settings.seed = 0
for name in ("lightning.pytorch", "scvi"):
    logging.getLogger(name).setLevel(logging.ERROR)
with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # Lightning's advice on workers and batches
    scvi.model.SCVI.setup_anndata(adata)
    model = scvi.model.SCVI(adata, n_hidden=64, n_latent=8)
    model.train(
        max_epochs=30,
        plan_kwargs={"lr": 1e-2},
        train_size=1.0,
        accelerator="cpu",
        enable_progress_bar=False,
        enable_checkpointing=False,
        logger=False,
    )

# %%
# Cells of a type
# ---------------
# ``fit`` takes the AnnData itself. ``ScviAdapter`` sets what a decoded cell is like: its batch, and how many counts
# it has. Without it, ``RiemannianUniformSampler.from_preset("local", model)`` takes a typical cell.

from riemann_sampler import RiemannianUniformSampler
from riemann_sampler.adapters import ScviAdapter

library_size = float(np.median(counts.sum(1)))
cells = ScviAdapter(model, library_size=library_size)
types = adata.obs["bulk_labels"].astype(str).tolist()
sampler = RiemannianUniformSampler.from_preset("local", cells).fit(adata, labels=types)

latents = sampler.sample_latents(700, seed=0)
drawn = cells.distribution(latents.z).sample().numpy()  # whole numbers, (700, genes)
print(drawn.shape, sorted(set(latents.labels))[:3])

# %%
# Real and drawn cells
# --------------------
# On two principal components of the real cells' normalized logarithms, and the mean of each gene.

import matplotlib.pyplot as plt
from sklearn.decomposition import PCA


def normalized(counts):
    return np.log1p(1e4 * counts / np.maximum(counts.sum(1, keepdims=True), 1))


axes_of_cells = PCA(2, random_state=0).fit(normalized(counts))
shown = ("CD14+ Monocyte", "CD19+ B", "CD56+ NK")
figure, axes = plt.subplots(1, 3, figsize=(11, 3.9), layout="compressed")
axes[0].sharex(axes[1])
axes[0].sharey(axes[1])
for axis, (title, rows, labels) in zip(
    axes, (("real cells", counts, types), ("drawn cells", drawn, latents.labels)), strict=False
):
    points = axes_of_cells.transform(normalized(rows))
    axis.scatter(*points.T, s=6, color="#c3ccd6", linewidths=0)
    for name, color in zip(shown, ("#8b1a1a", "#2b6cb0", "#e07b39"), strict=True):
        chosen = np.array([label == name for label in labels])
        axis.scatter(*points[chosen].T, s=10, color=color, linewidths=0, label=name)
    axis.set(title=title, xlabel="first component", ylabel="second component")
axes[0].legend(frameon=False, fontsize=8)
means = counts.mean(0), drawn.mean(0)
axes[2].scatter(*means, s=6, color="#4b5563", linewidths=0)
ends = (1e-3, max(map(np.max, means)))
axes[2].plot(ends, ends, color="black", linewidth=0.8)
axes[2].set(title="mean count of each gene", xlabel="real", ylabel="drawn", xscale="log", yscale="log")

# %%
# Expected counts, without the likelihood's noise, are what ``sampler.sample`` decodes:

expected = sampler.sample(5, label="CD19+ B", seed=0)
print(tuple(expected.shape), round(float(expected.sum(1).mean())), "counts a cell")
