"""Pictures: the right pixels in the right places."""

from pathlib import Path

import numpy as np
import torch
from PIL import Image

from benchmarks.pictures import Layer, mosaic, sample_panels, volume_map, write_figure


def test_mosaic_keeps_order_and_pixels() -> None:
    images = torch.arange(6 * 8 * 8, dtype=torch.float32).reshape(6, 1, 8, 8)
    canvas = mosaic(images, 3, zoom=2)
    assert canvas.shape == (2 * 18 + 2, 3 * 18 + 2)
    assert np.isnan(canvas[:2]).all()
    assert np.isnan(canvas[:, 18:20]).all()
    fourth = canvas[20:36, 2:18]
    np.testing.assert_array_equal(fourth, np.kron(images[3, 0].numpy(), np.ones((2, 2))))
    assert mosaic(images[:5], 3, zoom=2).shape == (18 + 2, 3 * 18 + 2)


def test_panels_carry_names_and_notes() -> None:
    panels = {name: torch.linspace(0, 1, 16 * 64).reshape(16, 1, 8, 8) for name in ("real", "generated", "more")}
    figure = sample_panels(panels, title="Title", notes={"real": "note"}, n_images=4, n_columns=2)
    assert [axis.get_title() for axis in figure.axes] == ["real", "generated", "more", ""]
    assert figure.axes[0].texts[0].get_text() == "note"
    assert figure.get_suptitle() == "Title"


def test_map_is_bright_where_the_volume_is_large(tmp_path: Path) -> None:
    points = torch.tensor([[-3.0, -1.0], [3.0, 1.0]])
    peak = torch.tensor([2.0, -0.5])
    figure = volume_map(
        lambda z: -(z - peak).square().sum(1), [Layer("corners", points, {"s": 1})], title="Bump", n_points=60
    )
    axis = figure.axes[0]
    assert axis.get_aspect() == 1
    assert all(
        low < -edge < edge < high for edge, (low, high) in zip((3, 1), (axis.get_xlim(), axis.get_ylim()), strict=True)
    )
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["corners (2)"]

    write_figure(figure, tmp_path / "map.png", dpi=50)
    pixels = np.asarray(Image.open(tmp_path / "map.png").convert("L"), dtype=float)

    def brightness(x: float, y: float) -> float:
        column, row = axis.transData.transform((x, y)) * 50 / figure.dpi
        row = len(pixels) - row
        return pixels[round(row) - 2 : round(row) + 2, round(column) - 2 : round(column) + 2].mean()

    at_peak = brightness(2, -0.5)
    assert at_peak > 1.3 * brightness(-2, 0.5)
    assert at_peak > brightness(2, 0.5) + 10
    assert at_peak > brightness(-0.5, -0.5) + 10
