"""A latent model for those who have none: it is trained on their rows, and gives rows of the same kind back."""

from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from ..compute import progress_bar
from ..errors import ArgumentError
from ..protocols import GaussianPosterior
from .image_codec import Pixels
from .small_vae import VAE, train_vae
from .table_codec import Columns

__all__ = ["AutoModel"]

ROWS_AT_A_TIME = 4096
"""Rows that are encoded, or positions that are decoded, in one pass."""


class AutoModel:
    """A `LatentModel` with a small VAE of its own; `fit` trains it.

    Args:
        vae: A trained VAE.
        codec: Makes data for the VAE of the user's rows, and rows of what it decodes.

    Example:
        >>> model = AutoModel.fit(frame)
        >>> sampler = RiemannianUniformSampler(model).fit(frame)
        >>> rows = model.rows(sampler.sample(100))
    """

    def __init__(self, vae: VAE, codec: "Columns | Pixels") -> None:
        self.vae, self.codec = vae, codec

    @classmethod
    def fit(
        cls,
        X: Any,
        *,
        labels: Any = None,
        categorical_features: Any = "auto",
        latent_dim: int | None = None,
        n_steps: int | None = None,
        seed: int = 0,
    ) -> "AutoModel":
        """Train a VAE on rows or images.

        Args:
            X: A table, array of two axes or pandas DataFrame; or images, array of shape (n, height, width), (n,
                channels, height, width) or (n, height, width, channels) with 1, 3 or 4 channels.
            labels: A class for each row, whose codes are then kept apart; None trains without.
            categorical_features: Columns of a table that are categories, as for `Columns.fit`.
            latent_dim: Dimension of the latent space; None chooses it.
            n_steps: Steps of training; None takes the default.
            seed: Seed of the training.

        Returns:
            The trained model.

        Raises:
            ArgumentError: If ``categorical_features`` names columns that are not there, or labels do not match rows.
            ArgumentTypeError: If X is neither a table nor images.
            DataError: If X cannot be used; the message says why.
        """
        X = _array(X)
        images = isinstance(X, np.ndarray) and X.ndim > 2
        codec = Pixels.fit(X) if images else Columns.fit(X, categorical_features)
        data = codec.transform(X)
        classes = None if labels is None else _classes(labels, len(data))
        vae = train_vae(data, codec.layout, labels=classes, latent_dim=latent_dim, n_steps=n_steps, seed=seed)
        return cls(vae, codec)

    @property
    def latent_dim(self) -> int:
        """Dimension of the latent space."""
        return self.vae.latent_dim

    def transform(self, X: Any) -> Tensor:
        """The rows as the VAE sees them; errors as those of `fit` and `Columns.transform`."""
        return self.codec.transform(_array(X))

    def encode(self, x: Any) -> GaussianPosterior:
        """Posterior of each row; errors as those of `transform`."""
        parts = progress_bar(self.transform(x).split(ROWS_AT_A_TIME), desc="encode", unit="batch")
        with torch.no_grad():
            means, log_variances = zip(*map(self.vae.encode, parts), strict=True)
        return GaussianPosterior(torch.cat(means), torch.cat(log_variances))

    def decode(self, z: Float[Tensor, "n dim"]) -> Tensor:
        """What the VAE makes of latent positions; `rows` makes rows of it."""
        with torch.no_grad():
            decoded: Tensor = self.vae.decode(z.to("cpu", torch.float32))
        return decoded

    def rows(self, decoded: Tensor, seed: int = 0, *, noise: bool = True) -> Any:
        """Rows, or images, of the user's kind.

        Args:
            decoded: What `decode` gave.
            seed: Seed of the draws of categories, and of the noise.
            noise: Whether numbers of a table get the noise that the VAE leaves unexplained, or are means.

        Returns:
            A table, or an array of images, like that of the fit, with one row for each of ``decoded``.
        """
        spread = self.vae.noise.numpy() if noise else None
        return self.codec.inverse(decoded.numpy(), np.random.default_rng(seed), spread)


def _classes(labels: Any, n: int) -> Tensor:
    """The labels, numbered."""
    if len(labels) != n:
        msg = f"labels must hold one label for each of the {n} rows, got {len(labels)}."
        raise ArgumentError(msg)
    return torch.from_numpy(np.unique(labels, return_inverse=True)[1])


def _array(X: Any) -> Any:
    """Tensors as arrays; anything else as it is."""
    return X.detach().cpu().numpy() if isinstance(X, Tensor) else X
