"""Folders of pictures in and out."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from riemann_sampler import ArgumentError, DataError
from riemann_sampler.files.arrays import read_data
from riemann_sampler.files.images import read_images, write_images

Image = pytest.importorskip("PIL.Image")


def pixels(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


def save(folder: Path, name: str, array: np.ndarray) -> None:
    folder.mkdir(exist_ok=True)
    Image.fromarray(array).save(folder / name)


class TestReading:
    @pytest.mark.parametrize("suffix", ["png", "bmp", "tif", "PNG"])
    def test_grey(self, suffix: str, tmp_path: Path) -> None:
        images = pixels(3, 4, 5)
        for name, image in zip(("b", "c", "a"), images, strict=True):
            save(tmp_path, f"{name}.{suffix}", image)
        assert np.array_equal(read_images(tmp_path), images[[2, 0, 1]][:, None])

    def test_colour(self, tmp_path: Path) -> None:
        images = pixels(2, 4, 5, 3)
        for name, image in zip("ab", images, strict=True):
            save(tmp_path, f"{name}.png", image)
        assert np.array_equal(read_images(tmp_path), images.transpose(0, 3, 1, 2))

    def test_as_training_data_they_become_shares_of_one(self, tmp_path: Path) -> None:
        save(tmp_path, "a.png", np.array([[0, 51, 255]], np.uint8))
        data = read_data(tmp_path)
        assert data.stored.tolist() == [[[[0, 51, 255]]]]
        assert data.values.dtype == np.float32
        assert np.array_equal(data.values, np.array([[[[0, 0.2, 1]]]], np.float32))

    def test_other_files_and_folders_inside_are_passed_over(self, tmp_path: Path) -> None:
        save(tmp_path, "a.png", pixels(4, 5))
        save(tmp_path / "inside", "b.png", pixels(4, 5, seed=1))
        (tmp_path / "labels.csv").write_text("a,1")
        assert read_images(tmp_path).shape == (1, 1, 4, 5)

    def test_no_image(self, tmp_path: Path) -> None:
        (tmp_path / "labels.csv").write_text("a,1")
        with pytest.raises(DataError, match=r"holds no images: no file in it ends in one of \.bmp, .*, \.webp\."):
            read_images(tmp_path)

    @pytest.mark.parametrize(
        ("odd", "kind"), [((5, 4), "4×5 L"), ((4, 5, 3), "5×4 RGB")], ids=["another size", "another mode"]
    )
    def test_the_first_odd_image_is_named(self, odd: tuple[int, ...], kind: str, tmp_path: Path) -> None:
        for name in ("a.png", "b.png", "d.png"):
            save(tmp_path, name, pixels(4, 5))
        for name in ("c.png", "e.png"):
            save(tmp_path, name, pixels(*odd))
        with pytest.raises(DataError, match=rf"c\.png is {kind}, but a\.png is 5×4 L: all images of a folder must"):
            read_images(tmp_path)

    @pytest.mark.parametrize("mode", ["P", "RGBA", "1", "I;16", "LA"])
    def test_modes_that_would_need_a_choice(self, mode: str, tmp_path: Path) -> None:
        Image.fromarray(pixels(4, 5)).convert(mode).save(tmp_path / "a.png")
        with pytest.raises(DataError, match=rf"a\.png has the mode {mode}; convert the images to L .* or RGB first\."):
            read_images(tmp_path)

    @pytest.mark.parametrize("cut", [0, 20, -30])
    def test_a_truncated_image(self, cut: int, tmp_path: Path) -> None:
        save(tmp_path, "a.png", pixels(20, 20))
        (tmp_path / "a.png").write_bytes((tmp_path / "a.png").read_bytes()[:cut])
        with pytest.raises(DataError, match=r"a\.png cannot be read as an image: "):
            read_images(tmp_path)


class TestWriting:
    def test_values_are_clamped_and_rounded(self, tmp_path: Path) -> None:
        values = torch.tensor([-0.5, 0.0, 0.1, 0.5, 0.999, 1.0, 1.004, 2.0]).reshape(1, 1, 1, 8)
        write_images(tmp_path, values)
        with Image.open(tmp_path / "00000000.png") as image:
            assert np.asarray(image).tolist() == [[0, 0, 26, 128, 255, 255, 255, 255]]

    @pytest.mark.parametrize(("channels", "mode"), [(1, "L"), (3, "RGB")])
    def test_what_is_written_is_read_back(self, channels: int, mode: str, tmp_path: Path) -> None:
        images = torch.rand(11, channels, 4, 5, generator=torch.Generator().manual_seed(0))
        folder = tmp_path / "new" / "folder"
        write_images(folder, images)
        assert sorted(path.name for path in folder.iterdir()) == [f"{index:08d}.png" for index in range(11)]
        with Image.open(folder / "00000000.png") as image:
            assert image.mode == mode
        assert np.abs(read_images(folder) / 255 - images.numpy()).max() <= 0.5 / 255 + 1e-6

    @pytest.mark.parametrize("shape", [(2, 4), (2, 4, 4), (2, 2, 4, 4), (2, 1, 1, 4, 4)])
    def test_what_is_no_image(self, shape: tuple[int, ...], tmp_path: Path) -> None:
        with pytest.raises(DataError, match=r"need samples of shape \(n, 1 or 3, height, width\), got .*\.npy file"):
            write_images(tmp_path, torch.zeros(shape))

    @pytest.mark.parametrize("value", [float("nan"), float("inf")])
    def test_what_is_not_finite(self, value: float, tmp_path: Path) -> None:
        with pytest.raises(DataError, match=r"NaN or infinity"):
            write_images(tmp_path, torch.full((1, 1, 2, 2), value))

    def test_interrupted_it_leaves_nothing(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        saved: list[Any] = []

        def interrupt(_: Any, path: Path) -> None:
            saved.append(path)
            path.write_bytes(b"half")
            if len(saved) == 3:
                raise KeyboardInterrupt

        monkeypatch.setattr(Image.Image, "save", interrupt)
        with pytest.raises(KeyboardInterrupt):
            write_images(tmp_path, torch.zeros(5, 1, 2, 2))
        assert len(saved) == 3
        assert list(tmp_path.iterdir()) == []


def test_without_pillow_the_message_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save(tmp_path, "a.png", pixels(4, 5))
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(ArgumentError, match=r'pip install "riemann-sampler\[images\]"'):
        read_images(tmp_path)
