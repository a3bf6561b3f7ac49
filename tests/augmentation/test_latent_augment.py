"""Augmented batches: how far variations go, how many there are, and what stays as it was."""

import pickle
from collections import namedtuple
from collections.abc import Callable
from functools import cache
from typing import Any

import pytest
import torch
from scipy.stats import binomtest, kstest
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, TensorDataset

from riemann_sampler import ArgumentError, DataError, LatentAugment, NotFittedError, RiemannianUniformSampler
from riemann_sampler.augmentation import latent_augment as module
from riemann_sampler.compute.progress import progress_bar
from riemann_sampler.errors import ArgumentTypeError
from riemann_sampler.geometry import brownian_walk
from riemann_sampler.metric.islands import island_scale
from tests.helpers.builders import TwoHalves, data, fitted, normal, posterior, shared
from tests.helpers.models import digit_images, make_plain_vae

N = 4000
Batch = namedtuple("Batch", ["x", "labels"])
CLASSES = torch.arange(60) % 2


def codes(x: Tensor) -> Tensor:
    """The positions that `TwoHalves` decoded."""
    torch.testing.assert_close(x[:, 2:], x[:, :2].square())
    return x[:, :2]


@cache
def isolated() -> RiemannianUniformSampler:
    """One with islands far apart."""
    return fitted("calibrated", data(20, spread=100.0), island_scale=0.7)


@cache
def crowded() -> RiemannianUniformSampler:
    """One whose islands lie on top of one another, all of the same width."""
    return fitted("calibrated", torch.cat([0.3 * normal(150, 2), torch.zeros(150, 2)], 1).float(), island_scale=2.0)


@cache
def of_two_classes() -> RiemannianUniformSampler:
    """One with a narrow and a wide class."""
    x = data(60)
    x[CLASSES == 1] = data(30, spread=20.0, log_variance=-6.0)
    return fitted("calibrated", x, CLASSES)


def standardize(augment: LatentAugment, x: Tensor, radius: float) -> Tensor:
    """Deviations of the variations of data, in the deviations that they should have."""
    return (codes(augment(x)) - x[:, :2]) / (radius * (0.5 * x[:, 2:]).exp())


def is_standard_normal(values: Tensor) -> bool:
    assert abs(float(torch.corrcoef(values.T)[0, 1])) < 4 / len(values) ** 0.5
    return min(kstest(column.numpy(), "norm").pvalue for column in values.T) > 1e-3


@pytest.mark.parametrize("radius", [0.3, 2.0])
def test_resampling_is_by_the_posterior(radius: float) -> None:
    augment = LatentAugment(shared("calibrated"), probability=1.0, radius=radius, method="resample", seed=0)
    assert is_standard_normal(standardize(augment, data(N, seed=5), radius))


def test_the_radius_is_the_island_scale_of_the_sampler() -> None:
    metric = isolated().metric_
    assert island_scale(metric.temperature, 1.0, 2) == pytest.approx(0.7)
    augment = LatentAugment(isolated(), probability=1.0, method="resample", seed=0)
    assert is_standard_normal(standardize(augment, data(N), 0.7))
    other = fitted("uniform", volume_exponent=0.5, temperature=0.4)
    augment = LatentAugment(other, probability=1.0, method="resample", seed=0)
    assert is_standard_normal(standardize(augment, data(N), 0.4))


@pytest.mark.parametrize("make", [isolated, crowded])
def test_short_walks_spread_as_the_posterior(make: Callable[[], RiemannianUniformSampler]) -> None:
    """However many islands there are, the median code goes as far as was asked for."""
    sampler = make()
    middle = sampler.posterior_.mean.norm(dim=1).argsort()[len(sampler.posterior_.mean) // 2]
    x = torch.cat([part[middle] for part in sampler.posterior_]).expand(N, 4)
    found = standardize(LatentAugment(sampler, probability=1.0, radius=0.02, seed=0), x, 0.02)
    assert 0.95 < found.std() < 1.05
    assert is_standard_normal(found / found.std())


@pytest.mark.parametrize("structure", ["diagonal", "full"])
def test_the_crowding_is_the_number_of_islands(structure: str) -> None:
    threes = data(20, spread=100.0).repeat_interleave(3, 0) + 0.05 * normal(60, 4).float()
    triples = fitted("calibrated", threes, island_scale=0.7)
    sampler = triples if structure == "diagonal" else fitted("local", covariance_structure="full")
    metric = sampler.metric_
    inverse = torch.linalg.inv(metric.precisions) if structure == "full" else torch.diag_embed(1 / metric.precisions)
    traces = torch.stack([(g @ c).trace() for g, c in zip(metric.tensor(metric.centroids), inverse, strict=True)])
    assert module._crowding(metric) == pytest.approx(float(traces.median()) / 2)
    if structure == "diagonal":
        assert module._crowding(metric) == pytest.approx(2.9, abs=0.2)
        assert module._crowding(isolated().metric_) == pytest.approx(1.0, rel=1e-3)


@pytest.fixture
def walks(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, Tensor, dict[str, Any]]]:
    """The walks that were asked for."""
    seen = []

    def walk(metric: Any, start: Tensor, **arguments: Any) -> Any:
        seen.append((metric, start, arguments))
        return brownian_walk(metric, start, **arguments)

    monkeypatch.setattr(module, "brownian_walk", walk)
    return seen


def test_walks_are_those_of_the_metric(walks: list[Any]) -> None:
    x = data(30)
    found = LatentAugment(shared("calibrated"), probability=1.0, radius=0.5, n_steps=4, seed=0)(x)
    [(metric, start, arguments)] = walks
    assert metric is shared("calibrated").metric_
    assert torch.equal(start, x[:, :2])
    assert arguments["n_steps"] == 4
    assert arguments["time"] == pytest.approx(0.25 * module._crowding(metric))
    expected = brownian_walk(metric, start, **arguments).points[:, -1].float()
    assert torch.equal(codes(found), expected)


def test_each_row_walks_in_the_metric_of_its_class(walks: list[Any]) -> None:
    sampler, x = of_two_classes(), data(60, seed=3)
    labels = torch.tensor([0, 1, 1] * 20)
    LatentAugment(sampler, probability=1.0, seed=0)((x, labels))
    assert len(walks) == 2
    for label, (metric, start, arguments) in zip((0, 1), walks, strict=True):
        assert metric is sampler.metric_[label]
        assert torch.equal(start, x[labels == label, :2])
        radius = island_scale(metric.temperature, 1.0, 2)
        assert arguments["time"] == pytest.approx(radius**2 * module._crowding(metric))
    assert walks[0][2]["seed"] != walks[1][2]["seed"]


def test_each_row_goes_as_far_as_its_class() -> None:
    sampler, x, labels = of_two_classes(), data(N), torch.arange(N) % 2
    found = LatentAugment(sampler, probability=1.0, method="resample", seed=0)((x, labels))[0]
    deviation = (codes(found) - x[:, :2]) / (0.5 * x[:, 2:]).exp()
    scales = [island_scale(sampler.temperature_[label], 1.0, 2) for label in (0, 1)]
    assert max(scales) > 1.2 * min(scales)
    for label, scale in enumerate(scales):
        assert is_standard_normal(deviation[labels == label] / scale)


def changed(before: Tensor, after: Tensor) -> Tensor:
    """Rows that are not the same bytes."""
    return (before.contiguous().view(torch.int32) != after.contiguous().view(torch.int32)).any(1)


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


@pytest.mark.parametrize("name", STRUCTURES)
@pytest.mark.parametrize("labels", [CLASSES, CLASSES.numpy(), CLASSES.tolist(), tuple(CLASSES.tolist())])
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


class Samples(Dataset[Any]):
    """A data set of what is asked for."""

    def __init__(self, make: Callable[[int], Any]) -> None:
        self.make = make

    def __len__(self) -> int:
        return 60

    def __getitem__(self, index: int) -> Any:
        return self.make(index)


X = data(60)
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
