"""Samplers of a latent space: baselines, and the presets of this package."""

import numpy as np
import torch
from jaxtyping import Float
from sklearn.mixture import GaussianMixture
from torch import Tensor
from typing_extensions import Self

from riemann_sampler import GaussianPosterior, RiemannianUniformSampler
from riemann_sampler.encoding import StreamedPosteriors
from riemann_sampler.laws import nearest_temperature
from riemann_sampler.metric import posterior_centroids

from .published import published_samples

__all__ = ["AggregatePosterior", "FittedMixture", "NoisyMean", "Preset", "PublishedDynamics", "StandardNormal"]


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


class NoisyMean:
    """A training mean at random, and noise of the same width everywhere: μ_i + noise · N(0, I).

    Args:
        noise: Standard deviation of the noise, in latent units.
    """

    def __init__(self, noise: float) -> None:
        self._noise = noise

    def fit(self, posterior: GaussianPosterior, seed: int) -> Self:  # noqa: ARG002 - nothing is random here
        """Keep the means."""
        self._means = posterior.mean
        return self

    def sample(self, n_samples: int, seed: int) -> Float[Tensor, "n dim"]:
        """Draw means, then noise around them."""
        generator = torch.Generator().manual_seed(seed)
        mean = self._means[torch.randint(len(self._means), (n_samples,), generator=generator)]
        return mean + self._noise * torch.randn(mean.shape, generator=generator, dtype=mean.dtype)


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


class PublishedDynamics:
    """The dynamics that the paper's authors published, with their centroids, temperature and λ."""

    N_CENTROIDS, REGULARIZATION = 100, 0.01
    CHUNK = 1_000
    """Chains at a time."""

    def fit(self, posterior: GaussianPosterior, seed: int) -> Self:
        """Snap k-means centres to training codes; the largest distance of neighbours is the temperature."""
        self._codes = posterior.mean
        self._centroids = posterior_centroids(StreamedPosteriors(posterior), self.N_CENTROIDS, seed)
        self._temperature = nearest_temperature(self._centroids.means)
        return self

    def sample(self, n_samples: int, seed: int) -> Float[Tensor, "n dim"]:
        """Run a chain for each sample from a training code at random."""
        generator = torch.Generator().manual_seed(seed)
        sizes = [min(self.CHUNK, n_samples - first) for first in range(0, n_samples, self.CHUNK)]
        return torch.cat([self._chains(size, generator) for size in sizes])

    def _chains(self, n: int, generator: torch.Generator) -> Float[Tensor, "n dim"]:
        return published_samples(
            self._codes,
            self._centroids.means,
            self._centroids.precisions,
            temperature=self._temperature,
            regularization=self.REGULARIZATION,
            n_samples=n,
            generator=generator,
        )


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
