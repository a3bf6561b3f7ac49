"""What the samples look like: pictures and latent maps of the first seed that has them."""

from base64 import b64encode
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from .cells import BrokenCellError, Cell
from .summary import REAL, Group

__all__ = ["MAP_SIDE", "Exhibit", "Square", "cloud", "find_exhibits", "map_square", "real_cloud"]

Positions = Sequence[Sequence[float]]
MAP_SIDE = 200


class Exhibit(NamedTuple):
    """Samples of one sampler.

    Attributes:
        sampler: Its name.
        kind: Its kind.
        seed: Seed they are from.
        picture: A mosaic as data URI; None of data that are no images.
        positions: Samples on the two main axes of the training codes; empty where they were not encoded.
    """

    sampler: str
    kind: str
    seed: int
    picture: str | None
    positions: Positions


def find_exhibits(cells: Iterable[Cell], folder: Path, group: Group) -> list[Exhibit]:
    """What a group's samplers have to show, in the order of its rows.

    Args:
        cells: Cells of any group.
        folder: Folder of the cells, to which their pictures' paths are relative.
        group: The group.

    Returns:
        An exhibit for each sampler that gave samples.

    Raises:
        BrokenCellError: A picture is not there.
    """
    first: dict[str, Cell] = {}
    for cell in sorted(cells, key=lambda cell: cell["cell"]["seed"]):
        names = cell["cell"]
        if (names["dataset"], names["n_train"], names["model"]) == group[:3] and cell["scores"] is not None:
            first.setdefault(names["sampler"], cell)
    exhibits = []
    for row in group.rows:
        if cell := first.get(row.sampler):
            positions = [position for position in cell["map"] if np.isfinite(position).all()]
            picture = _data_uri(folder, cell["picture"])
            exhibits.append(Exhibit(row.sampler, row.kind, cell["cell"]["seed"], picture, positions))
    return exhibits


def _data_uri(folder: Path, picture: str | None) -> str | None:
    if picture is None:
        return None
    try:
        content = (folder / picture).read_bytes()
    except OSError as error:
        msg = f"The picture {picture!r} of a cell is not in {str(folder)!r}; remove the cell and run it again."
        raise BrokenCellError(msg) from error
    return f"data:image/png;base64,{b64encode(content).decode()}"


class Square(NamedTuple):
    """Part of the plane that maps show.

    Attributes:
        left: Least first coordinate.
        bottom: Least second coordinate.
        side: Length of its sides.
    """

    left: float
    bottom: float
    side: float


def map_square(exhibits: Iterable[Exhibit], share: float = 0.01, margin: float = 0.08) -> Square | None:
    """The square of all maps of a group; a few stray samples, at most this share at each side, may lie outside."""
    clouds = [np.asarray(exhibit.positions, dtype=float) for exhibit in exhibits if exhibit.positions]
    if not clouds:
        return None
    low, high = np.quantile(np.concatenate(clouds), [share, 1 - share], axis=0)
    side = max(float((high - low).max()), 1e-9) * (1 + 2 * margin)
    left, bottom = (low + high) / 2 - side / 2
    return Square(float(left), float(bottom), side)


def cloud(positions: Positions, square: Square) -> str:
    """Path of dots, drawn by round line caps, in a square of `MAP_SIDE`; what lies outside is left out."""
    dots = []
    for x, y in positions:
        across = round(MAP_SIDE * (x - square.left) / square.side)
        down = round(MAP_SIDE * (1 - (y - square.bottom) / square.side))
        if 0 <= across <= MAP_SIDE and 0 <= down <= MAP_SIDE:
            dots.append(f"M{across} {down}h0")
    return "".join(dots)


def real_cloud(exhibits: Iterable[Exhibit], square: Square) -> str:
    """The training data's dots, which every map has below its own."""
    return next((cloud(exhibit.positions, square) for exhibit in exhibits if exhibit.sampler == REAL), "")
