"""All scores at once: which data each compares, and what is refused. Scores of classes by hand."""

from collections.abc import Callable

import numpy as np
import pytest

from benchmarks import scores
from benchmarks.scores import Reference
from benchmarks.scores.classes import class_shares
from riemann_sampler.errors import ArgumentError, DataError
from tests.helpers.score_features import normal

TRAIN, HELDOUT = normal(80, 3, 2, shift=-0.7), normal(50, 3, 1, shift=1.0)
GENERATED = normal(70, 3, 0)
OF_HELDOUT = ["kernel_distance", "frechet_distance", "precision", "recall", "density", "coverage"]
CLASSES = np.arange(50) % 3


def single_scores(train: np.ndarray, heldout: np.ndarray, generated: np.ndarray) -> dict[str, float]:
    """What `Reference` gives, score by score, on all points."""
    prd = scores.prd_f_scores(heldout, generated)
    return {
        **{name: getattr(scores, name)(heldout, generated) for name in OF_HELDOUT},
        "prd_f8": prd.f8,
        "prd_f1_8": prd.f1_8,
        "authenticity": scores.authenticity(train, generated),
        "data_copying": scores.data_copying(train, heldout, generated),
    }


class TestScore:
    @pytest.mark.parametrize("n", [30, 50])
    def test_compares_with_the_right_data(self, n: int) -> None:
        found = Reference(TRAIN, HELDOUT).score(GENERATED[:n])
        assert found == pytest.approx(single_scores(TRAIN, HELDOUT, GENERATED[:n]), rel=1e-12)
        swapped = single_scores(HELDOUT, TRAIN, GENERATED[:n])
        assert [name for name in found if found[name] == swapped[name]] == []

    def test_of_more_than_heldout_points_the_first_where_their_number_matters(self) -> None:
        found = Reference(TRAIN, HELDOUT).score(GENERATED)
        first, all_ = (single_scores(TRAIN, HELDOUT, generated) for generated in (GENERATED[:50], GENERATED))
        for name in ("frechet_distance", "kernel_distance", "authenticity"):
            assert found.pop(name) == pytest.approx(all_[name], rel=1e-12)
            assert all_[name] != pytest.approx(first.pop(name), rel=1e-6)
        assert found == first

    def test_the_seed_is_that_of_clusters_and_cells(self) -> None:
        heldout, train, generated = normal(1000, 2, 0), normal(300, 2, 1), normal(1000, 2, 2, scale=0.7)
        found = Reference(train, heldout, seed=5).score(generated)
        assert found["prd_f8"] == scores.prd_f_scores(heldout, generated, seed=5).f8
        assert found["data_copying"] == scores.data_copying(train, heldout, generated, seed=5)
        other = Reference(train, heldout, seed=6).score(generated)
        assert [name for name in found if found[name] != other[name]] == ["prd_f8", "prd_f1_8", "data_copying"]

    def test_of_a_sampler_that_collapsed(self) -> None:
        found = Reference(TRAIN, HELDOUT, CLASSES, 3).score(np.tile(HELDOUT[0], (50, 1)), np.full(50, 1))
        assert np.isfinite(list(found.values())).all()
        assert (found["precision"], found["recall"], found["class_entropy"]) == (1, 0, 0)
        spread = np.square(HELDOUT - HELDOUT[0]).sum() / 49
        shift = np.square(HELDOUT.mean(0) - HELDOUT[0]).sum()
        assert found["frechet_distance"] == pytest.approx(spread - shift / 49, rel=1e-10)

    def test_leaves_the_arrays_as_they_were(self) -> None:
        arrays = [TRAIN.copy(), HELDOUT.copy(), GENERATED.copy()]
        Reference(arrays[0], arrays[1]).score(arrays[2])
        for array, before in zip(arrays, (TRAIN, HELDOUT, GENERATED), strict=True):
            np.testing.assert_array_equal(array, before)

    def test_float32_and_read_only_views(self) -> None:
        single = GENERATED.astype(np.float32)
        single.setflags(write=False)
        found = Reference(TRAIN, HELDOUT).score(single[::-1])
        assert found == Reference(TRAIN, HELDOUT).score(single[::-1].astype(np.float64))


class TestClasses:
    def test_by_hand(self) -> None:
        shares = class_shares(np.array([0, 2, 2, 0]), 4)
        assert shares.tolist() == [0.5, 0, 0.5, 0]
        assert scores.class_entropy(shares) == pytest.approx(np.log(2))
        assert scores.class_entropy(np.full(10, 0.1)) == pytest.approx(np.log(10))
        assert scores.class_entropy(np.array([0.0, 1.0])) == 0
        assert scores.class_balance_error(shares, np.array([0.1, 0.4, 0.5, 0])) == pytest.approx(0.4)
        assert scores.class_balance_error(shares, np.array([0, 0.7, 0, 0.3])) == pytest.approx(1)

    def test_of_all_points_against_heldout_ones(self) -> None:
        generated = np.concatenate([CLASSES, np.full(20, 2)])
        found = Reference(TRAIN, HELDOUT, CLASSES, 4).score(GENERATED, generated)
        shares = np.array([17, 17, 36, 0]) / 70
        assert found["class_entropy"] == pytest.approx(-(shares[:3] * np.log(shares[:3])).sum())
        assert found["class_balance_error"] == pytest.approx(36 / 70 - 16 / 50)

    def test_left_out_without_classes(self) -> None:
        assert {"class_entropy", "class_balance_error"}.isdisjoint(
            Reference(TRAIN, HELDOUT, CLASSES, 4).score(GENERATED)
        )


def with_nan(x: np.ndarray) -> np.ndarray:
    x = x.copy()
    x[[4, 9], 1] = np.nan
    return x


REFUSED: dict[str, tuple[type[Exception], str, Callable[[], object]]] = {
    "NaN": (
        DataError,
        r"^features must be finite, but 2 of 70 rows are not, the first is row 4\.$",
        lambda: Reference(TRAIN, HELDOUT).score(with_nan(GENERATED)),
    ),
    "infinite held-out": (DataError, "^heldout_features must be finite", lambda: Reference(TRAIN, HELDOUT / 0.0)),
    "infinite train": (DataError, "^train_features must be finite", lambda: Reference(with_nan(TRAIN), HELDOUT)),
    "few": (
        DataError,
        "^features must have at least 20 rows .* got 19",
        lambda: Reference(TRAIN, HELDOUT).score(GENERATED[:19]),
    ),
    "few held-out": (DataError, "^heldout_features must have at least 20", lambda: Reference(TRAIN, HELDOUT[:19])),
    "few train": (DataError, "^train_features must have at least 20", lambda: Reference(TRAIN[:19], HELDOUT)),
    "other features": (
        DataError,
        r"^features must have shape \(n, 3\), got \(70, 2\)",
        lambda: Reference(TRAIN, HELDOUT).score(GENERATED[:, :2]),
    ),
    "other training features": (
        DataError,
        r"^train_features must have shape \(n, 3\), got \(80, 2\)",
        lambda: Reference(TRAIN[:, :2], HELDOUT),
    ),
    "images": (
        DataError,
        r"^heldout_features must have shape \(n, features\), got \(50, 3, 1\)",
        lambda: Reference(TRAIN, HELDOUT[..., None]),
    ),
    "no number of classes": (
        ArgumentError,
        "^n_classes must be the number .* of heldout_classes knows, got None",
        lambda: Reference(TRAIN, HELDOUT, CLASSES),
    ),
    "few held-out classes": (
        ArgumentError,
        r"^heldout_classes must have shape \(50,\), .* got \(40,\)",
        lambda: Reference(TRAIN, HELDOUT, CLASSES[:40], 3),
    ),
    "few classes": (
        ArgumentError,
        r"^classes must have shape \(70,\), .* got \(50,\)",
        lambda: Reference(TRAIN, HELDOUT, CLASSES, 3).score(GENERATED, CLASSES),
    ),
    "unknown class": (
        ArgumentError,
        r"^heldout_classes must lie in 0 \.\.\. 1, got 0 \.\.\. 2",
        lambda: Reference(TRAIN, HELDOUT, CLASSES, 2),
    ),
    "negative class": (
        ArgumentError,
        r"^heldout_classes must lie in 0 \.\.\. 2, got -1 \.\.\. 1",
        lambda: Reference(TRAIN, HELDOUT, CLASSES - 1, 3),
    ),
    "classes against none": (
        ArgumentError,
        "^classes have none of held-out data to compare with: give heldout_classes and n_classes",
        lambda: Reference(TRAIN, HELDOUT).score(GENERATED, np.zeros(70, dtype=int)),
    ),
}


@pytest.mark.parametrize("case", REFUSED)
@pytest.mark.filterwarnings("ignore:divide by zero:RuntimeWarning")
def test_what_is_refused(case: str) -> None:
    error, message, act = REFUSED[case]
    with pytest.raises(error, match=message):
        act()
