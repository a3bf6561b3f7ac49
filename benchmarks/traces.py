"""What a call could leave changed behind it."""

import random
from typing import Any

import numpy as np
import torch
from torch import nn


def traces(module: nn.Module) -> dict[str, Any]:
    """Everything that a call could leave changed in a module."""
    submodules = dict(module.named_modules())
    return {
        # the mode of each submodule, ``training``, is among its attributes
        "attributes": {name: {k: id(v) for k, v in vars(submodule).items()} for name, submodule in submodules.items()},
        "values": {name: (v.data_ptr(), v.device, v.dtype, v.tolist()) for name, v in module.state_dict().items()},
        "gradients": {
            name: (v.requires_grad, None if v.grad is None else (id(v.grad), v.grad.tolist()))
            for name, v in module.named_parameters()
        },
    }


def random_states() -> tuple[Any, ...]:
    return torch.get_rng_state().tolist(), str(np.random.get_state()), random.getstate()  # noqa: NPY002
