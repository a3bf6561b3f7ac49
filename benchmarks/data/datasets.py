"""Data sets for benchmarks, each in three parts: training, validation and test.

Choices are made on the validation part and reported on the test part; `load` gives the training part beside one of
them, never both.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, Literal, NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int, Shaped
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from torch import Tensor

from riemann_sampler.errors import ArgumentError, DataError
from riemann_sampler.files import read_array

__all__ = ["DATASETS", "Split", "digits", "load", "possible_sizes", "short_name"]

FASHION_FOLDER: Final = Path("/usr/share/datasets/fashion-mnist")
"""Where Debian's package ``dataset-fashion-mnist`` puts its files."""

VALIDATION_SHARE: Final = 0.25
"""Share of what is not test data that is kept for validation, unless the test part is smaller."""

IDX_FILES: Final = {
    "x_train": "train-images-idx3-ubyte",
    "y_train": "train-labels-idx1-ubyte",
    "x_test": "t10k-images-idx3-ubyte",
    "y_test": "t10k-labels-idx1-ubyte",
}


class Split(NamedTuple):
    """Data with their classes; nothing but scores may see the held-out part.

    Images are in [0, 1], of shape (n, channels, height, width); tables of shape (n, features).

    Attributes:
        train: What models and samplers are fitted on.
        train_labels: Their classes, from 0.
        heldout: What scores compare with.
        heldout_labels: Their classes.
    """

    train: Float[Tensor, "n_train ..."]
    train_labels: Int[np.ndarray, " n_train"]
    heldout: Float[Tensor, "n_heldout ..."]
    heldout_labels: Int[np.ndarray, " n_heldout"]

    @property
    def is_images(self) -> bool:
        """Whether the data are images."""
        return self.train.ndim == 4

    @property
    def n_classes(self) -> int:
        """How many classes there are."""
        return int(max(self.train_labels.max(), self.heldout_labels.max())) + 1


def load(
    name: str, *, heldout: Literal["test", "validation"] = "test", n_train: int | None = None, seed: int = 0
) -> Split:
    """A data set by name or path.

    Args:
        name: One of `DATASETS`, a .npz file with ``x_train``, ``y_train``, ``x_test`` and ``y_test`` (images of 8 bits
            or in [0, 1], or tables), or a folder with the four IDX files of MNIST and its kin, plain or gzipped.
        heldout: Which part is held out. The training part holds neither.
        n_train: Training data, classes in their proportions; None takes all.
        seed: Seed of the choice of the training data; the other parts are always the same.

    Returns:
        Training data in random order, and the held-out part.

    Raises:
        ArgumentError: If there are fewer training data than asked for.
        DataError: If the data set is not there, or not of such a form.
    """
    whole = _read(name)
    n_validation = min(len(whole.heldout), int(VALIDATION_SHARE * len(whole.train)))
    kept, validation = _stratified(whole.train_labels, n_validation, seed=0)
    if n_train is not None:
        if not 0 < n_train <= len(kept):
            msg = f"n_train={n_train} of {name}: it must be from 1 to {len(kept)}."
            raise ArgumentError(msg)
        if n_train < len(kept):
            _, chosen = _stratified(whole.train_labels[kept], n_train, seed=seed)
            kept = kept[chosen]
    train, train_labels = whole.train[kept], whole.train_labels[kept]
    if heldout == "validation":
        return Split(train, train_labels, whole.train[validation], whole.train_labels[validation])
    return Split(train, train_labels, whole.heldout, whole.heldout_labels)


def digits(*, n_train: int | None = None, n_heldout: int = 500, seed: int = 0) -> Split:
    """scikit-learn's 1,797 handwritten digits of 8×8 pixels, classes in the same proportions on both sides.

    Args:
        n_train: Training images; None takes all that are not held out.
        n_heldout: Held-out images.
        seed: Seed of the split.

    Returns:
        The two parts, each in random order.
    """
    pixels, labels = load_digits(return_X_y=True)
    images = torch.from_numpy((pixels / 16).astype(np.float32).reshape(-1, 1, 8, 8))
    train, heldout = train_test_split(
        np.arange(len(labels)), train_size=n_train, test_size=n_heldout, stratify=labels, random_state=seed
    )
    return Split(images[train], labels[train], images[heldout], labels[heldout])


def _fashion() -> Split:
    if not FASHION_FOLDER.is_dir():
        msg = (
            f"Fashion-MNIST is not in {FASHION_FOLDER}: install it (Debian and Ubuntu: apt-get install "
            "dataset-fashion-mnist), or name a folder that holds its four IDX files."
        )
        raise DataError(msg)
    return _idx_folder(FASHION_FOLDER)


def _cells() -> Split:
    """700 blood cells with 765 genes, standardized (10x Genomics; bundled with scanpy), a quarter of them for tests."""
    try:
        from scanpy.datasets import pbmc68k_reduced
    except ModuleNotFoundError as error:
        msg = 'The cells come with scanpy: pip install "riemann-sampler[scvi]".'
        raise DataError(msg) from error
    from ..harness.isolation import set_apart

    with set_apart():
        bundled = pbmc68k_reduced()
    genes = torch.from_numpy(np.asarray(bundled.X, dtype=np.float32))
    labels = bundled.obs["bulk_labels"].cat.codes.to_numpy().astype(np.int64)
    train, test = _stratified(labels, len(labels) // 4, seed=0)
    return Split(genes[train], labels[train], genes[test], labels[test])


def _cancer() -> Split:
    """569 tumours with 30 measurements, standardized by those that are not for tests, a quarter (scikit-learn's)."""
    measurements, labels = load_breast_cancer(return_X_y=True)
    train, test = _stratified(labels.astype(np.int64), len(labels) // 4, seed=0)
    scaler = StandardScaler().fit(measurements[train])
    parts = (torch.from_numpy(scaler.transform(measurements[rows]).astype(np.float32)) for rows in (train, test))
    return Split(next(parts), labels[train], next(parts), labels[test])


DATASETS: Final[dict[str, Callable[[], Split]]] = {
    "digits": digits,
    "fashion": _fashion,
    "cells": _cells,
    "cancer": _cancer,
}
"""Data sets that have a name; each gives everything but the test part, and the test part."""


def short_name(name: str) -> str:
    """What a data set is called in files and tables: its name, or that of its file or folder."""
    return name if name in DATASETS else Path(name).stem


def _read(name: str) -> Split:
    if name in DATASETS:
        return DATASETS[name]()
    path = Path(name)
    if path.is_dir():
        return _idx_folder(path)
    if path.suffix == ".npz" and path.is_file():
        return _npz(path)
    msg = (
        f"There is no data set {name!r}: it must be one of {', '.join(DATASETS)}, a .npz file or a folder of IDX files."
    )
    raise DataError(msg)


def _idx_folder(folder: Path) -> Split:
    found = {key: next(folder.glob(f"{name}*"), None) for key, name in IDX_FILES.items()}
    missing = [IDX_FILES[key] for key, path in found.items() if path is None]
    if missing:
        msg = f"{folder} lacks the IDX files {', '.join(missing)} (.gz or plain)."
        raise DataError(msg)
    return _split_of({key: read_array(path) for key, path in found.items() if path is not None}, folder)


def _npz(path: Path) -> Split:
    with np.load(path, allow_pickle=False) as archive:
        missing = [key for key in IDX_FILES if key not in archive.files]
        if missing:
            msg = f"{path} lacks the arrays {', '.join(missing)}; it holds {', '.join(archive.files) or 'none'}."
            raise DataError(msg)
        return _split_of({key: archive[key] for key in IDX_FILES}, path)


def _split_of(arrays: dict[str, np.ndarray], path: Path) -> Split:
    classes = np.unique(np.concatenate([arrays["y_train"].ravel(), arrays["y_test"].ravel()]))
    parts: list[Tensor | np.ndarray] = []
    for part in ("train", "test"):
        x, y = arrays[f"x_{part}"], arrays[f"y_{part}"].ravel()
        if len(x) != len(y):
            msg = f"{path}: x_{part} has {len(x)} rows, y_{part} {len(y)}."
            raise DataError(msg)
        parts += [_as_data(x, f"x_{part} of {path}"), np.searchsorted(classes, y)]
    return Split(*parts)  # type: ignore[arg-type]


def _as_data(x: Shaped[np.ndarray, "n ..."], name: str) -> Float[Tensor, "n ..."]:
    """Images with their channels first and in [0, 1], or a table."""
    if x.ndim not in (2, 3, 4) or x.dtype.kind not in "fiu":
        wanted = "numbers, images (n, height, width) or (n, height, width, channels), or a table"
        msg = f"{name} is {x.dtype} of shape {x.shape}; it must be {wanted}."
        raise DataError(msg)
    data = torch.from_numpy((x / 255 if x.dtype == np.uint8 else x).astype(np.float32))
    if data.ndim == 3:
        data = data[:, None]
    elif data.ndim == 4 and data.shape[-1] in (1, 3) and data.shape[1] not in (1, 3):
        data = data.movedim(-1, 1).contiguous()
    if data.ndim == 4 and (data.min() < 0 or data.max() > 1):
        msg = f"{name} ranges from {data.min():.4g} to {data.max():.4g}; images must be of 8 bits or in [0, 1]."
        raise DataError(msg)
    return data


def _stratified(labels: Int[np.ndarray, " n"], n_second: int, *, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows of two parts, the second of a given size, classes in their proportions where all have several members."""
    possible = np.bincount(labels)[np.unique(labels)].min() > 1 and n_second >= len(np.unique(labels))
    rows = np.arange(len(labels))
    if n_second == len(labels):
        return rows[:0], rows
    first, second = train_test_split(rows, test_size=n_second, stratify=labels if possible else None, random_state=seed)
    return first, second


def possible_sizes(name: str, sizes: Sequence[int | None]) -> list[int | None]:
    """Training sizes without those that come to the same: one beyond the data set takes all, which is None."""
    n = len(load(name).train)
    return list(dict.fromkeys(size if size is not None and size < n else None for size in sizes))
