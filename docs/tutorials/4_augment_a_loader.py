r"""
Synthetic data in a training loop
=================================

``SyntheticDataset`` puts real and synthetic data behind one ``DataLoader``; ``LatentAugment`` is a collate step that
replaces some rows of each batch by variations of themselves. Here the first one fills up small classes for a net that
learns to read digits.

It needs ``pip install "riemann-sampler[plot]"``.
"""

# %%
# Small classes among large ones, and a model that has seen these images alone
# ----------------------------------------------------------------------------
# Sixty images of each even digit, five of each odd one. ``AutoModel`` is a small VAE for those who have none of their
# own; with labels it keeps the codes of different classes apart.

import matplotlib.pyplot as plt
import numpy as np
import torch
from sklearn.datasets import load_digits

from riemann_sampler import RiemannianUniformSampler
from riemann_sampler.augmentation import AutoModel

images = load_digits().images[:, None].astype("float32") / 16
digits = load_digits().target
rows = np.concatenate([np.flatnonzero(digits == digit)[: 5 if digit % 2 else 60] for digit in range(10)])
test = np.setdiff1d(np.arange(len(digits)), rows)

x, y = torch.tensor(images[rows]), digits[rows]
x_test, y_test = torch.tensor(images[test]), digits[test]
model = AutoModel.fit(x, labels=y, n_steps=600, seed=0)
sampler = RiemannianUniformSampler.from_preset("local", model).fit(x, labels=y)

# %%
# Real and synthetic data in one loader
# -------------------------------------
# ``balanced=True`` gives the synthetic images to the classes that lack them. ``min_distance="authentic"`` rejects
# those that are near copies of a real one; they are drawn again, and counted.

from torch.utils.data import DataLoader

from riemann_sampler import SyntheticDataset

dataset = SyntheticDataset(sampler, x, y, ratio=1.0, balanced=True, min_distance="authentic", seed=0)
print(dataset.n_real, "real,", dataset.n_synthetic, "synthetic")
print(dataset.filter_counts.summary())

# %%
# On the left the five real images of each odd digit, on the right synthetic ones:

from riemann_sampler.geometry.plots import plot_strips

items = [dataset[i] for i in range(len(dataset))]
strips = {}
for digit in (1, 3, 5, 7, 9):
    strips[f"label {digit}"] = torch.stack([image for image, label in items if label == digit][:14])[None]
figure, axes = plt.subplots(figsize=(8, 3.2), layout="compressed")
_ = plot_strips(strips, axes=axes)

# %%
# Does it help?
# -------------
# The same small net, the same number of steps, judged on images that neither it nor the VAE has seen. One seed and
# one data set: :doc:`/results/augmentation` has the figures to judge by, and says where nothing is gained.

from sklearn.metrics import balanced_accuracy_score
from torch import nn


def accuracy(data, seed=0):
    """What a small net learns from a loader."""
    torch.manual_seed(seed)
    net = nn.Sequential(nn.Flatten(), nn.Linear(64, 128), nn.ReLU(), nn.Dropout(0.3), nn.Linear(128, 10))
    optimizer = torch.optim.Adam(net.parameters(), lr=2e-3)
    n_steps = 0
    while n_steps < 600:
        for batch, labels in DataLoader(data, batch_size=64, shuffle=True):
            optimizer.zero_grad()
            nn.functional.cross_entropy(net(batch), torch.as_tensor(labels)).backward()
            optimizer.step()
            n_steps += 1
    return balanced_accuracy_score(y_test, net.eval()(x_test).argmax(1).numpy())


real = list(zip(x, torch.tensor(y), strict=True))
print(f"real images alone    {accuracy(real):.3f}")
print(f"with synthetic ones  {accuracy(dataset):.3f}")

# %%
# Other synthetic images in every epoch: ``dataset.set_epoch(epoch)``. They are the same for any number of workers.

# %%
# Variations of a batch
# ---------------------
# ``LatentAugment`` takes a walk along the manifold from the code of each chosen row, and decodes where it ends.
# ``radius`` is in posterior standard deviations. In a loader it is the ``collate_fn``; here we call it on one batch.

from riemann_sampler import LatentAugment

augment = LatentAugment(sampler, probability=1.0, radius=2.0, seed=0)
shown = torch.randperm(len(x), generator=torch.Generator().manual_seed(0))[:14]
varied, _ = augment((x[shown], torch.tensor(y)[shown]))
figure, axes = plt.subplots(figsize=(8, 1.5), layout="compressed")
_ = plot_strips({"real": x[shown][None], "varied": varied[None]}, axes=axes)

loader = DataLoader(real, batch_size=64, shuffle=True, collate_fn=LatentAugment(sampler, probability=0.3, seed=0))
