"""`LatentAugment` in loaders, in workers and over epochs."""

import pickle
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, TensorDataset

from riemann_sampler import LatentAugment
from tests.helpers.augment_cases import CLASSES, X, changed, of_two_classes
from tests.helpers.builders import data, shared


class Samples(Dataset[Any]):
    """A data set of what is asked for."""

    def __init__(self, make: Callable[[int], Any]) -> None:
        self.make = make

    def __len__(self) -> int:
        return 60

    def __getitem__(self, index: int) -> Any:
        return self.make(index)


COLLECTED: dict[str, tuple[Dataset[Any], Callable[[Any], Tensor]]] = {
    "data": (Samples(lambda i: X[i]), lambda batch: batch),
    "arrays": (Samples(lambda i: X[i].numpy()), lambda batch: batch),
    "tuples of one": (TensorDataset(X), lambda batch: batch[0]),
    "pairs": (Samples(lambda i: (X[i], i % 2)), lambda batch: batch[0]),
    "mappings": (Samples(lambda i: {"data": X[i], "index": i}), lambda batch: batch["data"]),
}


@pytest.mark.parametrize("name", COLLECTED)
@pytest.mark.parametrize("batch_size", [1, 7])
def test_loaders_may_collate_by_it(name: str, batch_size: int) -> None:
    dataset, taken = COLLECTED[name]
    generator = torch.Generator().manual_seed(0)
    augment = LatentAugment(shared("calibrated"), method="resample", seed=0)
    plain = DataLoader(dataset, batch_size, generator=generator)
    ours = DataLoader(dataset, batch_size, collate_fn=augment, generator=generator)
    n_changed = 0
    for before, after in zip(plain, ours, strict=True):
        assert type(after) is type(before)
        assert taken(after).shape == taken(before).shape
        n_changed += int(changed(taken(before), taken(after)).sum())
    assert 15 < n_changed < 45


def test_a_collated_list_is_no_list_of_samples() -> None:
    x = data(60)
    for labels in (CLASSES, ["any"] * 60):
        found = LatentAugment(shared("calibrated"), probability=1.0)([x, labels])
        assert found[1] is labels
        assert found[0].shape == x.shape
        assert changed(x, found[0]).all()


def test_calls_with_a_seed_are_reproducible() -> None:
    x = data(60)
    first, again, other = (LatentAugment(shared("calibrated"), seed=seed) for seed in (3, 3, 4))
    calls = [first(x) for _ in range(3)]
    for call in calls:
        assert torch.equal(call, again(x))
        assert not torch.equal(call, other(x))
    assert not torch.equal(calls[0], calls[1])
    assert not torch.equal(calls[0][:, 0], calls[2][:, 0])


def test_epochs_begin_anew() -> None:
    x = data(60)
    augment = LatentAugment(shared("calibrated"), probability=1.0, seed=3)
    found = {}
    for epoch in (0, 1, 0, 1):
        augment.set_epoch(epoch)
        calls = torch.stack([augment(x), augment(x)])
        assert torch.equal(found.setdefault(epoch, calls), calls)
    assert not torch.isclose(found[0], found[1].flip(0)).all(2).any()
    assert not torch.isclose(found[0], found[1]).all(2).any()
    assert torch.equal(LatentAugment(shared("calibrated"), probability=1.0, seed=3)(x), found[0][0])


@pytest.mark.parametrize("method", ["walk", "resample"])
def test_without_a_seed_calls_are_fresh(method: str) -> None:
    x = data(60)
    augment = LatentAugment(shared("calibrated"), probability=1.0, method=method)
    assert not torch.isclose(augment(x), augment(x)).all(1).any()
    other = LatentAugment(shared("calibrated"), probability=1.0, method=method)
    assert not torch.isclose(augment(x), other(x)).all(1).any()


def from_workers(augment: LatentAugment, context: str = "fork", n_workers: int = 2) -> Tensor:
    loader = DataLoader(
        Samples(lambda _: X[0]) if context == "fork" else TensorDataset(X[:1].repeat(60, 1)),
        batch_size=15,
        collate_fn=augment,
        num_workers=n_workers,
        multiprocessing_context=context,
        generator=torch.Generator().manual_seed(0),
    )
    return torch.cat([batch if isinstance(batch, Tensor) else batch[0] for batch in loader])


@pytest.mark.parametrize("seed", [None, 5])
def test_workers_do_not_repeat_each_other(seed: int | None) -> None:
    augment = LatentAugment(shared("calibrated"), probability=1.0, seed=seed)
    parts = [from_workers(augment), *(augment(X[:1].repeat(15, 1)) for _ in range(4))]
    if seed is None:
        parts.append(from_workers(augment))
    else:
        assert torch.equal(from_workers(LatentAugment(shared("calibrated"), probability=1.0, seed=seed)), parts[0])
        augment.set_epoch(1)
        parts.append(from_workers(augment))
    found = torch.cat(parts)[:, 0]
    assert len(found.unique()) == len(found) == 180


@pytest.mark.slow
def test_spawned_workers_do_what_forked_ones_do() -> None:
    augment = LatentAugment(shared("calibrated"), seed=5)
    assert torch.equal(from_workers(augment, "spawn", 1), from_workers(augment, "fork", 1))


def test_pickled_it_is_the_same() -> None:
    augment = LatentAugment(of_two_classes(), seed=5)
    augment((X, CLASSES))
    copy = pickle.loads(pickle.dumps(augment))
    assert torch.equal(copy((X, CLASSES))[0], augment((X, CLASSES))[0])
