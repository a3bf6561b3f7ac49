r"""
Paths between two data
======================

A straight line between two codes may cross empty regions, where the decoder shows nothing that it has learnt.
``interpolate`` finds a path that stays where data are (eq. 12 of `the paper <https://arxiv.org/abs/2209.07370>`__).

It needs ``pip install "riemann-sampler[pythae,plot]"``.
"""

# %%
# A model with two latent dimensions, to see the paths
# ----------------------------------------------------

import matplotlib.pyplot as plt
import torch
from pythae.models import BetaVAE, BetaVAEConfig
from sklearn.datasets import load_digits

torch.manual_seed(0)
images = torch.tensor(load_digits().images, dtype=torch.float32)[:, None] / 16
vae = BetaVAE(BetaVAEConfig(input_dim=(1, 8, 8), latent_dim=2, reconstruction_loss="bce", beta=0.3))
optimizer = torch.optim.Adam(vae.parameters(), lr=2e-3)
for _ in range(1_000):
    optimizer.zero_grad()
    vae({"data": images[torch.randint(len(images), (128,))]}).loss.backward()
    optimizer.step()
vae.eval()

# %%
# Straight lines and paths
# ------------------------
# The metric of a fitted sampler says where data are. Paths want islands that touch: ``widen`` gives a metric whose
# islands are two posterior standard deviations wide. Of 150 pairs of codes we look at the four whose straight lines
# cross the emptiest places.

from riemann_sampler import RiemannianUniformSampler
from riemann_sampler.geometry import interpolate, straight, widen

sampler = RiemannianUniformSampler.from_preset("uniform", vae, n_centroids=300).fit(images)
metric = widen(sampler.metric_)
a, b = sampler.posterior_.mean[:300].chunk(2)


def log_volume(curves):
    """Log √det G along curves, in nats: low where there are no data."""
    return metric.log_volume(curves.flatten(0, 1).to(metric.centroids)).view(len(curves), -1)


lines = straight(a, b, 64)
pairs = log_volume(lines).min(1).values.argsort()[:4]
paths = interpolate(metric, a[pairs], b[pairs]).points
print("mean log volume, straight:", [round(value, 2) for value in log_volume(lines[pairs]).mean(1).tolist()])
print("mean log volume, ours:    ", [round(value, 2) for value in log_volume(paths).mean(1).tolist()])

# %%

from riemann_sampler.geometry.plots import plot_latent_map

figure, axes = plt.subplots(figsize=(8, 7.4), layout="compressed")
_ = plot_latent_map(metric, paths={"straight": lines[pairs], "ours": paths}, axes=axes)

# %%
# What they decode to
# -------------------
# ``sampler.interpolate`` takes data, and gives decoded paths: it encodes, finds the paths and decodes them.

from riemann_sampler.geometry.plots import plot_strips

starts, ends = images[:300].chunk(2)
ours = sampler.interpolate(starts[pairs], ends[pairs], n_points=14)
with torch.no_grad():
    plain = vae.decoder(straight(a[pairs], b[pairs], 14).flatten(0, 1)).reconstruction.unflatten(0, (4, 14))

figure, axes = plt.subplots(figsize=(8, 5), layout="compressed")
_ = plot_strips({"ours": ours, "straight": plain}, axes=axes)

# %%
# These four pairs were chosen to show the difference. On the average pair it is smaller, and where codes lie close
# together there may be none: :doc:`/results/interpolation` has the figures, for digits and clothes, in two and
# sixteen dimensions. Distances, means, walks and clusters by the same metric are on the page :doc:`/geometry`.
