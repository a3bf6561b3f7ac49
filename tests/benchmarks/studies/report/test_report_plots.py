"""Plots: what stands where."""

from itertools import combinations
from xml.etree import ElementTree

import numpy as np
import pytest

from benchmarks.studies.compare.report.averaging import summarise
from benchmarks.studies.compare.report.exhibits import Exhibit, Square, cloud, map_square
from benchmarks.studies.compare.report.label_placement import Box, place_labels, spread_apart
from benchmarks.studies.compare.report.plots import (
    as_svg,
    curve_figure,
    curve_plot,
    fidelity_novelty,
    novelty_plot,
    recall_plot,
)
from benchmarks.studies.compare.report.selection import curves, largest, points, short
from tests.helpers.report_cells import SAMPLERS, make_cell


def _groups(**changes):
    cells = [
        make_cell(sampler, n_train=size, seed=seed, **changes)
        for sampler in SAMPLERS
        for size in (100, 1_000, 10_000)
        for seed in (0, 1, 2)
    ]
    return summarise(cells).groups


@pytest.fixture(scope="module")
def groups():
    return _groups()


def test_labels_hide_neither_each_other_nor_points():
    anchors = [(100.0 + 9 * index, 100.0 + 3 * (index % 3)) for index in range(8)]
    bounds = Box(0, 0, 400, 200)
    sizes = [(60.0, 14.0)] * 8
    placed = place_labels(anchors, sizes, bounds, 5.0)
    naive = [Box(x + 10, y - 7, 60, 14) for x, y in anchors]

    def hidden(boxes):
        return sum(one.overlap(other) for one, other in combinations(boxes, 2))

    assert hidden(naive) > 5_000
    assert hidden(placed) < 0.05 * hidden(naive)
    for box in placed:
        assert box.overlap(bounds) == pytest.approx(60 * 14)
        assert sum(box.overlap(Box(x - 5, y - 5, 10, 10)) for x, y in anchors) < 30
    assert place_labels(anchors, sizes, bounds, 5.0) == placed


def test_lone_label_stands_to_the_right():
    (box,) = place_labels([(100.0, 100.0)], [(40.0, 10.0)], Box(0, 0, 300, 300), 5.0)
    assert box == pytest.approx((110, 95, 40, 10))
    (box,) = place_labels([(290.0, 100.0)], [(40.0, 10.0)], Box(0, 0, 300, 300), 5.0)
    assert box.left + box.width <= 300


def test_positions_spread_apart_in_their_order():
    assert spread_apart([5.0, 50.0, 20.0], 10, 0, 100) == [5.0, 50.0, 20.0]
    moved = spread_apart([99.0, 98.0, 97.0, 10.0], 10, 0, 100)
    assert moved == [100.0, 90.0, 80.0, 10.0]
    assert spread_apart([1.0, 1.0, 1.0], 10, 0, 15) == [0.0, 10.0, 20.0]  # no room


def test_points_stand_at_their_figures(groups):
    figure = novelty_plot(groups[-1])
    (axis,) = figure.axes
    expected = {
        (row.mean("authenticity"), row.mean("frechet_distance"))
        for row in groups[-1].rows
        if row.sampler != "real train"
    }
    assert {(float(line.get_xdata()[0]), float(line.get_ydata()[0])) for line in axis.lines} >= expected
    assert {text.get_text() for text in axis.texts} == {short(name) for name in SAMPLERS} - {"real train"}
    low, high = axis.get_ylim()
    assert low > high > 0  # faithful is up
    assert all(0 < float(line.get_ydata()[0]) <= low for line in axis.lines)


def test_error_bars_are_one_standard_deviation_long():
    cells = [
        make_cell("GMM-10", seed=seed, recall=0.5 + 0.1 * (seed - 1), precision=0.5 + 0.2 * (seed - 1))
        for seed in (0, 1, 2)
    ]
    (group,) = summarise(cells).groups
    (axis,) = recall_plot(group).axes
    across, up = (bars.get_segments()[0] for bars in axis.collections)
    np.testing.assert_allclose(across, [[0.4, 0.5], [0.6, 0.5]])
    np.testing.assert_allclose(up, [[0.5, 0.3], [0.5, 0.7]])


def test_error_bars_stay_above_zero_on_a_logarithmic_axis():
    cells = [
        make_cell("GMM-10", seed=seed, frechet_distance=distance) for seed, distance in enumerate((1.0, 1.0, 40.0))
    ]
    (group,) = summarise(cells).groups
    (axis,) = novelty_plot(group).axes
    _, up = (bars.get_segments()[0] for bars in axis.collections)
    assert group.rows[0].figures["frechet_distance"].sd > 14
    assert up[0][1] == pytest.approx(7)  # half the mean


@pytest.mark.parametrize(
    ("distances", "ticks"),
    [
        ((0.6, 1_900), ["1", "10", "100", "1,000"]),
        ((9, 280), ["10", "20", "50", "100", "200"]),
        ((20.2, 20.8), ["20.2", "20.4", "20.6", "20.8"]),
    ],
)
def test_ticks_are_round(distances, ticks):
    cells = [make_cell(name, frechet_distance=each) for name, each in zip(SAMPLERS, distances, strict=False)]
    (group,) = summarise(cells).groups
    (axis,) = novelty_plot(group).axes
    high, low = axis.get_ylim()
    values = [value for value in axis.yaxis.get_majorticklocs() if low <= value <= high]
    assert [axis.yaxis.get_major_formatter()(value) for value in values] == ticks


def test_figures_are_the_same_svg_again(groups):
    ElementTree.fromstring(as_svg(recall_plot(groups[-1])))
    assert as_svg(recall_plot(groups[-1])) == as_svg(recall_plot(groups[-1]))


def test_distances_without_a_logarithm_are_left_out():
    group = _groups(frechet_distance=-0.1)[-1]
    assert points(group.rows, "authenticity", "frechet_distance", y_is_log=True) == []
    assert len(points(group.rows, "authenticity", "frechet_distance")) == len(SAMPLERS)
    assert curves([group], "frechet_distance", is_log=True) == []
    assert fidelity_novelty([group]) is None
    assert novelty_plot(group) is None
    assert curve_plot([group], "frechet_distance") is None


def test_curves_are_those_of_the_main_samplers(groups):
    found = curves(groups, "coverage")
    assert [curve.sampler for curve in found] == [
        *("aggregate posterior", "GMM-10", "N(0, I)", "pythae: GaussianMixture"),
        *("ours: uniform", "ours: local", "ours: calibrated", "ours: clusters", "ours: paper", "reconstructions"),
    ]
    assert [curve.rank for curve in found] == [0, 1, 2, 0, 0, 1, 2, 3, 4, 0]
    for curve in found:
        rows = [group.row(curve.sampler) for group in groups]
        assert curve.figures == {row.n_train: row.figures["coverage"] for row in rows}


def test_maps_show_all_but_stray_samples():
    rng = np.random.default_rng(0)
    positions = rng.normal(size=(500, 2)).tolist()
    exhibits = [Exhibit("real train", "ceiling", 0, None, positions), Exhibit("GMM-10", "baseline", 0, None, [])]
    square = map_square([*exhibits, Exhibit("wild", "ours", 0, None, [[1e6, 1e6]])])
    assert -6 < square.left < -2
    assert 4 < square.side < 9
    assert cloud([[1e6, 0.0], [0.0, -1e6]], square) == ""
    assert len(cloud(positions, square).split("M")) - 1 > 480
    assert map_square(exhibits[1:]) is None
    # Left is left, and up is up: SVG counts downwards.
    assert cloud([[-1.0, 1.0], [0.0, 0.0]], Square(-2.0, -2.0, 4.0)) == "M50 50h0M100 100h0"


def test_figures_for_the_readme(groups):
    figure = fidelity_novelty(groups)
    (axis,) = figure.axes
    assert axis.get_title() == "fashion (10,000), BetaVAE"
    low, high = axis.get_ylim()
    assert low > high > 0  # faithful is up
    texts = {text.get_text(): text for text in axis.texts}
    assert set(texts) == {
        *("N(0, I)", "GMM-10", "aggregate posterior", "GaussianMixture", "reconstructions"),
        *("uniform", "calibrated", "local", "clusters", "paper"),
    }
    row = groups[-1].row("ours: calibrated")
    assert texts["calibrated"].xy == (row.mean("authenticity"), row.mean("frechet_distance"))
    drawn = {tuple(map(float, (*line.get_xdata(), *line.get_ydata()))) for line in axis.lines}
    expected = {(row.mean("authenticity"), row.mean("frechet_distance")) for row in groups[-1].rows}
    assert {place for place in drawn if len(place) == 2} == expected - {
        (groups[-1].row("real train").mean("authenticity"), groups[-1].row("real train").mean("frechet_distance"))
    }


def test_curves_as_a_figure(groups):
    figure = curve_figure(groups)
    assert [axis.get_title() for axis in figure.axes] == ["Fréchet distance, log scale", "coverage", "authenticity"]
    assert [axis.get_yscale() for axis in figure.axes] == ["log", "linear", "linear"]
    for axis, key in zip(figure.axes, ("frechet_distance", "coverage", "authenticity"), strict=True):
        for line, curve in zip(axis.lines, curves(groups, key), strict=True):
            assert list(line.get_xdata()) == [100, 1_000, 10_000]
            assert list(line.get_ydata()) == [figure.mean for figure in curve.figures.values()]
        assert len(axis.texts) == len(axis.lines) == len(axis.collections) == 10
        heights = [axis.transData.transform(text.xy)[1] * 72 / figure.dpi + text.xyann[1] for text in axis.texts]
        assert min(np.diff(sorted(heights))) > 9.4


def test_largest_training_set_stands_for_a_study(groups):
    assert [group.n_train for group in largest(groups)] == [10_000]
