"""Small variational autoencoders of pythae, trained here and now.

The loop is plain torch: pythae's own trainer writes to disk and sets the global random state.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from jaxtyping import Float
from pythae.models import BetaVAE, BetaVAEConfig
from pythae.models.base.base_utils import ModelOutput
from pythae.models.nn import BaseDecoder, BaseEncoder
from torch import Tensor, nn
from tqdm import tqdm

__all__ = ["active_units", "train_vae"]

WIDTH = 256
BATCH_SIZE = 128
LEARNING_RATE = 2e-3


class Encoder(BaseEncoder):
    """Two hidden layers, then mean and log-variance of the posterior."""

    def __init__(self, n_pixels: int, latent_dim: int) -> None:
        super().__init__()
        self.latent_dim = latent_dim
        self.hidden = nn.Sequential(
            nn.Flatten(), nn.Linear(n_pixels, WIDTH), nn.SiLU(), nn.Linear(WIDTH, WIDTH), nn.SiLU()
        )
        self.mean = nn.Linear(WIDTH, latent_dim)
        self.log_variance = nn.Linear(WIDTH, latent_dim)

    def forward(self, x: Float[Tensor, "n channels height width"]) -> ModelOutput:
        """Posterior of each image, in the fields that pythae gives it."""
        hidden = self.hidden(x)
        return ModelOutput(embedding=self.mean(hidden), log_covariance=self.log_variance(hidden))


class Decoder(BaseDecoder):
    """Two hidden layers, then each pixel's brightness in [0, 1]."""

    def __init__(self, image_shape: tuple[int, ...], latent_dim: int) -> None:
        super().__init__()
        n_pixels = torch.Size(image_shape).numel()
        self.layers = nn.Sequential(
            *(nn.Linear(latent_dim, WIDTH), nn.SiLU(), nn.Linear(WIDTH, WIDTH), nn.SiLU()),
            *(nn.Linear(WIDTH, n_pixels), nn.Sigmoid(), nn.Unflatten(1, image_shape)),
        )

    def forward(self, z: Float[Tensor, "n dim"]) -> ModelOutput:
        """Image decoded from each latent position."""
        return ModelOutput(reconstruction=self.layers(z))


def train_vae(
    images: Float[Tensor, "n channels height width"],
    latent_dim: int,
    *,
    beta: float = 0.05,
    n_epochs: int = 200,
    seed: int = 0,
) -> BetaVAE:
    """A pythae VAE with Bernoulli likelihood, trained on images in [0, 1]; torch's global state stays as it was.

    Args:
        images: Training images.
        latent_dim: Dimension of the latent space.
        beta: Weight that the Kullback-Leibler divergence grows to. Grey pixels make the Bernoulli likelihood flat:
            at 1 most of 16 latent units collapse on small images.
        n_epochs: Passes over the images.
        seed: Seed of the initial weights, the order of the images and the latent noise.

    Returns:
        The model, in evaluation mode.
    """
    shape = tuple(images.shape[1:])
    config = BetaVAEConfig(input_dim=shape, latent_dim=latent_dim, reconstruction_loss="bce", beta=beta)
    with torch.random.fork_rng(devices=[]), _one_thread():
        torch.default_generator.manual_seed(seed)
        encoder, decoder = Encoder(images[0].numel(), latent_dim), Decoder(shape, latent_dim)
        model = BetaVAE(config, encoder=encoder, decoder=decoder).train()
        _optimize(model, images, beta, n_epochs)
    return model.eval()


@contextmanager
def _one_thread() -> Iterator[None]:
    """Nets this small gain nothing from more threads, and lose much where other programs keep the cores busy."""
    n_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(n_threads)


def _optimize(model: BetaVAE, images: Tensor, beta: float, n_epochs: int) -> None:
    n_steps = n_epochs * -(-len(images) // BATCH_SIZE)
    optimizer = torch.optim.Adam(model.parameters(), LEARNING_RATE)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, LEARNING_RATE, total_steps=n_steps)
    step = 0
    for _ in tqdm(range(n_epochs), desc=f"train VAE, d = {model.latent_dim}", unit="epoch", delay=2, leave=False):
        for rows in torch.randperm(len(images)).split(BATCH_SIZE):
            weight = beta * step / n_steps  # from 0, so that no latent unit dies early
            output = model({"data": images[rows]})
            optimizer.zero_grad()
            (output.recon_loss + weight * output.reg_loss).backward()
            optimizer.step()
            schedule.step()
            step += 1
    optimizer.zero_grad()


def active_units(mean: Float[Tensor, "n dim"], log_variance: Float[Tensor, "n dim"]) -> int:
    """Latent units whose means make at least 1 % of their aggregate variance (after Burda et al. 2016)."""
    spread = mean.var(0)
    return int((spread >= 0.01 * (spread + log_variance.exp().mean(0))).sum())
