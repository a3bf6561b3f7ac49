"""Every loader gives the same synthetic data."""

import pickle
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils.data import DataLoader

from riemann_sampler import SyntheticDataset
from tests.helpers.builders import data, fitted, shared
from tests.helpers.synthetic_cases import items, with_labels


@pytest.mark.parametrize("cached", [True, False])
def test_when_data_are_decoded(*, cached: bool) -> None:
    """Cached ones once in batches of the sampler's size, others as many at a time as a loader asks for."""
    found = fitted("calibrated", batch_size=25)
    found.model.decoded.clear()
    dataset = SyntheticDataset(found, data(), cached=cached)
    assert found.model.decoded == ([25, 25, 10] if cached else [])
    found.model.decoded.clear()
    for _ in DataLoader(dataset, batch_size=40, generator=torch.Generator()):
        pass
    assert found.model.decoded == ([] if cached else [20, 40])
    dataset.set_epoch(0)
    assert found.model.decoded == ([] if cached else [20, 40])
    dataset.set_epoch(1)
    assert found.model.decoded == ([25, 25, 10] if cached else [20, 40])


@pytest.mark.parametrize("cached", [True, False])
def test_a_batch_mixes_real_and_synthetic(*, cached: bool) -> None:
    dataset = with_labels(cached=cached)
    for (x, label), index in zip(dataset.__getitems__([100, 3, 61, -1, 100]), [100, 3, 61, 119, 100], strict=True):
        assert torch.equal(x, dataset[index][0])
        assert label == dataset[index][1]


def loaded(dataset: SyntheticDataset, **arguments: Any) -> list[Tensor]:
    """The synthetic data as a loader gives them, (x, label) side by side, in order of the first entry."""
    loader = DataLoader(dataset, generator=torch.Generator().manual_seed(0), **arguments)
    rows = torch.cat([torch.cat([x, label[:, None]], 1) for x, label in loader])
    return rows[rows[:, 0].argsort()]


LOADERS: dict[str, dict[str, Any]] = {
    "small batches": {"batch_size": 7},
    "shuffled": {"batch_size": 16, "shuffle": True},
    "one worker": {"batch_size": 16, "num_workers": 1, "multiprocessing_context": "fork"},
    "two workers": {"batch_size": 7, "num_workers": 2, "shuffle": True, "multiprocessing_context": "fork"},
    "spawned": {"batch_size": 60, "num_workers": 1, "multiprocessing_context": "spawn"},
}


@pytest.mark.parametrize(
    ("name", "cached"),
    [
        pytest.param(name, cached, marks=[pytest.mark.slow] if name == "spawned" else [])
        for name in LOADERS
        for cached in (True, False)
        if name != "spawned" or cached
    ],
)
def test_every_loader_gives_the_same_items(name: str, *, cached: bool) -> None:
    dataset = with_labels(cached=cached)
    dataset.set_epoch(2)
    expected = loaded(dataset, batch_size=120)
    assert len(expected) == 120
    assert torch.equal(loaded(dataset, **LOADERS[name]), expected)


def epochs_of_workers_that_stay(dataset: SyntheticDataset, n_epochs: int) -> list[Tensor]:
    loader = DataLoader(
        dataset,
        batch_size=len(dataset),
        num_workers=1,
        persistent_workers=True,
        multiprocessing_context="fork",
        generator=torch.Generator(),
    )
    found = []
    for epoch in range(n_epochs):
        dataset.set_epoch(epoch)
        found += list(loader)
    return found


@pytest.mark.parametrize("cached", [True, False])
def test_workers_that_stay_notice_another_epoch(*, cached: bool) -> None:
    dataset, twin = (SyntheticDataset(shared("calibrated"), data(), cached=cached, ratio=0.5) for _ in range(2))
    for epoch, found in enumerate(epochs_of_workers_that_stay(dataset, 3)):
        twin.set_epoch(epoch)
        assert torch.equal(found, items(twin))


def test_workers_do_not_draw_again(monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = with_labels()
    dataset.set_epoch(1)
    monkeypatch.setattr(SyntheticDataset, "_draw", None)  # whoever called it would fail
    loaded(dataset, **LOADERS["one worker"])


def test_pickled_it_is_the_same() -> None:
    dataset = with_labels(min_distance=0.1)
    dataset.set_epoch(1)
    copy = pickle.loads(pickle.dumps(dataset))
    assert copy.filter_counts == dataset.filter_counts
    copy.set_epoch(2)
    dataset.set_epoch(2)
    assert all(torch.equal(x, y) for (x, _), (y, _) in zip(copy, dataset, strict=True))
