"""Real data and synthetic ones after them: which, how many, of what kind, and the same for every loader."""

import pickle
from collections import Counter
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, IterableDataset, TensorDataset

from riemann_sampler import (
    ArgumentError,
    DataError,
    FilterCounts,
    NotFittedError,
    RiemannianUniformSampler,
    SyntheticDataset,
)
from riemann_sampler.errors import ArgumentTypeError
from tests.helpers.builders import TwoHalves, data, fitted, posterior, shared
from tests.helpers.models import digit_images, make_plain_vae

CENTRES = {3: -30.0, 5: 0.0, 8: 40.0}
LABELS = torch.tensor([3] * 10 + [5] * 30 + [8] * 20)


def grouped() -> Tensor:
    """What `TwoHalves` encodes to codes of three classes far apart, 10, 30 and 20."""
    x = data(60)
    x[:, 0] += torch.tensor([CENTRES[label] for label in LABELS.tolist()])
    return x


@cache
def labelled() -> RiemannianUniformSampler:
    return fitted("calibrated", grouped(), LABELS)


def decodes(x: Tensor) -> Tensor:
    """What `TwoHalves` decodes the codes of data to."""
    return torch.cat([x[:, :2], x[:, :2].square()], 1)


def class_of(x: Tensor) -> int:
    """The class whose codes a decoded datum is among."""
    return min(CENTRES, key=lambda label: abs(CENTRES[label] - float(x[0])))


def with_labels(**arguments: Any) -> SyntheticDataset:
    return SyntheticDataset(labelled(), grouped(), LABELS, **arguments)


def items(dataset: SyntheticDataset) -> Tensor:
    return torch.stack([dataset[i] for i in range(len(dataset))])


class Pairs(Dataset[Any]):
    """A map-style data set of whatever it is made of; it counts what was read."""

    def __init__(self, entries: list[Any]) -> None:
        self.entries = entries
        self.n_read = 0

    def __len__(self) -> int:
        return len(self.entries)

    def __getitem__(self, index: int) -> Any:
        self.n_read += 1
        return self.entries[index]


@pytest.mark.parametrize("cached", [True, False])
def test_real_data_come_first(*, cached: bool) -> None:
    dataset = SyntheticDataset(shared("calibrated"), data(), ratio=0.5, cached=cached)
    assert (len(dataset), dataset.n_real, dataset.n_synthetic) == (90, 60, 30)
    found = items(dataset)
    assert torch.equal(found[:60], data())
    assert found.shape == (90, 4)
    torch.testing.assert_close(found[60:, 2:], found[60:, :2].square())  # what `TwoHalves` decodes
    assert not torch.isclose(found[60:, None, 0], data()[:, 0]).any()
    assert [dataset.is_synthetic(i) for i in (0, 59, 60, 89, -1, -31)] == [False, False, True, True, True, False]
    assert torch.equal(dataset[-1], found[89])
    assert torch.equal(dataset[-90], found[0])


@pytest.mark.parametrize(("ratio", "n"), [(0.0, 0), (0.01, 1), (1.0, 60), (2.51, 151)])
def test_the_ratio_decides_on_the_number(ratio: float, n: int) -> None:
    dataset = SyntheticDataset(shared("calibrated"), data(), ratio=ratio)
    assert dataset.n_synthetic == n
    assert len(items(dataset)) == 60 + n
    assert dataset.filter_counts == FilterCounts(n, 0, 0, n)


def test_iteration_ends() -> None:
    dataset = SyntheticDataset(shared("calibrated"), data(), ratio=0.1)
    assert len(list(dataset)) == 66
    for index in (66, -67):
        with pytest.raises(IndexError, match=rf"^index {index} is out of range: there are 66 items\.$"):
            dataset[index]
        with pytest.raises(IndexError, match="out of range"):
            dataset.is_synthetic(index)


def test_items_are_pairs_after_a_fit_with_labels() -> None:
    dataset = with_labels()
    for i, (x, label) in enumerate(dataset):
        assert label.dtype == torch.int64
        assert label.ndim == 0
        assert class_of(x) == label
        if i < 60:
            assert torch.equal(x, grouped()[i])
            assert label == LABELS[i]


def synthetic_labels(dataset: SyntheticDataset) -> dict[int, int]:
    labels = [int(dataset[i][1]) for i in range(60, len(dataset))]
    assert labels == sorted(labels)  # those of a class together
    return dict(Counter(labels))


@pytest.mark.parametrize(
    ("ratio", "counts"),
    [
        (1.0, {3: 10, 5: 30, 8: 20}),
        (0.1, {3: 1, 5: 3, 8: 2}),
        (5 / 60, {3: 1, 5: 2, 8: 2}),  # of 0.83, 2.5 and 1.67
        (1 / 60, {5: 1}),
    ],
)
def test_classes_have_the_shares_of_the_fit(ratio: float, counts: dict[int, int]) -> None:
    assert synthetic_labels(with_labels(ratio=ratio)) == counts
    some = torch.arange(0, 60, 2)  # other data than those of the fit make no difference
    dataset = SyntheticDataset(labelled(), grouped()[some], LABELS[some], ratio=2 * ratio)
    assert Counter(int(label) for _, label in list(dataset)[30:]) == counts


@pytest.mark.parametrize(
    ("ratio", "totals"),
    [
        (0.0, {3: 10, 5: 30, 8: 20}),
        (0.1, {3: 16, 5: 30, 8: 20}),
        (0.25, {3: 23, 5: 30, 8: 22}),  # 22.5 each
        (0.5, {3: 30, 5: 30, 8: 30}),
        (1.0, {3: 40, 5: 40, 8: 40}),
        (62 / 60, {3: 41, 5: 41, 8: 40}),
    ],
)
def test_balanced_classes_are_as_equal_as_they_can_be(ratio: float, totals: dict[int, int]) -> None:
    dataset = with_labels(ratio=ratio, balanced=True)
    assert Counter(int(label) for _, label in dataset) == totals


def test_a_class_without_real_data_is_filled_up() -> None:
    dataset = SyntheticDataset(labelled(), grouped()[10:], LABELS[10:], ratio=0.8, balanced=True)
    assert Counter(int(label) for _, label in dataset) == {3: 30, 5: 30, 8: 30}


LABEL_KINDS: dict[str, Callable[[Any], Any]] = {
    "int": int,
    "float": float,
    "numpy": lambda label: np.int16(label),
    "tensor": lambda label: torch.tensor(label, dtype=torch.int32),
}


@pytest.mark.parametrize("kind", LABEL_KINDS)
@pytest.mark.parametrize("inside", [False, True])
def test_synthetic_labels_are_of_the_kind_of_real_ones(kind: str, *, inside: bool) -> None:
    labels = [LABEL_KINDS[kind](label) for label in LABELS.tolist()]
    real: Any = Pairs(list(zip(grouped(), labels, strict=True))) if inside else grouped()
    dataset = SyntheticDataset(labelled(), real, None if inside else labels, balanced=True)
    for _, label in dataset:
        assert type(label) is type(labels[0])
        assert getattr(label, "dtype", None) == getattr(labels[0], "dtype", None)
    assert synthetic_labels(dataset) == {3: 30, 5: 10, 8: 20}


@pytest.mark.parametrize("labels", [["three", "five"] * 30, np.array(["three", "five"] * 30), [(3,), (5, 5)] * 30])
def test_labels_need_not_be_numbers(labels: Any) -> None:
    found = fitted("calibrated", data(), labels)
    dataset = SyntheticDataset(found, data(), labels)
    assert Counter(label for _, label in dataset) == {labels[0]: 60, labels[1]: 60}
    assert {type(label) for _, label in dataset} == {type(labels[0])}


def test_labels_given_replace_those_of_the_items() -> None:
    real = Pairs([(x, "unknown") for x in grouped()])
    assert [int(label) for _, label in SyntheticDataset(labelled(), real, LABELS)][:60] == LABELS.tolist()


def test_a_data_set_is_read_only_where_it_must_be() -> None:
    real = Pairs(list(zip(grouped(), LABELS, strict=True)))
    dataset = SyntheticDataset(labelled(), real)
    assert real.n_read == 1
    assert dataset[-1][1] == 8
    assert real.n_read == 1
    SyntheticDataset(labelled(), real, balanced=True)
    assert real.n_read == 1 + 61


@pytest.mark.parametrize(
    "make",
    [
        lambda x: x.numpy(),
        lambda x: np.frombuffer(x.numpy().tobytes(), dtype=np.float32).reshape(x.shape),  # read-only
        TensorDataset,
        lambda x: TensorDataset(x, torch.arange(60)),  # its labels are left out: the sampler knows none
        lambda x: Pairs(list(x.numpy())),
        lambda x: Pairs([[row, "a label"] for row in x]),
    ],
)
def test_data_of_any_kind(make: Callable[[Tensor], Any]) -> None:
    dataset = SyntheticDataset(shared("calibrated"), make(data()), min_distance=1e-9)
    expected = SyntheticDataset(shared("calibrated"), data(), min_distance=1e-9)
    assert torch.equal(items(dataset), items(expected))


def test_synthetic_data_have_the_shape_and_type_of_real_ones() -> None:
    real = data().double().reshape(60, 2, 1, 2)
    dataset = SyntheticDataset(shared("calibrated"), real)
    assert {(x.shape, x.dtype) for x in dataset} == {((2, 1, 2), torch.float64)}
    plain = SyntheticDataset(shared("calibrated"), data())
    assert torch.equal(dataset[60].flatten(), plain[60].double())


def test_epochs() -> None:
    dataset = SyntheticDataset(shared("calibrated"), data())
    first = items(dataset)
    dataset.set_epoch(1)
    second = items(dataset)
    assert torch.equal(first[:60], second[:60])
    assert not torch.isclose(first[60:], second[60:]).all(1).any()
    dataset.set_epoch(0)
    assert torch.equal(items(dataset), first)
    again = SyntheticDataset(shared("calibrated"), data())
    again.set_epoch(1)
    assert torch.equal(items(again), second)


def test_the_seed_decides() -> None:
    first, again, other = (items(SyntheticDataset(shared("calibrated"), data(), seed=s))[60:] for s in (4, 4, 5))
    assert torch.equal(first, again)
    assert not torch.isclose(first, other).all(1).any()


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


@pytest.mark.parametrize("arguments", [{}, {"classifier": lambda x: (x[:, 0] > 0).long(), "min_distance": 0.02}])
def test_cached_or_not_data_are_the_same(arguments: dict[str, Any]) -> None:
    found = fitted("calibrated", data(), (data()[:, 0] > 0).long(), batch_size=25)
    labels = (data()[:, 0] > 0).long()
    cached, other = (SyntheticDataset(found, data(), labels, cached=c, **arguments) for c in (True, False))
    for dataset in (cached, other):
        dataset.set_epoch(3)
    for (x, label), (y, other_label) in zip(cached, other, strict=True):
        assert torch.equal(x, y)
        assert label == other_label
    assert cached.filter_counts == other.filter_counts


def test_the_filter() -> None:
    """A filter that rejects about half: what stays is what it says, all are counted, and classes keep their numbers."""
    found = fitted("calibrated", grouped(), LABELS, batch_size=7)
    seen: list[int] = []

    def classify(x: Tensor) -> list[int]:
        seen.append(len(x))
        return [class_of(row) if row[1] > 0 else 0 for row in x]

    real = decodes(grouped())
    dataset = SyntheticDataset(found, real, LABELS, min_distance=1.0, classifier=classify)
    assert synthetic_labels(dataset) == {3: 10, 5: 30, 8: 20}
    x = torch.stack([x for x, _ in dataset])[60:]
    assert (x[:, 1] > 0).all()
    assert (torch.cdist(x, real).min(1).values >= 1.0).all()
    counts = dataset.filter_counts
    assert counts.n_drawn == sum(seen) == counts.n_too_near + counts.n_misclassified + counts.n_kept
    assert counts.n_kept == 60
    assert min(counts) > 5
    assert max(seen) == 7
    dataset.set_epoch(1)
    assert dataset.filter_counts.n_kept == 60  # of this epoch alone
    assert dataset.filter_counts != counts


def test_authentic_data() -> None:
    found = fitted("calibrated", island_scale=0.5)
    real = decodes(data())
    dataset = SyntheticDataset(found, real, min_distance="authentic")
    distances = torch.cdist(items(dataset)[60:].double(), real.double())
    own = torch.cdist(real.double(), real.double()).fill_diagonal_(torch.inf).min(1).values
    assert (distances.min(1).values > own[distances.argmin(1)]).all()
    assert dataset.filter_counts.n_too_near > 5


def test_a_filter_that_rejects_all() -> None:
    message = r"^too many samples were rejected: 6 of 6 are missing after 600 samples drawn: 600 too near"
    with pytest.raises(DataError, match=message):
        SyntheticDataset(shared("calibrated"), data(), ratio=0.1, min_distance=1e6)


@pytest.mark.filterwarnings("ignore::riemann_sampler.CollapseWarning")
def test_samplers_and_models_are_left_as_they_were() -> None:
    vae, x = make_plain_vae(), digit_images()[:60]
    sampler = RiemannianUniformSampler.from_preset("calibrated", vae).fit(x)
    before = {name: value.clone() for name, value in vae.state_dict().items()}
    dataset = SyntheticDataset(sampler, x, cached=False)
    batch = next(iter(DataLoader(dataset, batch_size=120, generator=torch.Generator())))
    assert batch.shape == (120, 1, 8, 8)
    assert not batch.requires_grad
    assert vae.training
    assert all(torch.equal(before[name], value) for name, value in vae.state_dict().items())


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
    ("name", "cached"), [(name, cached) for name in LOADERS for cached in (True, False) if name != "spawned" or cached]
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


class Stream(IterableDataset[Tensor]):
    """Data in a row, without an index."""

    def __iter__(self) -> Iterator[Tensor]:
        return iter(data())

    def __len__(self) -> int:
        return 60


BAD_ARGUMENTS: dict[str, tuple[dict[str, Any], type[Exception], str]] = {
    "negative ratio": ({"ratio": -0.5}, ArgumentError, r"^ratio must be 0 or more, and finite, got -0\.5\.$"),
    "infinite ratio": ({"ratio": torch.inf}, ArgumentError, r"^ratio must be 0 or more"),
    "ratio of another type": ({"ratio": "1"}, ArgumentTypeError, r"^ratio must be a number, got '1' of type str\.$"),
    "true ratio": ({"ratio": True}, ArgumentTypeError, r"^ratio must be a number"),
    "seed": ({"seed": -1}, ArgumentError, r"^seed must be at least 0"),
    "balanced": ({"balanced": True}, ArgumentError, r"^balanced=True needs classes: fit the sampler with labels\.$"),
    "labels": ({"labels": [0] * 60}, ArgumentError, r"^labels need a sampler that was fitted with labels"),
    "distance": ({"min_distance": -1.0}, ArgumentError, r"^min_distance must be positive"),
    "stream": ({"data": Stream()}, ArgumentTypeError, r"^data must be a Tensor, .* Dataset, got Stream\.$"),
    "mapping": ({"data": {"data": data()}}, ArgumentTypeError, r"^data must be a Tensor, .* got dict\.$"),
    "iterator": ({"data": iter(data())}, ArgumentTypeError, r"^data must be a Tensor, .* got .*iterator\.$"),
    "no data": ({"data": data()[:0]}, DataError, r"^data is empty\.$"),
    "whole numbers": (
        {"data": data().long()},
        ArgumentTypeError,
        r"^data must be in floating point, .* got torch\.int64",
    ),
    "strings": ({"data": np.array(["a"])}, ArgumentTypeError, r"^data must be .* of numbers, but is of dtype <U1\.$"),
    "items": ({"data": Pairs(["a"])}, ArgumentTypeError, r"^item 0 of data must be .* of numbers, but is a str\.$"),
    "triples": ({"data": Pairs([(1, 2, 3)])}, ArgumentError, r"^items of data must be x .* item 0 is a tuple of 3\.$"),
    "mappings": ({"data": Pairs([{"x": 1}])}, ArgumentError, r"^items of data must be x .* item 0 is a dict of 1\.$"),
    "size": ({"data": data()[:, :3]}, DataError, r"^data have shape \(3,\), but the model decodes to \(1, 4\)\.$"),
    "not finite": (
        {"data": data() * torch.nan, "min_distance": 1.0},
        DataError,
        r"^training data must be finite, but 60 of 60",
    ),
}


@pytest.mark.usefixtures("without_type_checks")
@pytest.mark.parametrize("name", BAD_ARGUMENTS)
def test_arguments_that_cannot_be_used(name: str) -> None:
    arguments, error, message = BAD_ARGUMENTS[name]
    with pytest.raises(error, match=message):
        SyntheticDataset(shared("calibrated"), **{"data": data(), **arguments})


BAD_LABELS: dict[str, tuple[Any, Any, str]] = {
    "too few": (grouped(), LABELS[:-1], r"^labels must hold one label for each of the 60 data points, got 59\.$"),
    "none": (grouped(), None, r"^labels must be given, or be part of the data's items"),
    "unseen": (
        grouped(),
        [*LABELS[:-1], 9],
        r"^label 9 of the data is unknown to the sampler: known are \[3, 5, 8\]\.$",
    ),
    "unseen in items": (
        Pairs([(x, 4) for x in grouped()]),
        None,
        r"^label 4 of the data is unknown to the sampler: known are \[3, 5, 8\]\.$",
    ),
    "matrix": (grouped(), torch.eye(60), r"^labels must be one for each .* but one of them has shape \(60,\)\.$"),
}


@pytest.mark.parametrize("name", BAD_LABELS)
def test_labels_that_cannot_be_used(name: str) -> None:
    real, labels, message = BAD_LABELS[name]
    with pytest.raises(ArgumentError, match=message):
        SyntheticDataset(labelled(), real, labels, balanced=True)


def test_given_labels_are_looked_at_even_if_nothing_is_balanced() -> None:
    with pytest.raises(ArgumentError, match=r"^label 9 of the data is unknown"):
        SyntheticDataset(labelled(), grouped(), [*LABELS[:-1], 9])


def test_an_epoch_is_a_whole_number() -> None:
    with pytest.raises(ArgumentError, match=r"^epoch must be at least 0, got -1\.$"):
        with_labels(ratio=0.1).set_epoch(-1)


@pytest.mark.usefixtures("without_type_checks")
def test_samplers_that_cannot_be_used() -> None:
    with pytest.raises(NotFittedError, match=r"is not fitted; call fit"):
        SyntheticDataset(RiemannianUniformSampler(TwoHalves()), data())
    with pytest.raises(ArgumentError, match=r"^the sampler's model is None, so nothing can be encoded or decoded"):
        SyntheticDataset(RiemannianUniformSampler.from_preset("calibrated").fit(posterior(9)), data())
    with pytest.raises(ArgumentTypeError, match=r"^sampler must be a RiemannianUniformSampler, got TwoHalves\.$"):
        SyntheticDataset(TwoHalves(), data())
