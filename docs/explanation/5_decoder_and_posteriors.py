r"""
Does the decoder agree with the posteriors?
===========================================

For a Gaussian likelihood of variance σ the posterior covariance of a well trained VAE should satisfy
:math:`\Sigma^{-1} \approx J^\top J / (\beta \sigma) + I`, J being the decoder's Jacobian (eqs. 9 to 11 of the paper).
So the posteriors' metric is one that the decoder pulls back from the data space, and the agreement is a check on any
trained VAE.
"""

# %%

import matplotlib.pyplot as plt
import torch
from sklearn.datasets import load_digits
from torch import nn

from riemann_sampler.adapters import as_latent_model
from riemann_sampler.geometry import pullback_calibration
from riemann_sampler.geometry.plots import plot_pullback_calibration

torch.manual_seed(0)
images = torch.tensor(load_digits().images, dtype=torch.float32)[:, None] / 16


class VAE(nn.Module):
    """A small VAE with a Gaussian likelihood."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Flatten(), nn.Linear(64, 128), nn.Tanh(), nn.Linear(128, 16))
        self.decoder = nn.Sequential(nn.Linear(8, 128), nn.Tanh(), nn.Linear(128, 64), nn.Unflatten(1, (1, 8, 8)))

    def encode(self, x):
        return self.encoder(x).chunk(2, dim=1)

    def decode(self, z):
        return self.decoder(z)


vae, noise = VAE(), 0.02
optimizer = torch.optim.Adam(vae.parameters(), lr=2e-3)
for _ in range(1_500):
    x = images[torch.randint(len(images), (128,))]
    mean, log_variance = vae.encode(x)
    z = mean + torch.randn_like(mean) * (log_variance / 2).exp()
    error = (vae.decode(z) - x).square().sum() / (2 * noise)
    divergence = (mean.square() + log_variance.exp() - log_variance - 1).sum() / 2
    optimizer.zero_grad()
    ((error + divergence) / len(x)).backward()
    optimizer.step()

calibration = pullback_calibration(as_latent_model(vae), images[:300])
print(calibration.summary())

figure, axes = plt.subplots(figsize=(6.8, 5.4), layout="compressed")
_ = plot_pullback_calibration(calibration, axes=axes)

# %%
# The same equation gives autoencoders *without* covariances a metric: ``RiemannianUniformSampler.from_preset("local",
# autoencoder, metric="pullback")``.
