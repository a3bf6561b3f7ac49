"""The training loop of the nets of the benchmarks."""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn

__all__ = ["minimize"]


def minimize(
    loss: Callable[[Any], Tensor],
    optimizer: torch.optim.Optimizer,
    batches: Iterable[Any],
    *,
    schedule: torch.optim.lr_scheduler.LRScheduler | None = None,
    largest_gradient: float | None = None,
) -> None:
    """Take a step of the optimizer for each batch.

    Args:
        loss: Loss of a batch.
        optimizer: Holds the parameters; it leaves no gradients behind.
        batches: Whatever `loss` is called with.
        schedule: Steps along, if given.
        largest_gradient: Norm to which gradients are clipped, if given; steps with gradients that are not finite are
            left out then.
    """
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    for batch in batches:
        optimizer.zero_grad()
        loss(batch).backward()
        if largest_gradient is None or nn.utils.clip_grad_norm_(parameters, largest_gradient).isfinite():
            optimizer.step()
        if schedule is not None:
            schedule.step()
    optimizer.zero_grad()
