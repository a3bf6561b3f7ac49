"""A small variational autoencoder in plain torch, which the other examples share."""

from math import prod

import torch
from torch import Tensor, nn

WIDTH = 256


class VAE(nn.Module):
    """A variational autoencoder of images in [0, 1].

    Args:
        shape: Shape of an image.
        latent_dim: Dimension of the latent space.
    """

    def __init__(self, shape: tuple[int, ...], latent_dim: int) -> None:
        super().__init__()
        size = prod(shape)
        self.encoder = nn.Sequential(
            *(nn.Flatten(), nn.Linear(size, WIDTH), nn.SiLU(), nn.Linear(WIDTH, WIDTH), nn.SiLU()),
            nn.Linear(WIDTH, 2 * latent_dim),
        )
        self.decoder = nn.Sequential(
            *(nn.Linear(latent_dim, WIDTH), nn.SiLU(), nn.Linear(WIDTH, WIDTH), nn.SiLU()),
            *(nn.Linear(WIDTH, size), nn.Unflatten(1, shape)),
        )

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log-variance of each image's code."""
        mean, log_variance = self.encoder(x).chunk(2, dim=1)
        return mean, log_variance

    def decode(self, z: Tensor) -> Tensor:
        """Images in [0, 1]."""
        return self.decoder(z).sigmoid()


def train(images: Tensor, latent_dim: int, *, n_steps: int, beta: float = 0.1) -> VAE:
    """A VAE with a Bernoulli likelihood whose divergence is weighted by ``beta``, trained for a few seconds."""
    model = VAE(tuple(images.shape[1:]), latent_dim)
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 2e-3, total_steps=n_steps)
    for _ in range(n_steps):
        x = images[torch.randint(len(images), (128,))]
        mean, log_variance = model.encode(x)
        z = mean + torch.randn_like(mean) * (log_variance / 2).exp()
        error = nn.functional.binary_cross_entropy(model.decode(z), x, reduction="sum")
        divergence = (mean.square() + log_variance.exp() - log_variance - 1).sum() / 2
        loss = (error + beta * divergence) / len(x)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    return model.eval()
