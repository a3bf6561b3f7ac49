"""Augmented batches: which rows are varied, and what stays as it was."""

from collections import namedtuple
from collections.abc import Callable
from typing import Any

import pytest
import torch
from scipy.stats import binomtest
from torch import Tensor

from riemann_sampler import LatentAugment, RiemannianUniformSampler
from riemann_sampler.compute.progress import progress_bar
from tests.helpers.augment_cases import CLASSES, N, changed, codes, of_two_classes
from tests.helpers.builders import TwoHalves, data, fitted, shared
from tests.helpers.models import digit_images, make_plain_vae

Batch = namedtuple("Batch", ["x", "labels"])


@pytest.mark.parametrize("method", ["walk", "resample"])
@pytest.mark.parametrize("probability", [0.0, 0.1, 0.5, 1.0])
def test_the_share_of_rows(method: str, probability: float) -> None:
    x = data(N)
    x[::3, 0] = -0.0
    before = x.clone()
    augment = LatentAugment(shared("calibrated"), probability=probability, method=method, n_steps=2, seed=1)
    first, second = augment(x), augment(x)
    rows = changed(x, first)
    assert binomtest(int(rows.sum()), N, probability).pvalue > 1e-3
    codes(first[rows])
    assert not changed(before, x).any()
    both = int((rows & changed(x, second)).sum())
    assert binomtest(both, N, probability**2).pvalue > 1e-3  # other rows each time
    assert first is not x


def test_rows_of_one_class_are_chosen_without_regard_to_another() -> None:
    labels = torch.arange(N) % 2
    found = LatentAugment(of_two_classes(), method="resample", seed=0)((data(N), labels))[0]
    even, odd = changed(data(N), found).view(-1, 2).T
    assert binomtest(int((even == odd).sum()), N // 2, 0.5).pvalue > 1e-3


def test_the_default_is_half_of_the_rows() -> None:
    assert 0.4 < changed(data(N), LatentAugment(shared("calibrated"))(data(N))).float().mean() < 0.6


STRUCTURES: dict[str, Callable[[Tensor, Any], Any]] = {
    "tuple": lambda x, labels: (x, labels, "more"),
    "list": lambda x, labels: [x, labels, "more"],
    "named tuple": Batch,
    "mapping": lambda x, labels: {"index": 7, "data": x, "labels": labels},
    "mapping with one label": lambda x, labels: {"label": labels, "data": x},
}


def entries(batch: Any) -> list[Any]:
    return list(batch.values()) if isinstance(batch, dict) else list(batch)


LABELS = [CLASSES, CLASSES.numpy(), CLASSES.tolist(), tuple(CLASSES.tolist())]


# Each structure with two kinds of labels, and each kind with two structures or more.
@pytest.mark.parametrize(
    ("name", "labels"), [(name, LABELS[(i + j) % 4]) for i, name in enumerate(STRUCTURES) for j in (0, 2)]
)
def test_the_structure_is_kept(name: str, labels: Any) -> None:
    x = data(60)
    batch = STRUCTURES[name](x, labels)
    for apply in ("__call__", "augment"):
        found = getattr(LatentAugment(of_two_classes(), seed=0), apply)(batch)
        assert type(found) is type(batch)
        assert found is not batch
        for before, after in zip(entries(batch), entries(found), strict=True):
            assert (after is before) == (before is not x)
        [after] = [after for before, after in zip(entries(batch), entries(found), strict=True) if before is x]
        assert 15 < changed(x, after).sum() < 45
    if isinstance(batch, dict):
        assert list(found) == list(batch)
        assert batch["data"] is x


def test_batches_of_pythae() -> None:
    from pythae.data.datasets import DatasetOutput

    batch = DatasetOutput(data=data(60), labels=CLASSES)
    found = LatentAugment(of_two_classes(), seed=0)(batch)
    assert type(found) is DatasetOutput
    assert changed(data(60), found["data"]).any()
    assert torch.equal(found.data, found["data"])
    assert torch.equal(batch["data"], data(60))


def test_labels_that_are_not_needed_are_passed_on() -> None:
    labels = ["any"] * 60
    assert LatentAugment(shared("calibrated"))((data(60), labels))[1] is labels
    [x] = LatentAugment(shared("calibrated"), probability=1.0).augment([data(60)])
    assert changed(x, data(60)).all()


def test_labels_that_are_words() -> None:
    words = ["b" if label else "a" for label in CLASSES]
    sampler = fitted("calibrated", data(60), words)
    x = LatentAugment(sampler, probability=1.0)([data(60), words])[0]
    assert changed(x, data(60)).all()


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
def test_type_device_and_shape_are_kept(dtype: torch.dtype, device: str) -> None:
    class Flattening(TwoHalves):
        def encode(self, x: Tensor) -> Any:
            return super().encode(x.flatten(1))

    sampler = RiemannianUniformSampler.from_preset("calibrated", Flattening()).fit(data(60))
    x = data(60).reshape(60, 2, 1, 2).to(device, dtype)
    found = LatentAugment(sampler, probability=0.5, method="resample", seed=0)(x)
    assert (found.dtype, found.device, found.shape) == (x.dtype, x.device, x.shape)
    same = (found == x).flatten(1).all(1)
    assert 15 < same.sum() < 45
    if dtype == torch.float64:
        codes(found[~same].flatten(1).cpu().float())


def test_no_rows() -> None:
    assert LatentAugment(shared("calibrated"))(data(1)[:0]).shape == (0, 4)
    assert LatentAugment(of_two_classes())((data(1)[:0], []))[0].shape == (0, 4)


def test_gradients_stop() -> None:
    x = data(60).requires_grad_()
    assert not LatentAugment(shared("calibrated"))(x).requires_grad


@pytest.mark.filterwarnings("ignore::riemann_sampler.CollapseWarning")
@pytest.mark.usefixtures("without_type_checks")  # Python's own generator is watched as well
@pytest.mark.parametrize("seed", [None, 0])
def test_the_model_is_left_as_it_was(seed: int | None) -> None:
    vae, x = make_plain_vae(), digit_images()[:60]
    sampler = RiemannianUniformSampler.from_preset("calibrated", vae).fit(x)
    before = {name: value.clone() for name, value in vae.state_dict().items()}
    for method in ("walk", "resample"):
        found = LatentAugment(sampler, method=method, seed=seed)(x)
        assert found.shape == x.shape
        assert (found != x).any()
    assert vae.training
    assert all(torch.equal(before[name], value) for name, value in vae.state_dict().items())
    assert all(parameter.grad is None for parameter in vae.parameters())


def test_rows_are_decoded_in_batches_of_the_samplers_size() -> None:
    sampler = fitted("calibrated", batch_size=25)
    sampler.model.encoded.clear()
    LatentAugment(sampler, probability=1.0)(data(60))
    assert sampler.model.encoded == sampler.model.decoded == [25, 25, 10]
    sampler.model.decoded.clear()
    LatentAugment(sampler, probability=0.0)(data(60))
    assert sampler.model.decoded == []


def test_neither_bars_nor_gradients_inside() -> None:
    class Watching(TwoHalves):
        def decode(self, z: Tensor) -> Tensor:
            disabled.append(progress_bar(range(3)).disable)
            with_gradients.append(torch.is_grad_enabled())
            return super().decode(z)

    disabled: list[bool] = []
    with_gradients: list[bool] = []
    sampler = RiemannianUniformSampler.from_preset("calibrated", Watching()).fit(data(60))
    LatentAugment(sampler, probability=1.0)(data(60))
    sampler.sample(2)
    assert disabled == [True, False]
    assert with_gradients == [False, True]
