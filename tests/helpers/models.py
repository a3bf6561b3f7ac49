"""Small models for the tests. Building and training one leaves the global random state as it was."""

from collections.abc import Callable
from typing import Any

import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn

from benchmarks.harness.isolation import set_apart

IMAGE_SHAPE = (1, 8, 8)


def digit_images() -> Tensor:
    """scikit-learn's 1,797 digits, (n, 1, 8, 8) in [0, 1]."""
    return torch.tensor(load_digits().images, dtype=torch.float32).div(16).unsqueeze(1)


def _hidden(n_in: int, n_out: int) -> nn.Sequential:
    """A layer that acts differently in training mode: batch statistics, and dropout."""
    layer = nn.Sequential(nn.Flatten(), nn.Linear(n_in, n_out), nn.BatchNorm1d(n_out), nn.Tanh(), nn.Dropout(0.5))
    layer[2].running_mean.normal_()
    layer[2].running_var.uniform_(0.5, 2.0)
    return layer


class PlainVAE(nn.Module):
    """A VAE of torch alone, with batch normalization and dropout."""

    def __init__(self, dim: int = 3) -> None:
        super().__init__()
        self.trunk = _hidden(64, 16)
        self.mean = nn.Linear(16, dim)
        self.log_variance = nn.Linear(16, dim)
        self.generator = nn.Sequential(_hidden(dim, 16), nn.Linear(16, 64), nn.Sigmoid())

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        hidden = self.trunk(x)
        return self.mean(hidden), self.log_variance(hidden)

    def decode(self, z: Tensor) -> Tensor:
        return self.generator(z).reshape(-1, *IMAGE_SHAPE)


class Codec(nn.Module):
    """A module that encodes and decodes as it is told."""

    def __init__(self, encode: Callable[[Any], Any], decode: Callable[[Any], Any] = lambda z: z) -> None:
        super().__init__()
        self._encode, self._decode = encode, decode

    def encode(self, x: Any) -> Any:
        return self._encode(x)

    def decode(self, z: Any) -> Any:
        return self._decode(z)


def make_plain_vae(dim: int = 3, seed: int = 0, *, base: type[PlainVAE] = PlainVAE) -> PlainVAE:
    """An untrained `PlainVAE`, or a subclass of it, in training mode as torch makes them."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return base(dim)


def make_pythae(name: str, *, latent_dim: int = 2, **arguments: Any) -> Any:
    """An untrained pythae model for the digits."""
    with set_apart():
        from benchmarks.models.zoo import pythae
    return pythae.make_pythae(name, IMAGE_SHAPE, latent_dim=latent_dim, **arguments)


def make_noisy_pythae_vae(dim: int = 3, seed: int = 0) -> Any:
    """A pythae VAE around the networks of `PlainVAE`: the default ones act alike in either mode."""
    from pythae.models import VAE, VAEConfig
    from pythae.models.base.base_utils import ModelOutput
    from pythae.models.nn import BaseDecoder, BaseEncoder

    class Encoder(BaseEncoder):
        def __init__(self, networks: PlainVAE) -> None:
            super().__init__()
            self.trunk, self.mean, self.log_variance = networks.trunk, networks.mean, networks.log_variance

        def forward(self, x: Tensor) -> ModelOutput:
            hidden = self.trunk(x)
            return ModelOutput(embedding=self.mean(hidden), log_covariance=self.log_variance(hidden))

    class Decoder(BaseDecoder):
        def __init__(self, networks: PlainVAE) -> None:
            super().__init__()
            self.generator = networks.generator

        def forward(self, z: Tensor) -> ModelOutput:
            return ModelOutput(reconstruction=self.generator(z).reshape(-1, *IMAGE_SHAPE))

    networks = make_plain_vae(dim, seed)
    return VAE(VAEConfig(input_dim=IMAGE_SHAPE, latent_dim=dim), encoder=Encoder(networks), decoder=Decoder(networks))


def make_digits_vae(latent_dim: int = 2, epochs: int = 20, seed: int = 0) -> tuple[Any, Tensor]:
    """A pythae VAE (Bernoulli likelihood) trained on the digits, in evaluation mode, and the digits."""
    images = digit_images()
    model = make_pythae("VAE", latent_dim=latent_dim, seed=seed, reconstruction_loss="bce")
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        for _ in range(epochs):
            for rows in torch.randperm(len(images)).split(100):
                optimizer.zero_grad()
                model({"data": images[rows]}).loss.backward()
                optimizer.step()
    optimizer.zero_grad()
    return model.eval(), images
