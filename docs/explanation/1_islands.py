r"""
Islands: where the sampler draws
================================

A VAE's encoder gives each datum a *code*, the mean of a Gaussian in the latent space, and says how certain it is of
it: the Gaussian's variances. The codes of all training data are where the decoder has learnt something. Everything
else is extrapolation.
"""

# %%
# A VAE with two latent dimensions, trained for a few seconds on 200 handwritten digits, so that all can be seen:

import matplotlib.pyplot as plt
import torch
from matplotlib.patches import Ellipse
from sklearn.datasets import load_digits
from torch import nn

torch.manual_seed(0)
images = torch.tensor(load_digits().images, dtype=torch.float32)[:200, None] / 16


class VAE(nn.Module):
    """A small VAE of 8 × 8 images."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Flatten(), nn.Linear(64, 256), nn.SiLU(), nn.Linear(256, 4))
        self.decoder = nn.Sequential(nn.Linear(2, 256), nn.SiLU(), nn.Linear(256, 64), nn.Sigmoid())

    def encode(self, x):
        return self.encoder(x).chunk(2, dim=1)

    def decode(self, z):
        return self.decoder(z).view(-1, 1, 8, 8)


vae = VAE()
optimizer = torch.optim.Adam(vae.parameters(), lr=2e-3)
for _ in range(1_200):
    x = images[torch.randint(len(images), (64,))]
    mean, log_variance = vae.encode(x)
    z = mean + torch.randn_like(mean) * (log_variance / 2).exp()
    error = nn.functional.binary_cross_entropy(vae.decode(z), x, reduction="sum")
    divergence = (mean.square() + log_variance.exp() - log_variance - 1).sum() / 2
    optimizer.zero_grad()
    ((error + 0.1 * divergence) / len(x)).backward()
    optimizer.step()
with torch.no_grad():
    codes, log_variances = vae.encode(images)

# %%
# Codes, and N(0, I)
# ------------------
# On the left the codes. On the right draws from N(0, I), the law that a VAE is usually sampled from: those that are
# far from every code, here by more than three of its posterior standard deviations, are marked.

draws = torch.randn(600, 2)
steps = (draws[:, None] - codes) / (log_variances / 2).exp()
is_far = steps.square().sum(2).min(1).values > 9
print(f"{is_far.float().mean():.0%} of the draws are far from every code")

figure, axes = plt.subplots(1, 2, figsize=(9, 4.6), sharex=True, sharey=True, layout="compressed")
axes[0].scatter(*codes.T, s=4, color="#4b5563", linewidths=0)
axes[0].set_title(f"{len(codes):,} codes")
axes[1].scatter(*codes.T, s=4, color="#d5dbe3", linewidths=0)
axes[1].scatter(*draws[~is_far].T, s=9, color="#2b6cb0", linewidths=0, label="near a code")
axes[1].scatter(*draws[is_far].T, s=16, color="#c0392b", marker="x", linewidths=1, label="far from all")
axes[1].set_title("600 draws from N(0, I)")
axes[1].legend(loc="upper right", fontsize=8)
for axis in axes:
    axis.set(xlabel="first latent coordinate", aspect="equal", xlim=(-4.5, 4.5), ylim=(-4.5, 4.5))
axes[0].set_ylabel("second latent coordinate")
plt.show()

# %%
# .. _island:
#
# An island
# ---------
# The *island* of a code is the Gaussian around it that its covariance gives: a bump of probability, here drawn as the
# ellipse of two standard deviations. The sampler draws from islands. On the left, islands as wide as the posteriors;
# on the right, as the preset ``"local"`` has them: as wide as the posterior *and* the spread of the five nearest
# codes.

from riemann_sampler import RiemannianUniformSampler

local = RiemannianUniformSampler.from_preset("local", vae).fit(images)
islands = {
    "as wide as the posteriors": (codes, torch.diag_embed(log_variances.exp())),
    'of the preset "local"': (local.metric_.centroids, torch.linalg.inv(local.metric_.precisions)),
}

figure, axes = plt.subplots(1, 2, figsize=(9, 4.8), sharex=True, sharey=True, layout="compressed")
for axis, (title, (centres, covariances)) in zip(axes, islands.items(), strict=True):
    for centre, covariance in zip(centres, covariances, strict=True):
        variances, directions = torch.linalg.eigh(covariance)
        width, height = (4 * variances.sqrt()).tolist()
        angle = torch.rad2deg(torch.atan2(directions[1, 0], directions[0, 0])).item()
        style = {"facecolor": "#2b6cb018", "edgecolor": "#2b6cb0", "linewidth": 0.5}
        axis.add_patch(Ellipse(centre.tolist(), width, height, angle=angle, **style))
    axis.scatter(*codes.T, s=5, color="#1f2937", linewidths=0)
    axis.set(title=f"islands {title}", aspect="equal", xlabel="first latent coordinate")
    axis.set(xlim=(-4.5, 4.5), ylim=(-4.5, 4.5))
axes[0].set_ylabel("second latent coordinate")
plt.show()

# %%
# Draws
# -----
# The preset ``"local"`` picks a code at random and draws from its island. No chain, no training: samples are
# independent, and exact draws from the mixture of all islands.

figure, axis = plt.subplots(figsize=(5, 4.8), layout="compressed")
axis.scatter(*codes.T, s=4, color="#d5dbe3", linewidths=0, label="codes")
axis.scatter(*local.sample_latents(600, seed=0).z.T, s=9, color="#2b6cb0", linewidths=0, label="600 samples")
axis.set(
    xlabel="first latent coordinate",
    ylabel="second latent coordinate",
    aspect="equal",
    xlim=(-4.5, 4.5),
    ylim=(-4.5, 4.5),
)
axis.legend(loc="upper right", fontsize=8)
plt.show()

# %%
# How wide islands should be is a choice between fidelity and novelty. Islands of posterior width give back the
# training data, decoded; wide ones reach into the voids. ``"local"`` is wide where the codes around are spread and
# narrow where they are not; ``"calibrated"`` has one width for all, such that samples are as far from their nearest
# code as codes are from one another. Which preset does what: :doc:`/how-to/choose-a-preset`.
