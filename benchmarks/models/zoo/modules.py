"""Autoencoders of torch and Lightning alone, whose encoders return each form of Gaussian that is understood."""

from collections.abc import Callable
from functools import partial
from typing import Any

import lightning
import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.distributions import Independent, Normal
from torch.utils.data import DataLoader, TensorDataset

from ...harness.isolation import set_apart
from . import Trained, large_digits
from .training import negative_elbo, train

__all__ = ["MODELS", "DistributionVAE", "LightningVAE", "MappingVAE", "PairVAE", "SpatialVAE", "train_with_lightning"]

N_EPOCHS = 15
BETA = 0.02


class PairVAE(nn.Module):
    """``encode`` returns (mean, log-variance); batch statistics and dropout, so that the mode matters."""

    def __init__(self, n_pixels: int = 576, latent_dim: int = 4) -> None:
        super().__init__()
        self.trunk = nn.Sequential(nn.Flatten(), nn.Linear(n_pixels, 128), nn.BatchNorm1d(128), nn.SiLU())
        self.heads = nn.Linear(128, 2 * latent_dim)
        self.generator = nn.Sequential(
            nn.Linear(latent_dim, 128), nn.SiLU(), nn.Dropout(0.05), nn.Linear(128, n_pixels)
        )

    def gaussian(self, x: Float[Tensor, "n 1 height width"]) -> tuple[Tensor, Tensor]:
        """Mean and log-variance."""
        mean, log_variance = self.heads(self.trunk(x)).chunk(2, dim=1)
        return mean, log_variance

    def encode(self, x: Float[Tensor, "n 1 height width"]) -> Any:
        """The posterior, in the form of this class."""
        return self.gaussian(x)

    def decode(self, z: Tensor) -> Any:
        """Images, in the form of this class."""
        return self.images(z)

    def images(self, z: Float[Tensor, "n dim"]) -> Float[Tensor, "n 1 height width"]:
        """Images in [0, 1]."""
        side = int((self.generator[-1].out_features) ** 0.5)
        return self.generator(z).sigmoid().reshape(-1, 1, side, side)


class MappingVAE(PairVAE):
    """``encode`` returns a mapping with a standard deviation, ``decode`` a mapping."""

    def encode(self, x: Float[Tensor, "n 1 height width"]) -> dict[str, Tensor]:
        """Entries mu and std."""
        mean, log_variance = self.gaussian(x)
        return {"mu": mean, "std": (log_variance / 2).exp()}

    def decode(self, z: Tensor) -> dict[str, Tensor]:
        """Entry reconstruction."""
        return {"reconstruction": self.images(z)}


class DistributionVAE(PairVAE):
    """``encode`` and ``decode`` return distributions of torch."""

    def encode(self, x: Float[Tensor, "n 1 height width"]) -> Independent:
        """A normal distribution over codes."""
        mean, log_variance = self.gaussian(x)
        return Independent(Normal(mean, (log_variance / 2).exp()), 1)

    def decode(self, z: Tensor) -> Independent:
        """A normal distribution over images."""
        return Independent(Normal(self.images(z), 0.1), 3)


class SpatialVAE(nn.Module):
    """Codes are small images."""

    def __init__(self) -> None:
        super().__init__()
        self.downward = nn.Sequential(nn.Conv2d(1, 16, 3, 3), nn.SiLU(), nn.Conv2d(16, 4, 4, 4))
        self.upward = nn.Sequential(nn.ConvTranspose2d(2, 16, 4, 4), nn.SiLU(), nn.ConvTranspose2d(16, 1, 3, 3))

    def gaussian(self, x: Float[Tensor, "n 1 height width"]) -> tuple[Tensor, Tensor]:
        """Mean and log-variance of two channels."""
        mean, log_variance = self.downward(x).chunk(2, dim=1)
        return mean, log_variance

    def images(self, z: Float[Tensor, "n 2 h w"]) -> Float[Tensor, "n 1 height width"]:
        """Images in [0, 1]."""
        return self.upward(z).sigmoid()

    encode, decode = gaussian, images


class LightningVAE(lightning.LightningModule):
    """A `PairVAE` as Lightning's users write it; it is trained by Lightning's trainer."""

    def __init__(self, n_pixels: int = 576) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.vae = PairVAE(n_pixels)

    def encode(self, x: Float[Tensor, "n 1 height width"]) -> Normal:
        """A normal distribution over codes."""
        mean, log_variance = self.vae.gaussian(x)
        return Normal(mean, (log_variance / 2).exp())

    def decode(self, z: Tensor) -> Tensor:
        """Images."""
        return self.vae.images(z)

    def training_step(self, batch: list[Tensor]) -> Tensor:
        """Negative evidence lower bound."""
        return negative_elbo(self.vae.gaussian, self.vae.images, batch[0], BETA)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Adam."""
        return torch.optim.Adam(self.parameters(), 2e-3)


def train_with_lightning(images: Float[Tensor, "n 1 height width"], checkpoint: str | None = None) -> LightningVAE:
    """A `LightningVAE`, in evaluation mode, written to a checkpoint if one is named."""
    with set_apart():
        model = LightningVAE(images[0].numel())
        loader = DataLoader(TensorDataset(images), batch_size=64, shuffle=True)
        trainer = lightning.Trainer(
            max_epochs=N_EPOCHS,
            accelerator="cpu",
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
        )
        trainer.fit(model, loader)
        if checkpoint:
            trainer.save_checkpoint(checkpoint)
    return model.eval()


def _trained_by_lightning() -> Trained:
    images = large_digits()
    return Trained(train_with_lightning(images), images)


def _trained(make_model: type[PairVAE] | type[SpatialVAE]) -> Trained:
    images = large_digits()
    with set_apart():
        model = make_model()
    train(model, model.gaussian, model.images, images, n_epochs=N_EPOCHS, beta=BETA)
    return Trained(model, images)


MODELS: dict[str, Callable[[], Trained]] = {
    "tuple": partial(_trained, PairVAE),
    "mapping": partial(_trained, MappingVAE),
    "distribution": partial(_trained, DistributionVAE),
    "spatial codes": partial(_trained, SpatialVAE),
    "LightningModule": _trained_by_lightning,
}
