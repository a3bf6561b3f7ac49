"""What a call could leave changed behind it."""

import random
from typing import Any

import numpy as np
import torch
from torch import nn

__all__ = ["random_states", "traces"]


def traces(model: Any) -> dict[str, Any]:
    """Everything that a call could leave changed in a torch module, or in a model around one."""
    module = model if isinstance(model, nn.Module) else model.module
    submodules = dict(module.named_modules())
    return {
        "own attributes": {name: id(value) for name, value in vars(model).items()},
        # the mode of each submodule, ``training``, is among its attributes
        "attributes": {name: {k: id(v) for k, v in vars(submodule).items()} for name, submodule in submodules.items()},
        "values": {name: (v.data_ptr(), v.device, v.dtype, v.tolist()) for name, v in module.state_dict().items()},
        "gradients": {
            name: (v.requires_grad, None if v.grad is None else (id(v.grad), v.grad.tolist()))
            for name, v in module.named_parameters()
        },
    }


def random_states() -> tuple[Any, ...]:
    """The global random states of torch, numpy and Python."""
    return torch.get_rng_state().tolist(), str(np.random.get_state()), random.getstate()  # noqa: NPY002
