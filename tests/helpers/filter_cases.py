"""Training points and a classifier for the tests of filters."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

LINE = torch.tensor([[0.0], [1.0], [4.0]])
"""Training points whose own nearest distances are 1, 1 and 3."""


class Rule:
    """A classifier as scikit-learn has them; it keeps what it was called with."""

    def __init__(self, rule: Callable[[Any], Any]) -> None:
        self.rule = rule
        self.seen: list[Any] = []

    def predict(self, x: Any) -> Any:
        self.seen.append(x)
        return self.rule(x)


def by_sign(x: Any) -> np.ndarray:
    return np.where(np.asarray(x)[:, 0] < 0, "minus", "plus")
