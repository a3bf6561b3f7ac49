"""The dynamics that the paper's authors published, errors included, to measure what the errors do.

Described from ``sampling.py`` beside arXiv:2209.07370, in our own words and not for use. What it does, and what
Hamiltonian Monte Carlo for √det G would do:

- momentum from N(0, ¼ I), scored by the kinetic energy ½‖p‖² of N(0, I);
- a gradient of log det G, not of its half, with the floor λ added once for each centroid, not once;
- det G clamped to 10¹⁰ before the logarithm, which flattens the density near the data in higher dimensions;
- a constant floor λ, under which the density has no finite mass;
- a fixed step of 0.01, 10 leapfrog steps, 100 transitions, from random training codes.

The published code forms (chains, centroids, dim, dim) tensors, and computes the gradient at both ends of every leapfrog
step. The sums here are the same without that, unless it is asked for, to measure what it costs.
"""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

__all__ = ["N_TRANSITIONS", "dense_gradient", "published_samples"]

STEP_SIZE, N_LEAPFROG_STEPS, N_TRANSITIONS = 0.01, 10, 100

Function = Callable[[Tensor], Tensor]


def published_samples(
    codes: Float[Tensor, "n dim"],
    centroids: Float[Tensor, "k dim"],
    precisions: Float[Tensor, "k dim"],
    *,
    temperature: float,
    regularization: float,
    n_samples: int,
    generator: torch.Generator,
    n_transitions: int = N_TRANSITIONS,
    dense: bool = False,
    observe: Callable[[Float[Tensor, "samples dim"]], object] = lambda _: None,
) -> Float[Tensor, "samples dim"]:
    """Last states of the published chains, if ``dense`` at the published cost; ``observe`` sees every transition's."""
    law = _dense_law if dense else _diagonal_law
    log_density, gradient = law(centroids, precisions, temperature, regularization)
    start = torch.randint(len(codes), (n_samples,), generator=generator)
    position = codes[start]
    for _ in range(n_transitions):
        momentum = 0.5 * torch.randn(position.shape, dtype=position.dtype, generator=generator)
        energy = -log_density(position) + 0.5 * momentum.square().sum(1)
        proposal, force = position, gradient(position)
        for step in range(N_LEAPFROG_STEPS):
            if dense and step > 0:
                force = gradient(proposal)  # again
            momentum = momentum + 0.5 * STEP_SIZE * force
            proposal = proposal + STEP_SIZE * momentum
            force = gradient(proposal)
            momentum = momentum + 0.5 * STEP_SIZE * force
        rise = -log_density(proposal) + 0.5 * momentum.square().sum(1) - energy
        accepted = torch.rand(n_samples, dtype=position.dtype, generator=generator) < (-rise).exp()
        position = torch.where(accepted[:, None], proposal, position)
        observe(position)
    return position


def _diagonal_law(
    centroids: Tensor, precisions: Tensor, temperature: float, regularization: float
) -> tuple[Function, Function]:
    """The published log density, and what stands for its gradient."""
    pulled = precisions * centroids
    constant = (pulled * centroids).sum(1)

    def weights(z: Tensor) -> Tensor:
        squares = z.square() @ precisions.T - 2 * z @ pulled.T + constant
        return torch.exp(-squares / temperature**2)

    def log_density(z: Tensor) -> Tensor:
        return _clamped_log((weights(z) @ precisions + regularization).prod(1))

    def gradient(z: Tensor) -> Tensor:
        weight = weights(z)
        ratios = 1 / (weight @ precisions + len(centroids) * regularization)
        shares = weight * (ratios @ precisions.T)
        return -2 / temperature**2 * (z * (shares @ precisions) - shares @ pulled)

    return log_density, gradient


def _dense_law(
    centroids: Tensor, precisions: Tensor, temperature: float, regularization: float
) -> tuple[Function, Function]:
    """The same by d×d tensors."""
    matrices = torch.diag_embed(precisions)
    floor = regularization * torch.eye(centroids.shape[1], dtype=centroids.dtype)

    def weights(z: Tensor) -> tuple[Tensor, Tensor]:
        deviation = z[:, None, :] - centroids  # (n, k, dim)
        squares = deviation[:, :, None, :] @ matrices @ deviation[..., None]  # (n, k, 1, 1)
        return torch.exp(-squares / temperature**2), deviation

    def log_density(z: Tensor) -> Tensor:
        weight, _ = weights(z)
        return _clamped_log(((weight * matrices).sum(1) + floor).det())

    def gradient(z: Tensor) -> Tensor:
        weight, deviation = weights(z)
        slopes = -2 / temperature**2 * weight[..., 0] * precisions * deviation  # of the weights (n, k, dim)
        metric_slopes = (precisions[:, :, None] * slopes[:, :, None, :]).sum(1)  # of the diagonal (n, dim, dim)
        diagonal = (weight[..., 0] * precisions + regularization).sum(1)  # the floor k times
        return (metric_slopes / diagonal[:, :, None]).sum(1)

    return log_density, gradient


def _clamped_log(determinant: Tensor) -> Tensor:
    return 0.5 * determinant.clamp(0, 1e10).log()


def dense_gradient(
    z: Float[Tensor, "n dim"],
    centroids: Float[Tensor, "k dim"],
    matrices: Float[Tensor, "k dim dim"],
    *,
    temperature: float,
    regularization: float,
    decay: float,
) -> Float[Tensor, "n dim"]:
    """The gradient of log √det G, right but by d×d tensors throughout: what the diagonal form is compared with."""
    identity = torch.eye(z.shape[1], dtype=z.dtype)
    deviation = (z[:, None, :] - centroids)[..., None]  # (n, k, dim, 1)
    pulled = matrices @ deviation  # (n, k, dim, 1)
    weight = torch.exp(-(deviation.mT @ pulled) / temperature**2)  # (n, k, 1, 1)
    floor = regularization * torch.exp(-decay * z.square().sum(1))[:, None, None]
    metric = (weight * matrices).sum(1) + floor * identity  # (n, dim, dim)
    inverse = torch.linalg.inv(metric)
    traces = torch.einsum("nij,kji->nk", inverse, matrices)[..., None, None]
    islands = (traces * weight * pulled).sum(1)[..., 0] / temperature**2
    trace = inverse.diagonal(dim1=1, dim2=2).sum(1)[:, None]
    return -islands - decay * z * floor[..., 0] * trace
