"""What a filter rejected is drawn again, and when that is given up."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from riemann_sampler import DataError, FilterCounts, SampleFilter
from riemann_sampler.augmentation.filters import ENOUGH_DRAWN, MOST_TRIES, fill
from tests.helpers.filter_cases import LINE


class Draws:
    """Draws of two labels; the first of each label are too near in the first tries, as many as ``n_bad``."""

    def __init__(self, *, as_array: bool = False, n_bad: int = 0) -> None:
        self.as_array, self.n_bad = as_array, n_bad
        self.asked: list[tuple[dict[Any, int], int]] = []

    def __call__(self, counts: dict[Any, int], attempt: int) -> tuple[Any, list[Any]]:
        self.asked.append((dict(counts), attempt))
        labels = [label for label, n in reversed(counts.items()) for _ in range(n)]
        values = []
        for label, n in reversed(counts.items()):
            n_bad = min(n, max(0, self.n_bad - attempt))
            values += [0.0] * n_bad + [10.0 * ord(label) + attempt + i / 64 for i in range(n - n_bad)]
        x = torch.tensor(values)[:, None]
        return (x.numpy() if self.as_array else x), labels


@pytest.mark.parametrize("as_array", [False, True])
def test_what_was_rejected_is_drawn_again(*, as_array: bool) -> None:
    draw, sample_filter = Draws(as_array=as_array, n_bad=2), SampleFilter(LINE, min_distance=0.5)
    x, labels = fill(draw, {"b": 3, "a": 1, "c": 0}, sample_filter)
    assert draw.asked == [({"b": 3, "a": 1}, 0), ({"b": 2, "a": 1}, 1), ({"b": 1, "a": 1}, 2)]
    assert sample_filter.counts == FilterCounts(9, 5, 0, 4)
    assert labels == ["b", "b", "b", "a"]
    assert isinstance(x, np.ndarray if as_array else Tensor)
    assert x[:, 0].tolist() == [980.0, 981.0, 982.0, 972.0]  # in the order of the wanted labels, then of the draws


def test_enough_at_once() -> None:
    draw, sample_filter = Draws(), SampleFilter(None)
    x, labels = fill(draw, {"a": 2, "b": 3}, sample_filter)
    assert draw.asked == [({"a": 2, "b": 3}, 0)]
    assert labels == ["a", "a", "b", "b", "b"]
    assert x[:, 0].tolist() == [970.0, 970 + 1 / 64, 980.0, 980 + 1 / 64, 980 + 2 / 64]
    assert sample_filter.counts == FilterCounts(5, 0, 0, 5)


def test_codes_may_be_filtered_by_what_they_decode_to() -> None:
    draw, sample_filter, seen = Draws(), SampleFilter(LINE, min_distance=0.5), []

    def keep(z: Tensor, labels: Any) -> Any:
        seen.append(labels)
        return sample_filter.keep(z - 980.0, labels)

    assert fill(draw, {"a": 1, "b": 1}, sample_filter, keep)[0][:, 0].tolist() == [970.0, 982.0]
    assert seen == [["b", "a"], ["b"], ["b"]]


def test_samples_that_are_rejected_again_and_again() -> None:
    draw, sample_filter = Draws(n_bad=MOST_TRIES + 1), SampleFilter(LINE, min_distance=0.5)
    message = (
        r"^too many samples were rejected: 2 of 3 of label 'b', 1 of 1 of label 'a' are missing after 301 samples "
        r"drawn: 300 too near a training point, 0 misclassified, 1 kept\. Take a lower min_distance, another "
        r"classifier, or a sampler with a wider island_scale\.$"
    )

    def draw_one_good(counts: dict[Any, int], attempt: int) -> tuple[Any, list[Any]]:
        x, labels = draw(counts, attempt)
        return (x + 980.0 * torch.arange(4)[:, None].eq(0), labels[::-1]) if attempt == 0 else (x, labels)

    with pytest.raises(DataError, match=message):
        fill(draw_one_good, {"b": 3, "a": 1}, sample_filter)
    assert len(draw.asked) == MOST_TRIES


def test_the_last_try_may_succeed() -> None:
    draw = Draws(n_bad=MOST_TRIES - 1)
    x, _ = fill(draw, {"a": 1}, SampleFilter(LINE, min_distance=0.5))
    assert len(draw.asked) == MOST_TRIES
    assert len(x) == 1


def test_giving_up_early() -> None:
    """One hopeless label, among many drawn, is enough."""
    hopeless = SampleFilter(None, classifier=lambda x: [{980: "b"}.get(int(value), "b") for value in x[:, 0]])
    draw = Draws()
    with pytest.raises(DataError, match=r"1000 of 1000 of label 'a' are missing after 1001 samples"):
        fill(draw, {"a": ENOUGH_DRAWN, "b": 1}, hopeless)
    assert len(draw.asked) == 1
    draw = Draws()
    with pytest.raises(DataError, match=r"999 of 999 are missing|999 of 999 of label 'a'"):
        fill(draw, {"a": ENOUGH_DRAWN - 1}, hopeless)
    assert len(draw.asked) == 2


@pytest.mark.parametrize(("n_kept", "n_tries"), [(9, 1), (10, 100)])
def test_one_in_a_hundred_is_not_hopeless(n_kept: int, n_tries: int) -> None:
    tries = []

    def draw(counts: dict[Any, int], attempt: int) -> tuple[Any, list[Any]]:
        tries.append(attempt)
        n = counts[None]
        return torch.arange(n) < n * n_kept / 1000, [None] * n

    with pytest.raises(DataError, match=r"^too many samples were rejected: \d+ of 1000 are missing after"):
        fill(draw, {None: ENOUGH_DRAWN}, SampleFilter(None), lambda good, _: good.numpy())
    assert len(tries) == n_tries
