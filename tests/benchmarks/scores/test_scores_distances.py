"""Nearest neighbours by blocks of matrix products against scikit-learn's, and where rounding could decide."""

import numpy as np
import pytest
import torch
from sklearn.neighbors import NearestNeighbors

from benchmarks.scores import distances
from benchmarks.scores.distances import Balls, as_points, nearest, row_blocks, squared_distances
from tests.helpers.score_features import normal

BLOCKS = [1, 1000, distances.BLOCK_ELEMENTS]


@pytest.mark.parametrize("block_elements", BLOCKS)
@pytest.mark.parametrize("shift", [0.0, 1e3])
def test_nearest_agrees_with_scikit_learn(block_elements: int, shift: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(distances, "BLOCK_ELEMENTS", block_elements)
    x, y = normal(170, 6, 0, shift=shift), normal(230, 6, 1, shift=shift)
    expected, rows = NearestNeighbors(n_neighbors=1).fit(y).kneighbors(x)
    found = nearest(as_points(x), as_points(y))
    np.testing.assert_array_equal(found.rows, rows[:, 0])
    np.testing.assert_allclose(found.squared_distances.sqrt(), expected[:, 0], rtol=1e-12)


@pytest.mark.parametrize("block_elements", BLOCKS)
@pytest.mark.parametrize("k", [1, 5])
def test_radii_agree_with_scikit_learn(block_elements: int, k: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(distances, "BLOCK_ELEMENTS", block_elements)
    x = normal(210, 6, 0, shift=1e3)
    expected, _ = NearestNeighbors(n_neighbors=k).fit(x).kneighbors()
    np.testing.assert_allclose(Balls(as_points(x), k).squared_radii.sqrt(), expected[:, -1], rtol=1e-12)


def test_a_point_is_no_neighbour_of_its_own_but_its_twin_is() -> None:
    x = as_points(np.array([[0.1], [0.1], [5.1], [7.1]]))
    assert Balls(x, 1).squared_radii.tolist() == pytest.approx([0, 0, 4, 4])
    assert Balls(x, 1).squared_radii[:2].tolist() == [0, 0]
    assert Balls(x, 2).squared_radii.tolist() == pytest.approx([25, 25, 25, 49])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_copies_are_at_distance_zero(dtype: type) -> None:
    y = normal(300, 64, 0, shift=1e4).astype(dtype)
    found = nearest(as_points(y[::-3]), as_points(y))
    assert found.squared_distances.tolist() == [0] * 100
    assert found.rows.tolist() == list(range(299, -1, -3))


@pytest.mark.parametrize("shift", [0.0, 1e4])
def test_squared_distances_are_never_rounded_down(shift: float) -> None:
    x = normal(300, 64, 0, shift=shift)
    x[150:] = x[:150] + normal(150, 64, 1, scale=1e-3)
    points = as_points(x)
    exact = torch.cdist(points, points, compute_mode="donot_use_mm_for_euclid_dist").square()
    found = torch.cat([block.clone() for _, block in squared_distances(points, points)])
    assert (found >= exact).all()
    torch.testing.assert_close(found, exact, rtol=1e-10, atol=1e-9)


@pytest.mark.parametrize(("n", "n_columns", "n_rows"), [(50, 30, 3), (50, 101, 1), (2, 30, 2)])
def test_the_memory_of_blocks_is_bounded(n: int, n_columns: int, n_rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(distances, "BLOCK_ELEMENTS", 100)
    blocks = list(row_blocks(torch.zeros(n, 2), n_columns))
    assert [i for rows, _ in blocks for i in range(n)[rows]] == list(range(n))
    assert {block.data_ptr() for _, block in blocks} == {blocks[0][1].data_ptr()}
    assert blocks[0][1].shape == (n_rows, n_columns)
    assert all(len(block) == len(range(n)[rows]) for rows, block in blocks)
