"""Samplers of a latent space behind one small interface: baselines, and the presets of this package.

Another one takes a ``fit`` that returns itself, a ``sample``, and a line in `SAMPLERS`.
"""

from collections.abc import Callable
from functools import partial
from typing import Final, Protocol

import numpy as np
import torch
from jaxtyping import Float
from sklearn.mixture import GaussianMixture
from torch import Tensor
from typing_extensions import Self

from riemann_sampler import GaussianPosterior, RiemannianUniformSampler

__all__ = ["SAMPLERS", "AggregatePosterior", "FittedMixture", "LatentSampler", "Preset", "StandardNormal"]


class LatentSampler(Protocol):
    """What can be fitted to posteriors and draws latent positions; the same seeds, the same draws."""

    def fit(self, posterior: GaussianPosterior, seed: int) -> Self:
        """Fit to the posteriors of the training data."""
        ...

    def sample(self, n_samples: int, seed: int) -> Float[Tensor, "n dim"]:
        """Draw latent positions, in random order."""
        ...


def _resample(posterior: GaussianPosterior, rows: Tensor, generator: torch.Generator) -> Float[Tensor, "n dim"]:
    """One draw z ~ q(z|x) from the posterior of each row."""
    mean, log_variance = posterior.mean[rows], posterior.log_variance[rows]
    noise = torch.randn(mean.shape, generator=generator, dtype=mean.dtype)
    return mean + noise * log_variance.mul(0.5).exp()


class StandardNormal:
    """The prior N(0, I)."""

    def fit(self, posterior: GaussianPosterior, seed: int) -> Self:  # noqa: ARG002 - nothing is random here
        """Learn dimension and dtype."""
        self._like = posterior.mean[:0]
        return self

    def sample(self, n_samples: int, seed: int) -> Float[Tensor, "n dim"]:
        """Draw from N(0, I)."""
        generator = torch.Generator().manual_seed(seed)
        return torch.randn(n_samples, self._like.shape[1], generator=generator, dtype=self._like.dtype)


class AggregatePosterior:
    """Σ_i q(z|x_i) / N: a training point at random, then its posterior."""

    def fit(self, posterior: GaussianPosterior, seed: int) -> Self:  # noqa: ARG002 - nothing is random here
        """Keep the posteriors."""
        self._posterior = posterior
        return self

    def sample(self, n_samples: int, seed: int) -> Float[Tensor, "n dim"]:
        """Draw rows, then from their posteriors."""
        generator = torch.Generator().manual_seed(seed)
        rows = torch.randint(len(self._posterior.mean), (n_samples,), generator=generator)
        return _resample(self._posterior, rows, generator)


class FittedMixture:
    """A mixture of full normals fitted to one draw from each posterior, as pythae's GaussianMixtureSampler does.

    Args:
        n_components: Normals in the mixture.
    """

    def __init__(self, n_components: int) -> None:
        self._n_components = n_components

    def fit(self, posterior: GaussianPosterior, seed: int) -> Self:
        """Draw z ~ q(z|x) once for every training point, then run expectation maximization with pythae's settings."""
        self._dtype = posterior.mean.dtype
        generator = torch.Generator().manual_seed(seed)
        z = _resample(posterior, torch.arange(len(posterior.mean)), generator).double().numpy()
        self._mixture = GaussianMixture(self._n_components, tol=1e-3, max_iter=2000, random_state=seed).fit(z)
        return self

    def sample(self, n_samples: int, seed: int) -> Float[Tensor, "n dim"]:
        """Draw from the mixture; scikit-learn sorts draws by component, so they are shuffled."""
        z, _ = self._mixture.set_params(random_state=seed).sample(n_samples)
        return torch.from_numpy(np.random.default_rng(seed).permutation(z)).to(self._dtype)


class Preset:
    """A preset of `RiemannianUniformSampler`.

    Args:
        preset: Its name.
        **overrides: Arguments that replace the preset's.
    """

    def __init__(self, preset: str, **overrides: object) -> None:
        self._sampler = RiemannianUniformSampler.from_preset(preset, **overrides)

    def fit(self, posterior: GaussianPosterior, seed: int) -> Self:
        """Fit its law."""
        self._sampler.fit(posterior, seed=seed)
        return self

    def sample(self, n_samples: int, seed: int) -> Float[Tensor, "n dim"]:
        """Draw from its law."""
        return self._sampler.sample_latents(n_samples, seed=seed).z


SAMPLERS: Final[dict[str, Callable[[], LatentSampler]]] = {
    "N(0, I)": StandardNormal,
    "GMM-10": partial(FittedMixture, 10),
    "aggregate posterior": AggregatePosterior,
    "uniform": partial(Preset, "uniform"),
    "calibrated": partial(Preset, "calibrated"),
    "clusters": partial(Preset, "clusters"),
}
"""Makes each sampler, unfitted, by the name that tables give it."""
