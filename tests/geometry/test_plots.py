"""Pictures of latent spaces: the right marks in the right places, and nothing global touched."""

import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from matplotlib.collections import PathCollection
from matplotlib.figure import Figure
from PIL import Image
from torch import Tensor

from riemann_sampler import DiagonalMetric
from riemann_sampler.errors import ArgumentError
from riemann_sampler.geometry import PullbackCalibration, straight
from riemann_sampler.geometry.plots import mosaic, plot_latent_map, plot_pullback_calibration, plot_strips
from riemann_sampler.metric.metric import Metric
from tests.helpers.builders import diagonal_metric, normal

GREY_LINE = np.array((213, 219, 227)) / 255


def one_island(*centroids: tuple[float, float]) -> Metric:
    at = torch.tensor(centroids, dtype=torch.float64)
    return DiagonalMetric(at, torch.full_like(at, 4.0), temperature=1.0, regularization=1e-4, decay=1e-2)


def calibration(active: list[bool]) -> PullbackCalibration:
    predicted = normal(40, len(active)).exp()
    return PullbackCalibration(2 * predicted, predicted, 0.1, torch.tensor(active), None)


def test_mosaic_keeps_order_and_pixels() -> None:
    images = torch.arange(6 * 8 * 8).reshape(6, 1, 8, 8) / 384
    canvas = mosaic(images, 3, zoom=2)
    assert canvas.shape == (2 * 18 + 2, 3 * 18 + 2, 3)
    assert (canvas[:2] == GREY_LINE).all()
    assert (canvas[:, 18:20] == GREY_LINE).all()
    expected = 1 - np.kron(images[3, 0].double().numpy(), np.ones((2, 2)))  # dark on white
    for channel in range(3):
        np.testing.assert_array_equal(canvas[20:36, 2:18, channel], expected)
    assert mosaic(images[:5], 3, zoom=2).shape == (18 + 2, 3 * 18 + 2, 3)


def test_mosaic_of_colours_keeps_them() -> None:
    images = torch.rand(2, 3, 8, 8, generator=torch.Generator().manual_seed(0)) * 2
    canvas = mosaic(images, 1, zoom=1)
    np.testing.assert_array_equal(canvas[10:18, 1:9], images[1].clamp(0, 1).double().numpy().transpose(1, 2, 0))


def test_map_is_bright_where_the_volume_is_large(tmp_path: Path) -> None:
    corners = torch.tensor([[-3.0, -1.0], [3.0, 1.0]])
    axes = plot_latent_map(one_island((2.0, -0.5)), points={"corners": corners}, n_grid=60)
    assert axes.get_aspect() == 1
    assert all(
        low < -edge < edge < high for edge, (low, high) in zip((3, 1), (axes.get_xlim(), axes.get_ylim()), strict=True)
    )
    axes.figure.savefig(tmp_path / "map.png", dpi=50)
    pixels = np.asarray(Image.open(tmp_path / "map.png").convert("L"), dtype=float)

    def brightness(x: float, y: float) -> float:
        column, row = axes.transData.transform((x, y)) * 50 / axes.figure.dpi
        row = len(pixels) - row
        return pixels[round(row) - 2 : round(row) + 2, round(column) - 2 : round(column) + 2].mean()

    beside = brightness(2.3, -0.5)  # at the peak itself is the centroid's dot
    assert beside > 1.3 * brightness(-2, 0.5)
    assert beside > brightness(2, 0.5) + 10
    assert beside > brightness(-0.5, -0.5) + 10


def test_map_shows_centroids_points_and_paths_where_they_are() -> None:
    metric, a, b = diagonal_metric(k=5, dim=2), normal(3, 2, seed=5), normal(3, 2, seed=6) + 9
    paths = straight(a, b, 7)
    axes = plot_latent_map(metric, points={"ends": b}, paths={"straight": paths, "more": paths[:2] + 1}, n_grid=40)
    names = ["centroids (5)", "straight (3)", "more (2)", "ends (3)"]
    assert [text.get_text() for text in axes.get_legend().get_texts()] == names
    lines = [np.stack(line.get_data(), 1) for line in axes.lines]
    np.testing.assert_allclose(np.stack(lines[:3]), paths.numpy())
    assert axes.lines[0].get_color() == axes.lines[2].get_color() != axes.lines[3].get_color()
    dots = {str(part.get_label()): part for part in axes.collections if isinstance(part, PathCollection)}
    np.testing.assert_allclose(dots["centroids (5)"].get_offsets(), metric.centroids.numpy())
    np.testing.assert_allclose(dots["ends (3)"].get_offsets(), b.numpy())
    assert axes.get_xlim()[1] > b[:, 0].max()


def test_map_draws_on_given_axes() -> None:
    axes = Figure().subplots()
    assert plot_latent_map(diagonal_metric(dim=2), n_grid=20, axes=axes) is axes
    assert plot_latent_map(diagonal_metric(dim=2), n_grid=20) is not axes


def test_map_needs_two_dimensions() -> None:
    with pytest.raises(ArgumentError, match="must have 2 dimensions to be drawn as a map, it has 3"):
        plot_latent_map(diagonal_metric(dim=3))


def test_strips_lie_below_one_another_in_order() -> None:
    shades = torch.arange(12).reshape(2, 2, 3) / 12  # name, path, frame
    images = {name: shades[i][:, :, None, None, None].expand(2, 3, 1, 8, 8) for i, name in enumerate("ab")}
    axes = plot_strips(images)
    canvas = np.asarray(axes.images[0].get_array())
    assert [tick.get_text() for tick in axes.get_yticklabels()] == ["a", "b", "a", "b"]
    middles = [round(position) for position in axes.get_yticks()]
    columns = [round((0.5 + i) * canvas.shape[1] / 3) for i in range(3)]
    shown = np.array([[canvas[row, column, 0] for column in columns] for row in middles]).reshape(2, 2, 3)
    np.testing.assert_allclose(1 - shown, shades.permute(1, 0, 2).numpy(), atol=1e-6)
    between = (middles[1] + middles[2]) // 2
    assert (canvas[between] == 1).all()  # white, not a line between images


@pytest.mark.usefixtures("without_type_checks")
@pytest.mark.parametrize(
    "images",
    [
        {},
        {"a": torch.zeros(2, 3, 1, 8, 8), "b": torch.zeros(2, 4, 1, 8, 8)},
        {"a": torch.zeros(2, 3, 2, 8, 8)},
        {"a": torch.zeros(3, 1, 8, 8)},
        {"a": torch.zeros(2, 0, 1, 8, 8)},
    ],
    ids=["none", "other frames", "two channels", "one path", "no frames"],
)
def test_strips_need_one_shape(images: dict[str, Tensor]) -> None:
    with pytest.raises(ArgumentError, match="must have one shape"):
        plot_strips(images)


def test_calibration_shows_active_units_alone() -> None:
    result = calibration([True, False, True])
    axes = plot_pullback_calibration(result)
    shown = {str(part.get_label()): part.get_offsets() for part in axes.collections}
    assert [*shown] == ["unit 0", "unit 2"]
    expected = torch.stack([result.predicted[:, 2], result.precisions[:, 2]], 1).numpy()
    np.testing.assert_allclose(shown["unit 2"], expected)
    (line,) = axes.lines
    np.testing.assert_array_equal(*line.get_data())
    assert line.get_xdata()[0] == pytest.approx(shown["unit 0"].min().clip(max=shown["unit 2"].min()))
    assert "2 active units, correlation of logarithms 1.000" in axes.get_title()
    assert axes.get_xscale() == axes.get_yscale() == "log"


def test_calibration_of_many_codes_shows_some(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("riemann_sampler.geometry.plots.N_DOTS", 30)
    axes = plot_pullback_calibration(calibration([True, True]))
    assert [len(part.get_offsets()) for part in axes.collections] == [14, 14]


def test_calibration_without_active_units_is_refused() -> None:
    with pytest.raises(ArgumentError, match="no active latent unit"):
        plot_pullback_calibration(calibration([False, False]))


def test_without_matplotlib_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ArgumentError, match=r"pip install \"riemann-sampler\[plot\]\""):
        plot_latent_map(diagonal_metric(dim=2))
