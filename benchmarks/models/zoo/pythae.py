"""pythae's models, trained by pythae's own pipeline on a small data set."""

import os
import tempfile
from collections.abc import Callable
from functools import partial
from typing import Any

from jaxtyping import Float
from pythae import models
from pythae.pipelines import TrainingPipeline
from pythae.trainers import (
    AdversarialTrainerConfig,
    BaseTrainerConfig,
    CoupledOptimizerAdversarialTrainerConfig,
    CoupledOptimizerTrainerConfig,
)
from torch import Tensor

from ...harness.isolation import set_apart
from . import Trained, large_digits

__all__ = ["MODELS", "REFUSED", "USABLE", "make_pythae", "train_pythae"]

USABLE: dict[str, dict[str, Any]] = {
    "VAE": {"reconstruction_loss": "bce"},
    "BetaVAE": {"reconstruction_loss": "bce", "beta": 0.1},
    "DisentangledBetaVAE": {"reconstruction_loss": "bce", "beta": 0.1, "C": 5.0, "warmup_epoch": 5},
    "BetaTCVAE": {"reconstruction_loss": "bce", "alpha": 0.1, "beta": 0.1, "gamma": 0.1},
    "FactorVAE": {"reconstruction_loss": "bce", "gamma": 0.5},
    "INFOVAE_MMD": {"reconstruction_loss": "bce"},
    "MSSSIM_VAE": {"window_size": 3, "beta": 0.01},
    "VAEGAN": {"reconstruction_layer": 1, "adversarial_loss_scale": 0.1, "margin": 0.1},
    "VAMP": {"reconstruction_loss": "bce", "number_components": 20},
    "IWAE": {"reconstruction_loss": "bce", "number_samples": 3},
    "MIWAE": {"reconstruction_loss": "bce", "number_gradient_estimates": 2, "number_samples": 3},
    "PIWAE": {"reconstruction_loss": "bce", "number_gradient_estimates": 2, "number_samples": 3},
    "CIWAE": {"reconstruction_loss": "bce", "number_samples": 3, "beta": 0.1},
    "HVAE": {"reconstruction_loss": "mse", "n_lf": 1},
    "RHVAE": {"reconstruction_loss": "bce", "n_lf": 1},
    "Adversarial_AE": {"reconstruction_loss": "bce"},
}
"""Configuration, beside shape and latent dimension, of each model with a Gaussian posterior that its decoder sees."""

LEARNING_RATE = 2e-3

_TRAINERS: dict[str, tuple[type[BaseTrainerConfig], tuple[str, ...]]] = {
    "PIWAE": (CoupledOptimizerTrainerConfig, ("encoder_", "decoder_")),
    "VAEGAN": (CoupledOptimizerAdversarialTrainerConfig, ("encoder_", "decoder_", "discriminator_")),
    "Adversarial_AE": (AdversarialTrainerConfig, ("autoencoder_", "discriminator_")),
    "FactorVAE": (AdversarialTrainerConfig, ("autoencoder_", "discriminator_")),
}


def make_pythae(
    name: str, image_shape: tuple[int, ...], *, base: type | None = None, seed: int = 0, **config: Any
) -> Any:
    """An untrained model of pythae by the name of its class, or of ``base`` with that class's configuration."""
    make_config = getattr(models, f"{name}Config", None) or getattr(models, f"{name}_Config")
    with set_apart(seed):
        return (base or getattr(models, name))(make_config(input_dim=image_shape, **config))


def train_pythae(
    name: str,
    images: Float[Tensor, "n channels height width"],
    *,
    latent_dim: int = 4,
    n_epochs: int,
    folder: str | os.PathLike[str] | None = None,
) -> Any:
    """One of the `USABLE` models, trained by pythae's ``TrainingPipeline``; the global random state stays as it was.

    Args:
        name: Name of its class.
        images: Training images in [0, 1].
        latent_dim: Dimension of the latent space.
        n_epochs: Passes over the images.
        folder: Where the pipeline writes its checkpoints; None keeps nothing.

    Returns:
        The model, in evaluation mode.
    """
    model = make_pythae(name, tuple(images.shape[1:]), latent_dim=latent_dim, **USABLE[name])
    with tempfile.TemporaryDirectory() as scratch, set_apart():
        config = _training_config(name, output_dir=str(folder or scratch), num_epochs=n_epochs, no_cuda=True)
        TrainingPipeline(model=model, training_config=config)(train_data=images)
    return model.eval()


def _training_config(name: str, **arguments: Any) -> BaseTrainerConfig:
    """What the pipeline asks for: some models come with an optimizer for each part."""
    make_config, optimizers = _TRAINERS.get(name, (BaseTrainerConfig, ("",)))
    rates = {f"{part}learning_rate": LEARNING_RATE for part in optimizers}
    return make_config(**arguments, **rates, per_device_train_batch_size=50)


# FactorVAE has a wide discriminator, VAEGAN learns slowly, VAMP's pseudo-inputs even more so.
_EPOCHS = {"FactorVAE": 8, "VAEGAN": 40, "VAMP": 100}


def _trained(name: str) -> Trained:
    images = large_digits()
    return Trained(train_pythae(name, images, n_epochs=_EPOCHS.get(name, 15)), images)


MODELS: dict[str, Callable[[], Trained]] = {name: partial(_trained, name) for name in USABLE}

_UNUSABLE = ("VAE_LinNF", "VAE_IAF", "PoincareVAE", "SVAE", "AE", "RAE_L2", "RAE_GP", "WAE_MMD", "VQVAE")

REFUSED: dict[str, Callable[[], Any]] = {
    **{name: partial(make_pythae, name, (1, 8, 8), latent_dim=2) for name in _UNUSABLE},
    "deterministic Adversarial_AE": partial(
        make_pythae, "Adversarial_AE", (1, 8, 8), latent_dim=2, deterministic_posterior=True
    ),
}
"""Makes each of the models without such a posterior."""
