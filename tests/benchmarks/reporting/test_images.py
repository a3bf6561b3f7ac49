"""Pictures: the right pixels in the right places."""

from pathlib import Path

import torch
from PIL import Image

from benchmarks.reporting.images import sample_panels, write_figure


def test_panels_carry_names_and_notes() -> None:
    panels = {name: torch.linspace(0, 1, 16 * 64).reshape(16, 1, 8, 8) for name in ("real", "generated", "more")}
    figure = sample_panels(panels, title="Title", notes={"real": "note"}, n_images=4, n_columns=2)
    assert [axis.get_title() for axis in figure.axes] == ["real", "generated", "more", ""]
    assert figure.axes[0].texts[0].get_text() == "note"
    assert figure.get_suptitle() == "Title"


def test_files_are_written_whole(tmp_path: Path) -> None:
    write_figure(sample_panels({"real": torch.zeros(4, 1, 8, 8)}, title="", n_images=2), tmp_path / "a" / "b.png")
    with Image.open(tmp_path / "a" / "b.png") as picture:
        assert picture.format == "PNG"
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["b.png"]
