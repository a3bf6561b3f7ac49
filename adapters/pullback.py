"""Posterior covariances that the decoder implies, for models whose encoder gives none, or none to be trusted."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from ..errors import DataError, NotFittedError
from ..protocols import GaussianPosterior, HasLatentShape, HasPseudoInputs, LatentModel
from ..validation import positive
from .checks import describe
from .jacobians import decode_with_gradients, squared_column_norms

__all__ = ["PullbackAdapter"]

_GIVEN = 'as_latent_model(model, metric="pullback", noise_variance=...)'


class PullbackAdapter(LatentModel):
    """A latent model whose posterior variances are pulled back from data space by its decoder.

    For p(x|z) = N(decode(z), σI) and the unit prior, the posterior around a code z has the precision JᵀJ/σ + I, with J
    the decoder's Jacobian there (arXiv:2209.07370, eqs. 9-11). `encode` gives N(z, diag(JᵀJ/σ + I)⁻¹): the codes are
    the means of the wrapped model's posteriors, whose own variances are not used. A batch takes one more decoding, and
    one backward pass for each latent dimension.

    σ is the noise variance. Unless it is given, it is the one of largest likelihood for a set of data, the mean squared
    difference of data and reconstructions: `RiemannianUniformSampler.fit` takes it from the training data, and a saved
    sampler remembers it.

    Args:
        model: The model that gives codes and decodes them.
        noise_variance: σ, in squared units of the data; None learns it.

    Raises:
        ArgumentError: ``noise_variance`` is not positive and finite.

    Example:
        >>> posterior = PullbackAdapter(model, noise_variance=0.01).encode(images)
    """

    def __init__(self, model: LatentModel, noise_variance: float | None = None) -> None:
        self.model: Any = model
        self.noise_variance = None if noise_variance is None else positive("noise_variance", noise_variance)
        self._is_given = noise_variance is not None

    @property
    def latent_dim(self) -> int:
        """Dimension of the latent space."""
        dim: int = self.model.latent_dim
        return dim

    @property
    def latent_shape(self) -> tuple[int, ...] | None:
        """Shape of one latent code, where the wrapped model knows one."""
        return self.model.latent_shape if isinstance(self.model, HasLatentShape) else None

    @latent_shape.setter
    def latent_shape(self, shape: tuple[int, ...]) -> None:
        self.model.latent_shape = shape

    def encode(self, x: Any) -> GaussianPosterior:
        """Posterior of each data point of a batch.

        Args:
            x: What the wrapped model encodes.

        Returns:
            Its codes, and the variances that the decoder implies there.

        Raises:
            NotFittedError: There is no noise variance yet.
            UnsupportedModelError: The decoder cannot be differentiated.
        """
        return self._around(self.model.encode(x).mean)

    def decode(self, z: Float[Tensor, "n dim"]) -> Tensor:
        """Data decoded from latent positions, by the wrapped model."""
        decoded: Tensor = self.model.decode(z)
        return decoded

    def decode_with_gradients(self, z: Float[Tensor, "n dim"]) -> Tensor:
        """Like `decode`, but records gradients when grad mode is on."""
        return decode_with_gradients(self.model, z)

    def pseudo_inputs(self) -> GaussianPosterior | None:
        """Posteriors of the pseudo-inputs that the wrapped model has learnt; None if it has none."""
        own = self.model.pseudo_inputs() if isinstance(self.model, HasPseudoInputs) else None
        return None if own is None else self._around(own.mean)

    def with_noise(self, noise_variance: float) -> "PullbackAdapter":
        """The adapter with a noise variance that was learnt; the adapter itself if one was given by hand."""
        if self._is_given:
            return self
        adapter = PullbackAdapter(self.model)
        adapter.noise_variance = noise_variance
        return adapter

    def with_noise_of(self, batches: Iterable[Any]) -> "PullbackAdapter":
        """The adapter with the noise variance that data of the model show.

        Args:
            batches: Batches of data that the model encodes, each as large as the others or not.

        Returns:
            A new adapter; the adapter itself if its noise variance was given by hand.

        Raises:
            DataError: What is decoded has not the shape of the data, or equals them.
        """
        if self._is_given:
            return self
        total, count = 0.0, 0
        for x in batches:
            difference = self._difference(x)
            total += difference.square().sum().item()
            count += difference.numel()
        if not total > 0:
            msg = f"the reconstructions are exact, which gives noise_variance=0: pass one, {_GIVEN}."
            raise DataError(msg)
        return self.with_noise(total / count)

    def _difference(self, x: Any) -> Tensor:
        """Data minus their reconstruction."""
        decoded: Tensor = self.model.decode(self.model.encode(x).mean)
        if not isinstance(x, Tensor | np.ndarray) or x.shape != decoded.shape:
            msg = (
                f"noise_variance cannot be learnt: the data are {describe(x)}, what is decoded of them is "
                f"{describe(decoded)}. Pass one in squared units of what is decoded: {_GIVEN}."
            )
            raise DataError(msg)
        return torch.as_tensor(x).to(decoded) - decoded

    def _around(self, codes: Float[Tensor, "n dim"]) -> GaussianPosterior:
        if self.noise_variance is None:
            msg = (
                "noise_variance is not known before fit: fit a RiemannianUniformSampler on this model and take its "
                f"attribute model, or pass one, {_GIVEN}."
            )
            raise NotFittedError(msg)
        precisions_less_one = squared_column_norms(self.model, codes) / self.noise_variance
        return GaussianPosterior(codes, -precisions_less_one.log1p().to(codes))
