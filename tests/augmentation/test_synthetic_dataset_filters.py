"""Synthetic data that a filter lets pass."""

from typing import Any

import pytest
import torch
from torch import Tensor

from riemann_sampler import DataError, SyntheticDataset
from tests.helpers.builders import data, fitted, shared
from tests.helpers.synthetic_cases import LABELS, class_of, decodes, grouped, items, synthetic_labels


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
