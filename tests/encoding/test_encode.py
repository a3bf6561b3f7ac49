"""Data of every kind become posteriors, or an error that says why not."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from pythae.data.datasets import BaseDataset
from torch import Tensor
from torch.utils.data import (
    DataLoader,
    Dataset,
    IterableDataset,
    TensorDataset,
)

from riemann_sampler import GaussianPosterior
from riemann_sampler.encoding.encode import encode_data
from riemann_sampler.errors import ArgumentError, ArgumentTypeError, DataError
from tests.helpers.builders import TwoHalves, data, posterior

X = data(20)


class Items(Dataset):  # type: ignore[type-arg]
    """Data points, each shown as a function says."""

    def __init__(self, show: Callable[[Tensor], Any], x: Tensor = X) -> None:
        self.x, self.show = x, show

    def __len__(self) -> int:
        return len(self.x)

    def __getitem__(self, index: int) -> Any:
        return self.show(self.x[index])


class Table:
    """Something with a shape and rows, but without a length: a sparse matrix, or a data set in a file."""

    def __init__(self, x: Any) -> None:
        self.x, self.shape = x, x.shape

    def __getitem__(self, rows: slice) -> Any:
        return self.x[rows]


class Stream(IterableDataset):  # type: ignore[type-arg]
    def __iter__(self) -> Any:
        return iter(X)


LABELS = torch.arange(20)
KINDS: dict[str, Any] = {
    "tensor": X,
    "ndarray": X.numpy(),
    "double ndarray": X.double().numpy(),
    "table with rows": Table(X),
    "table of arrays": Table(X.numpy()),
    "mapping": {"labels": LABELS, "data": X},
    "dataset of tensors": Items(lambda x: x),
    "dataset of arrays": Items(lambda x: x.numpy()),
    "dataset of tuples": TensorDataset(X, LABELS),
    "dataset of lists": Items(lambda x: [x, 3]),
    "dataset of dicts": Items(lambda x: {"labels": 1, "data": x}),
    "dataset of pythae": BaseDataset(X, LABELS),
    "stream": Stream(),
    "loader of tensors": DataLoader(Items(lambda x: x), batch_size=6),
    "loader of tuples": DataLoader(TensorDataset(X, LABELS), batch_size=6),
    "loader of dicts": DataLoader(Items(lambda x: {"data": x}), batch_size=6),
    "loader of pythae": DataLoader(BaseDataset(X, LABELS), batch_size=6),
    "loader of one batch": DataLoader(TensorDataset(X), batch_size=100),
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_gives_the_posteriors_in_order(kind: str) -> None:
    found = encode_data(TwoHalves(), KINDS[kind], batch_size=7)
    assert torch.equal(found.mean, X[:, :2])
    assert torch.equal(found.log_variance, X[:, 2:])


@pytest.mark.parametrize(
    ("kind", "sizes"), [("tensor", [7, 7, 6]), ("stream", [7, 7, 6]), ("loader of tuples", [6] * 3 + [2])]
)
def test_batches_have_the_size_asked_for_or_the_loaders(kind: str, sizes: list[int]) -> None:
    model = TwoHalves()
    encode_data(model, KINDS[kind], batch_size=7)
    assert model.encoded == sizes


def test_arrays_from_tables_are_checked_as_arrays_are() -> None:
    broken = X.numpy().copy()
    broken[9, 1] = np.nan
    with pytest.raises(DataError, match="row 9 holds NaN"):
        encode_data(TwoHalves(), Table(broken), batch_size=7)
    with pytest.raises(ArgumentTypeError, match="array of numbers, got dtype <U1"):
        encode_data(TwoHalves(), Table(np.full((9, 4), "a")), batch_size=7)


def test_posteriors_need_no_model() -> None:
    given = posterior(5)
    assert encode_data(None, given, 7) is given


def test_other_data_need_a_model() -> None:
    with pytest.raises(ArgumentError, match=r"model is None, so data cannot be encoded; pass a model, or fit on a Gau"):
        encode_data(None, X, 7)


def test_a_read_only_array_is_read_without_a_warning() -> None:
    array = X.numpy().copy()
    array.setflags(write=False)
    before = torch.is_warn_always_enabled()
    torch.set_warn_always(True)  # torch would warn once a process
    try:
        found = encode_data(TwoHalves(), array, 7)
    finally:
        torch.set_warn_always(before)
    assert torch.equal(found.mean, X[:, :2])


def test_a_shuffling_loader_gives_every_code_once() -> None:
    found = encode_data(TwoHalves(), DataLoader(TensorDataset(X), batch_size=6, shuffle=True), 7)
    assert not torch.equal(found.mean, X[:, :2])
    assert sorted(found.mean[:, 0].tolist()) == sorted(X[:, 0].tolist())


def test_an_error_restores_the_global_random_state_at_once() -> None:
    """Not only when the traceback, which holds the loop over the loader, is gone."""
    before = torch.get_rng_state()
    loader = DataLoader(TensorDataset(torch.full((9, 4), torch.nan)), shuffle=True)
    with pytest.raises(DataError) as caught:
        encode_data(TwoHalves(), loader, 7)
    assert torch.equal(torch.get_rng_state(), before)
    assert caught.traceback


@pytest.mark.parametrize("bad", [torch.nan, torch.inf, -torch.inf])
@pytest.mark.parametrize(
    "wrap", [lambda x: x, Tensor.numpy, TensorDataset, lambda x: DataLoader(Items(lambda y: y, x))]
)
def test_data_must_be_finite(bad: float, wrap: Callable[[Tensor], Any]) -> None:
    x = X.clone()
    x[13, 3] = bad
    with pytest.raises(DataError, match=r"data must be finite, but row 13 holds NaN or infinity\."):
        encode_data(TwoHalves(), wrap(x), 7)


EMPTY: dict[str, tuple[Any, str]] = {
    "tensor": (X[:0], r"data is empty: its shape is \(0, 4\)\."),
    "ndarray": (X.numpy()[:0], r"data is empty: its shape is \(0, 4\)\."),
    "number": (torch.tensor(3.0), r"data is empty: its shape is \(\)\."),
    "dataset": (Items(lambda x: x, X[:0]), r"data is empty: it gave no batch\."),
    "loader": (DataLoader(TensorDataset(X[:0])), r"data is empty: it gave no batch\."),
}


@pytest.mark.parametrize(("empty", "message"), EMPTY.values(), ids=EMPTY)
def test_empty_data(empty: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        encode_data(TwoHalves(), empty, 7)


@pytest.mark.parametrize(("bad", "name"), [([[1.0]], "list"), ("x", "str"), (None, "NoneType"), ({1.0}, "set")])
def test_unknown_kinds_of_data(bad: Any, name: str) -> None:
    with pytest.raises(ArgumentTypeError, match=rf"data must be a Tensor, an array .* got {name}\."):
        encode_data(TwoHalves(), bad, 7)


def test_mappings_need_an_entry_data() -> None:
    with pytest.raises(DataError, match=r"need an entry 'data'; this one has \['image', 'label'\]"):
        encode_data(TwoHalves(), Items(lambda x: {"label": 1, "image": x}), 7)


OUTPUTS: dict[str, tuple[Callable[[Tensor], Any], str]] = {
    "too few": (lambda x: (x[:2], x[:2]), r"\(2, 4\) and \(2, 4\)\."),
    "another dimension": (lambda x: (x, x[:, :3]), r"\(7, 4\) and \(7, 3\)\."),
    "too many axes": (lambda x: (x[:, None], x[:, None]), r"\(7, 1, 4\) and \(7, 1, 4\)\."),
    "too few axes": (lambda x: (x[:, 0], x[:, 0]), r"\(7,\) and \(7,\)\."),
}


@pytest.mark.parametrize(("encode", "message"), OUTPUTS.values(), ids=OUTPUTS)
def test_encoder_outputs_must_fit(encode: Callable[[Tensor], Any], message: str) -> None:
    model = TwoHalves()
    model.encode = lambda x: GaussianPosterior(*encode(x))  # type: ignore[method-assign]
    with pytest.raises(DataError, match=rf"encode must return .* of shape \(7, dim\), got {message}"):
        encode_data(model, X, 7)


def test_arrays_that_hold_no_numbers() -> None:
    with pytest.raises(ArgumentTypeError, match=r"array of numbers, got dtype object; .* float32"):
        encode_data(TwoHalves(), np.array([None, "a"], dtype=object), 7)
