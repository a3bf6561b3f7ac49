r"""Brownian motion of the metric, by random walks that leave its volume law alone.

A walk proposes steps as wide as the metric says, and accepts them so that the volume law
:math:`\pi(z) \propto \sqrt{\det G(z)}` (arXiv:2209.07370, section 4.3, as eq. (7) defines G) is invariant:

.. math::
    z' = z + \sqrt{\varepsilon}\, G(z)^{-1/2} \xi, \quad \xi \sim N(0, I), \qquad
    \log r = 2 \log\frac{\sqrt{\det G(z')}}{\sqrt{\det G(z)}}
        - \frac{\|\delta\|_{z'}^2 - \|\delta\|_z^2}{2 \varepsilon}, \quad \delta = z' - z

(the random-walk Metropolis algorithm with position-dependent covariance; Livingstone 2021, arXiv:1507.05780). One
√det G of the ratio is the law's, the other normalizes the proposal. As :math:`\varepsilon \to 0` it accepts all, and
becomes the diffusion of generator :math:`\tfrac12 \Delta_G`, with half the Laplace-Beltrami operator of G. Off the
data :math:`G^{-1}` is huge: a step that leaves them lands where :math:`\sqrt{\det G}` is next to nothing, and is
rejected.
"""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from ...compute import make_generator, progress_bar
from ...mcmc import acceptance_probability, metropolis_accept
from ...metric import Metric
from ...validation import finite_matrix, natural, positive

__all__ = ["BrownianWalk", "brownian_walk", "walk"]


class BrownianWalk(NamedTuple):
    """Walks, and how freely they went.

    Attributes:
        points: Where each walk was before its first step and after every step, in latent units.
        acceptance: Each walk's mean acceptance; far below 1, take more steps in the same time.
    """

    points: Float[Tensor, "n steps dim"]
    acceptance: Float[Tensor, " n"]


def brownian_walk(
    metric: Metric, start: Float[Tensor, "n dim"], *, n_steps: int = 100, time: float = 1.0, seed: int | None = None
) -> BrownianWalk:
    """Walk at random from given codes: many walks from one code are variations of one sample.

    Args:
        metric: The metric G.
        start: A code for each walk; ``code.expand(64, -1)`` starts 64 walks at one.
        n_steps: Steps of each walk.
        time: How long the walks are, in squared lengths of G: where G is a code's posterior precision, a short walk
            from it has the posterior's covariance times the time.
        seed: Seed of the walks; None takes a fresh one.

    Returns:
        The walks, in the metric's dtype and on its device.

    Raises:
        ArgumentError: If a start is not finite, or a number is not positive.
        ArgumentTypeError: If an argument is not of the type that it should be.

    Example:
        >>> walk = brownian_walk(sampler.metric_, code.expand(64, -1), time=0.5, seed=0)
        >>> variations = model.decode(walk.points[:, -1])
    """
    z = finite_matrix("start", start, dim=metric.dim).detach().to(metric.centroids)
    natural("n_steps", n_steps)
    return walk(metric, z, make_generator(seed, z.device), n_steps=n_steps, time=positive("time", time))


def walk(
    metric: Metric, z: Float[Tensor, "n dim"], generator: torch.Generator, *, n_steps: int, time: float
) -> BrownianWalk:
    """`brownian_walk` from positions and with a generator that are as the metric wants them."""
    time_step = time / n_steps
    log_volume, points, acceptances = metric.log_volume(z), [z], []
    for _ in progress_bar(range(n_steps), desc="walk", unit="step"):
        noise = torch.randn(z.shape, dtype=z.dtype, device=z.device, generator=generator)
        step = time_step**0.5 * metric.colour(z, noise)
        proposal = z + step
        proposed_log_volume = metric.log_volume(proposal)
        rise = metric.inner(proposal, step, step) / time_step - noise.square().sum(1)  # ‖δ‖²_z is ε|ξ|²
        log_ratio = torch.sub(2 * (proposed_log_volume - log_volume), rise, alpha=0.5)
        accepted = metropolis_accept(log_ratio, generator)
        z = torch.where(accepted[:, None], proposal, z)
        log_volume = torch.where(accepted, proposed_log_volume, log_volume)
        points.append(z)
        acceptances.append(acceptance_probability(log_ratio))
    return BrownianWalk(torch.stack(points, 1), torch.stack(acceptances).mean(0))
