"""Batches and arguments that `LatentAugment` refuses."""

from typing import Any

import pytest
import torch
from torch import Tensor

from riemann_sampler import ArgumentError, DataError, LatentAugment, NotFittedError, RiemannianUniformSampler
from riemann_sampler.errors import ArgumentTypeError
from tests.helpers.augment_cases import CLASSES, X, of_two_classes
from tests.helpers.builders import TwoHalves, data, posterior, shared


@pytest.mark.usefixtures("without_type_checks")
@pytest.mark.parametrize(
    ("batch", "error", "message"),
    [
        (
            X.index_fill(0, torch.tensor([4, 7]), torch.nan),
            DataError,
            r"^data must be finite, but row 4 of the batch holds NaN or infinity\.$",
        ),
        (X.long(), ArgumentTypeError, r"^a batch must hold data as a floating-point tensor .* got torch\.int64 of"),
        (X[:, 0], ArgumentTypeError, r"got torch\.float32 of shape \(60,\)\.$"),
        ((X.numpy(), 1), ArgumentTypeError, r"got ndarray\.$"),
        (
            [],
            ArgumentTypeError,
            r"^batch must be a Tensor, a tuple or list \(x, labels, \.\.\.\), or a mapping, got \[\]",
        ),
        (7, ArgumentTypeError, r"^batch must be a Tensor, .* got 7\.$"),
        ({"x": X}, DataError, r"^batches that are mappings need an entry 'data'; this one has \['x'\]\.$"),
        (data(60, 3), DataError, r"^data have shape \(6,\), but the model decodes to \(1, 5\)\.$"),
    ],
)
def test_batches_that_cannot_be_augmented(batch: Any, error: type[Exception], message: str) -> None:
    class Uneven(TwoHalves):
        def decode(self, z: Tensor) -> Tensor:
            return super().decode(z) if z.shape[1] == 2 else super().decode(z)[..., 1:]

    dim = 3 if isinstance(batch, Tensor) and batch.shape[-1:] == (6,) else 2
    sampler = RiemannianUniformSampler.from_preset("calibrated", Uneven(dim)).fit(data(60, dim))
    with pytest.raises(error, match=message):
        LatentAugment(sampler, probability=1.0)(batch)


def test_bad_rows_are_noticed_whether_they_are_chosen_or_not() -> None:
    with pytest.raises(DataError, match=r"row 0 of the batch"):
        LatentAugment(shared("calibrated"), probability=0.0)(X * torch.inf)
    with pytest.raises(ArgumentError, match=r"^label 2 is unknown: known are \[0, 1\]\.$"):
        LatentAugment(of_two_classes(), probability=0.0)((X, CLASSES + 1))


@pytest.mark.parametrize(
    ("batch", "message"),
    [
        (X, r"^labels are missing: the sampler was fitted with labels, so a batch must be \(x, labels, \.\.\.\), or a"),
        ((X,), r"^labels are missing"),
        ({"data": X, "target": CLASSES}, r"^labels are missing: .* with an entry 'labels' or 'label'\.$"),
        ((X, CLASSES[:-1]), r"^labels must hold one label for each of the 60 rows, got 59\.$"),
        ((X, torch.tensor(1)), r"^labels must hold one label for each of the 60 rows, got 1\.$"),
        ((X, CLASSES[:, None]), r"^label \[0\] is unknown: known are \[0, 1\]\.$"),
        ((X, ["a"] * 60), r"^label 'a' is unknown: known are \[0, 1\]\.$"),
    ],
)
def test_labels_that_cannot_be_used(batch: Any, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        LatentAugment(of_two_classes()).augment(batch)


@pytest.mark.usefixtures("without_type_checks")
@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"probability": -0.1}, ArgumentError, r"^probability must lie in \[0, 1\], got -0\.1\.$"),
        ({"probability": 1.1}, ArgumentError, r"^probability must lie in \[0, 1\], got 1\.1\.$"),
        ({"probability": torch.nan}, ArgumentError, r"^probability must lie"),
        ({"probability": True}, ArgumentTypeError, r"^probability must be a number, got True of type bool\.$"),
        ({"probability": "half"}, ArgumentTypeError, r"^probability must be a number"),
        ({"radius": 0.0}, ArgumentError, r"^radius must be positive and finite, got 0\.0\.$"),
        ({"method": "jump"}, ArgumentError, r"^method must be one of 'walk', 'resample'; got 'jump'\.$"),
        ({"n_steps": 0}, ArgumentError, r"^n_steps must be at least 1"),
        ({"seed": -1}, ArgumentError, r"^seed must be at least 0"),
        ({"sampler": TwoHalves()}, ArgumentTypeError, r"^sampler must be a RiemannianUniformSampler, got TwoHalves\.$"),
        ({"sampler": RiemannianUniformSampler(TwoHalves())}, NotFittedError, r"is not fitted"),
        (
            {"sampler": RiemannianUniformSampler.from_preset("calibrated").fit(posterior(9))},
            ArgumentError,
            r"^the sampler's model is None, so nothing can be encoded or decoded",
        ),
    ],
)
def test_arguments_that_cannot_be_used(arguments: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        LatentAugment(**{"sampler": shared("calibrated"), **arguments})


def test_an_epoch_is_a_whole_number() -> None:
    with pytest.raises(ArgumentError, match=r"^epoch must be at least 0, got -1\.$"):
        LatentAugment(shared("calibrated")).set_epoch(-1)
