"""Real data and synthetic ones after them: which, how many, of what kind."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.utils.data import DataLoader, TensorDataset

from riemann_sampler import FilterCounts, RiemannianUniformSampler, SyntheticDataset
from tests.helpers.builders import data, shared
from tests.helpers.models import digit_images, make_plain_vae
from tests.helpers.synthetic_cases import LABELS, Pairs, grouped, items, labelled


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
