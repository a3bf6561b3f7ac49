"""Data sets of the benchmarks: their parts share nothing, and files are read as they are written."""

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks.data import datasets
from benchmarks.data.datasets import digits, load, short_name
from riemann_sampler.errors import ArgumentError, DataError


def rows(data: torch.Tensor) -> set[bytes]:
    return {row.numpy().tobytes() for row in data}


def shares(labels: np.ndarray) -> np.ndarray:
    return np.bincount(labels, minlength=10) / len(labels)


def test_digits_are_split_in_proportion() -> None:
    split = digits(seed=1)
    assert split.train.shape == (1297, 1, 8, 8)
    assert split.heldout.shape == (500, 1, 8, 8)
    assert (split.train.min(), split.train.max()) == (0, 1)
    np.testing.assert_allclose(shares(split.train_labels), shares(split.heldout_labels), atol=2e-3)
    assert not rows(split.train) & rows(split.heldout)
    assert torch.equal(digits(seed=1).train, split.train)
    assert not torch.equal(digits(seed=2).train, split.train)


def test_the_three_parts_share_nothing() -> None:
    test, validation = load("digits"), load("digits", heldout="validation")
    assert torch.equal(test.train, validation.train)
    parts = [rows(part) for part in (test.train, test.heldout, validation.heldout)]
    assert [len(part) for part in parts] == [973, 500, 324]
    assert not parts[0] & parts[1]
    assert not parts[0] & parts[2]
    assert not parts[1] & parts[2]
    assert test.is_images
    assert test.n_classes == 10


def test_a_smaller_training_part_is_drawn_by_seed_and_the_others_stay() -> None:
    whole = load("digits")
    few = [load("digits", n_train=200, seed=seed) for seed in (0, 0, 1)]
    assert torch.equal(few[0].train, few[1].train)
    assert rows(few[0].train) != rows(few[2].train)
    for split in few:
        assert len(split.train) == len(split.train_labels) == 200
        assert rows(split.train) <= rows(whole.train)
        assert torch.equal(split.heldout, whole.heldout)
        np.testing.assert_allclose(shares(split.train_labels), shares(whole.train_labels), atol=6e-3)


def test_labels_stay_with_their_data() -> None:
    whole = digits(n_train=None)
    label_of = {
        row.numpy().tobytes(): label
        for data, labels in ((whole.train, whole.train_labels), (whole.heldout, whole.heldout_labels))
        for row, label in zip(data, labels, strict=True)
    }
    for split in (load("digits", n_train=150, seed=3), load("digits", heldout="validation")):
        for data, labels in ((split.train, split.train_labels), (split.heldout, split.heldout_labels)):
            assert [label_of[row.numpy().tobytes()] for row in data] == labels.tolist()


@pytest.mark.parametrize("n_train", [0, 974])
def test_no_more_data_than_there_are(n_train: int) -> None:
    with pytest.raises(ArgumentError, match=rf"^n_train={n_train} of digits: it must be from 1 to 973\.$"):
        load("digits", n_train=n_train)


def test_cells_are_a_table() -> None:
    split = load("cells")
    assert split.train.shape == (394, 765)
    assert split.heldout.shape == (175, 765)
    assert not split.is_images
    assert split.n_classes == 10
    assert float(split.train.std()) == pytest.approx(1, abs=0.1)


def test_a_missing_package_of_files_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(datasets, "FASHION_FOLDER", tmp_path / "nowhere")
    with pytest.raises(DataError, match=r"apt-get install dataset-fashion-mnist\), or name a folder"):
        load("fashion")


def test_tumours_are_a_table() -> None:
    """Standardized by all that is not for tests."""
    split, other = load("cancer"), load("cancer", heldout="validation")
    assert (len(split.train), len(split.heldout), len(other.heldout)) == (321, 142, 106)
    seen = torch.cat([split.train, other.heldout])
    torch.testing.assert_close(seen.mean(0), torch.zeros(30), rtol=0, atol=1e-5)
    torch.testing.assert_close(seen.std(0, correction=0), torch.ones(30))
    assert not split.is_images
    assert split.n_classes == 2


def test_unknown_names() -> None:
    known = r"digits, fashion, cells, cancer, a \.npz file"
    with pytest.raises(DataError, match=rf"no data set 'mnits': it must be one of {known}"):
        load("mnits")


def write_idx(path: Path, array: np.ndarray) -> None:
    header = struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape)
    content = header + array.astype(np.uint8).tobytes()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)


@pytest.fixture
def arrays() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    return {
        "x_train": rng.integers(0, 256, (60, 5, 6), dtype=np.uint8),
        "y_train": np.arange(60) % 3,
        "x_test": rng.integers(0, 256, (30, 5, 6), dtype=np.uint8),
        "y_test": np.arange(30) % 3,
    }


def test_idx_folder(arrays: dict[str, np.ndarray], tmp_path: Path) -> None:
    for (key, name), suffix in zip(datasets.IDX_FILES.items(), ("", ".gz", ".gz", ""), strict=True):
        write_idx(tmp_path / f"{name}{suffix}", arrays[key])
    split = load(str(tmp_path))
    assert split.train.shape == (45, 1, 5, 6)  # a quarter is for validation
    assert np.array_equal(split.heldout[:, 0].numpy(), (arrays["x_test"] / 255).astype(np.float32))
    assert split.heldout_labels.tolist() == arrays["y_test"].tolist()
    (tmp_path / datasets.IDX_FILES["y_test"]).unlink()
    with pytest.raises(DataError, match=r"lacks the IDX files t10k-labels-idx1-ubyte"):
        load(str(tmp_path))


class TestNpz:
    def load(self, folder: Path, **arrays: np.ndarray) -> datasets.Split:
        np.savez(folder / "mine.npz", **arrays)
        return load(str(folder / "mine.npz"))

    def test_colour_images_with_their_channels_last(self, arrays: dict[str, np.ndarray], tmp_path: Path) -> None:
        colour = {key: np.stack([x, x // 2, x * 0], -1) if key[0] == "x" else x for key, x in arrays.items()}
        split = self.load(tmp_path, **colour)
        assert split.heldout.shape == (30, 3, 5, 6)
        assert np.array_equal(split.heldout[:, 0].numpy(), (arrays["x_test"] / 255).astype(np.float32))
        assert split.heldout[:, 2].max() == 0

    def test_tables_are_taken_as_they_are_and_classes_are_numbered(self, tmp_path: Path) -> None:
        table = np.random.default_rng(0).normal(size=(40, 7))
        labels = np.where(np.arange(40) % 2, -5, 12)
        split = self.load(tmp_path, x_train=table, y_train=labels, x_test=table[:20] + 1, y_test=labels[:20])
        assert split.train.shape == (30, 7)
        assert np.array_equal(split.heldout.numpy(), (table[:20] + 1).astype(np.float32))
        assert split.heldout_labels.tolist() == [1, 0] * 10

    def test_what_cannot_be_meant(self, arrays: dict[str, np.ndarray], tmp_path: Path) -> None:
        with pytest.raises(DataError, match=r"mine\.npz lacks the arrays y_test; it holds x_test, x_train, y_train\."):
            self.load(tmp_path, **{key: arrays[key] for key in ("x_test", "x_train", "y_train")})
        with pytest.raises(DataError, match=r"x_test has 29 rows, y_test 30\."):
            self.load(tmp_path, **{**arrays, "x_test": arrays["x_test"][1:]})
        with pytest.raises(
            DataError, match=r"x_train of .* ranges from 0 to 255; images must be of 8 bits or in \[0, 1\]"
        ):
            self.load(tmp_path, **{**arrays, "x_train": (arrays["x_train"] // 255 * 255).astype(np.float32)})
        with pytest.raises(DataError, match=r"is float64 of shape \(60,\); it must be numbers, images"):
            self.load(tmp_path, **{**arrays, "x_train": np.zeros(60)})
        with pytest.raises(ValueError, match="pickle"):
            self.load(tmp_path, **{**arrays, "x_train": np.array([object()] * 60)})


def test_names_in_files_and_tables() -> None:
    assert [short_name(name) for name in ("digits", "/data/mine.npz", "some/folder/")] == ["digits", "mine", "folder"]
