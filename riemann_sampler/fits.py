"""What a fit leaves behind, as tensors and plain values from which it is made again."""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from .errors import StorageError
from .laws import IslandLaw, Law, VolumeLaw
from .protocols import GaussianPosterior
from .settings import Settings

__all__ = ["Fit"]


@dataclass(frozen=True)
class Fit:
    """Posteriors of the training data, and a law for each label; without labels there is one law, that of None.

    Attributes:
        posterior: Posteriors of all data, as the model gave them.
        laws: Law of each label.
        counts: Number of data points of each label.
        device: Where the model gave the posteriors, and where samples go; mapped posteriors themselves are on the CPU.
    """

    posterior: GaussianPosterior
    laws: Mapping[Hashable, Law]
    counts: Mapping[Hashable, int]
    device: torch.device

    def state(self) -> tuple[dict[str, Tensor], list[dict[str, Any]]]:
        """Tensors by name, and plain values for each law; a `StorageError` if a label cannot be written as JSON."""
        tensors = dict(zip(("mean", "log_variance"), self.posterior, strict=True))
        laws = []
        for index, (label, law) in enumerate(self.laws.items()):
            if not isinstance(label, str | int | float | None):
                msg = f"label {label!r} cannot be saved; fit with labels that are strings or numbers."
                raise StorageError(msg)
            law_tensors, scalars = law.state()
            tensors |= {f"law{index}.{name}": tensor for name, tensor in law_tensors.items()}
            laws.append({"label": label, "n_codes": self.counts[label], **scalars})
        return tensors, laws

    @classmethod
    def restore(cls, settings: Settings, tensors: Mapping[str, Tensor], laws: list[dict[str, Any]]) -> "Fit":
        """The fit whose `state` this is."""
        law_class = IslandLaw if settings.law == "islands" else VolumeLaw
        restored: dict[Hashable, Law] = {}
        for index, scalars in enumerate(laws):
            prefix = f"law{index}."
            own = {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
            restored[scalars["label"]] = law_class.restore(settings, own, scalars)
        counts = {scalars["label"]: scalars["n_codes"] for scalars in laws}
        posterior = GaussianPosterior(tensors["mean"], tensors["log_variance"])
        return cls(posterior, restored, counts, posterior.mean.device)
