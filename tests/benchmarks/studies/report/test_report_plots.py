"""Plots: what stands where."""

import math
import re
from itertools import combinations
from xml.etree import ElementTree

import numpy as np
import pytest

from benchmarks.reporting.spreads import Spread
from benchmarks.studies.compare.report.averaging import summarise
from benchmarks.studies.compare.report.axes import Axis
from benchmarks.studies.compare.report.exhibits import Exhibit, Square, cloud, map_square
from benchmarks.studies.compare.report.label_placement import Box, place_labels, spread_apart
from benchmarks.studies.compare.report.plots import curve_figure, fidelity_novelty
from benchmarks.studies.compare.report.selection import curves, largest, points
from benchmarks.studies.compare.report.svg import curve_plot, point_plot
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


def test_axes_place_values():
    assert [Axis(2, 4).place(value) for value in (1, 2, 2.5, 4, 5)] == [0, 0, 0.25, 1, 1]
    assert Axis(4, 2).place(2.5) == 0.75
    log = Axis(1, 100, is_log=True)
    assert [log.place(value) for value in (-5, 0, 1, 10, 100)] == pytest.approx([0, 0, 0, 0.5, 1])
    assert Axis(100, 1, is_log=True).place(10) == pytest.approx(0.5)
    assert Axis(100, 1, is_log=True).place(-1) == 1


@pytest.mark.parametrize(
    ("axis", "ticks"),
    [
        (Axis(0, 1), ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]),
        (Axis(-0.03, 0.012), ["−0.03", "−0.02", "−0.01", "0.00", "0.01"]),
        (Axis(0.94, 1.0), ["0.94", "0.96", "0.98", "1.00"]),
        (Axis(0.5, 2_000, is_log=True), ["1", "10", "100", "1,000"]),
        (Axis(300, 8, is_log=True), ["10", "30", "100", "300"]),
        (Axis(15, 60, is_log=True), ["15", "20", "30", "50"]),
        (Axis(20.2, 20.9, is_log=True), ["20.2", "20.4", "20.6", "20.8"]),
    ],
)
def test_ticks_are_round(axis, ticks):
    found = axis.ticks()
    assert list(found.values()) == ticks
    for value, text in found.items():
        assert float(text.replace("−", "-").replace(",", "")) == pytest.approx(value, abs=1e-12)


def test_axes_hold_figures_and_spreads():
    figures = [Spread(10.0, 4.0, 3), Spread(100.0, 50.0, 3), Spread(1.0, 5.0, 3)]
    linear, log = Axis.over(figures), Axis.over(figures, is_log=True)
    assert linear.start < -4
    assert linear.end > 150
    assert 0 < log.start < 0.5
    assert log.end > 150
    assert Axis.over(figures, is_reversed=True) == Axis(linear.end, linear.start)
    lone = Axis.over([Spread(0.5, None, 1)])
    assert lone.start < 0.5 < lone.end


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


def _paths(svg, kind):
    """Places of the markers of a kind."""
    found = re.findall(rf'class="marker {kind}"[^>]*translate\(([\d.]+) ([\d.]+)\)', svg)
    return [(float(left), float(top)) for left, top in found]


def test_points_stand_at_their_figures(groups):
    found = points(groups[-1].rows, "authenticity", "frechet_distance", y_is_log=True)
    assert len(found) == len(SAMPLERS)
    x, y = Axis(0, 1), Axis(1_000, 1, is_log=True)
    svg = point_plot(found, x, y, labels=("authenticity", "FD"), title="FD by authenticity")
    ElementTree.fromstring(svg)
    ((left, top),) = _paths(svg, "ours")[:1]
    first = next(point for point in found if point.kind == "ours")
    assert left == pytest.approx(56 + 484 * first.x.mean, abs=0.06)
    assert top == pytest.approx(12 + 360 * math.log10(first.y.mean) / 3, abs=0.06)  # the smaller the higher
    for kind in ("baseline", "native", "ours", "ceiling"):
        assert len(_paths(svg, kind)) == sum(point.kind == kind for point in found)
    texts = re.findall(r'<text class="label (\w+)"[^>]*>([^<]*)</text>', svg)
    assert ("ours", "calibrated") in texts
    assert ("baseline", "N(0, I)") in texts
    assert len(texts) == len(SAMPLERS)


def test_error_bars_are_one_standard_deviation_long():
    cells = [
        make_cell("GMM-10", seed=seed, recall=0.5 + 0.1 * (seed - 1), precision=0.5 + 0.2 * (seed - 1))
        for seed in (0, 1, 2)
    ]
    (group,) = summarise(cells).groups
    svg = point_plot(points(group.rows, "recall", "precision"), Axis(0, 1), Axis(0, 1), labels=("", ""), title="")
    ends = re.search(r'class="spread baseline" d="M([\d.]+) ([\d.]+)H([\d.]+)M([\d.]+) ([\d.]+)V([\d.]+)"', svg)
    left, here, right, there, low, high = map(float, ends.groups())
    assert right - left == pytest.approx(2 * 0.1 * 484, abs=0.2)
    assert low - high == pytest.approx(2 * 0.2 * 360, abs=0.2)
    assert (there, here) == pytest.approx((56 + 242, 12 + 180))


def test_distances_without_a_logarithm_are_left_out():
    group = _groups(frechet_distance=-0.1)[-1]
    assert points(group.rows, "authenticity", "frechet_distance", y_is_log=True) == []
    assert len(points(group.rows, "authenticity", "frechet_distance")) == len(SAMPLERS)
    assert curves([group], "frechet_distance", is_log=True) == []
    assert fidelity_novelty([group]) is None


def test_curves_are_those_of_the_main_samplers(groups):
    found = curves(groups, "coverage")
    assert [curve.sampler for curve in found] == [
        *("aggregate posterior", "GMM-10", "N(0, I)", "pythae: GaussianMixture"),
        *("ours: uniform", "ours: calibrated", "ours: clusters", "ours: paper", "reconstructions"),
    ]
    assert [curve.rank for curve in found] == [0, 1, 2, 0, 0, 1, 2, 3, 0]
    for curve in found:
        rows = [group.row(curve.sampler) for group in groups]
        assert curve.figures == {row.n_train: row.figures["coverage"] for row in rows}


def test_bands_are_two_standard_deviations_wide(groups):
    found = curves(groups, "coverage")[:1]
    svg = curve_plot(found, Axis(100, 10_000, is_log=True), Axis(0, 1), labels=("n", "coverage"), title="coverage")
    ElementTree.fromstring(svg)
    line = _pairs(re.search(r'<polyline[^>]*points="([^"]*)"', svg)[1])
    band = _pairs(re.search(r'<polygon[^>]*points="([^"]*)"', svg)[1])
    assert [left for left, _ in line] == pytest.approx([52, 52 + 118, 52 + 236])
    for index, figure in enumerate(found[0].figures.values()):
        assert line[index][1] == pytest.approx(12 + 250 * (1 - figure.mean), abs=0.06)
        assert band[-1 - index][1] - band[index][1] == pytest.approx(500 * figure.sd, abs=0.2)
    assert re.findall(r'text-anchor="middle">([\d,]+)<', svg)[:3] == ["100", "1,000", "10,000"]


def _pairs(text):
    return [tuple(map(float, pair.split(","))) for pair in text.split()]


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
        *("uniform", "calibrated", "clusters", "paper"),
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
        assert len(axis.texts) == len(axis.lines) == len(axis.collections) == 9
        heights = [axis.transData.transform(text.xy)[1] * 72 / figure.dpi + text.xyann[1] for text in axis.texts]
        assert min(np.diff(sorted(heights))) > 9.4


def test_largest_training_set_stands_for_a_study(groups):
    assert [group.n_train for group in largest(groups)] == [10_000]
