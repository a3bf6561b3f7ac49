"""Cells of a comparison, read from their files."""

import json
from pathlib import Path
from typing import Any, Final

from .summary import KINDS

__all__ = ["BrokenCellError", "Cell", "read_cells"]

Cell = dict[str, Any]

PATTERN: Final = "*/*/*/seed*/*.json"
KEYS: Final = {
    "": (
        *("cell", "kind", "config", "environment", "features", "scores"),
        *("seconds", "peak_memory_mib", "error", "map", "picture"),
    ),
    "cell": ("dataset", "n_train", "heldout", "model", "sampler", "seed"),
    "config": ("n_samples",),
    "environment": ("commit", "versions"),
    "seconds": ("fit", "sample"),
}


class BrokenCellError(ValueError):
    """The file of a cell does not hold what a cell holds."""


def read_cells(folder: Path) -> list[Cell]:
    """Cells of a folder, in the order of their paths.

    Args:
        folder: Where a comparison has written them.

    Returns:
        The cells, none twice, all scored against the same held-out split.

    Raises:
        BrokenCellError: A file is not that of a cell, or two are of one cell, or the held-out splits differ.
        FileNotFoundError: There are none.
    """
    cells = {path: _read(path) for path in sorted(folder.glob(PATTERN))}
    if not cells:
        msg = f"folder={str(folder)!r} holds no cells ({PATTERN}); `python -m benchmarks compare` writes them."
        raise FileNotFoundError(msg)
    seen: dict[tuple[Any, ...], Path] = {}
    for path, cell in cells.items():
        identity = tuple(cell["cell"][key] for key in KEYS["cell"])
        if identity in seen:
            msg = f"{path} and {seen[identity]} are of one cell; remove the file that is out of date."
            raise BrokenCellError(msg)
        seen[identity] = path
    splits = {cell["cell"]["heldout"]: path for path, cell in cells.items()}
    if len(splits) > 1:
        examples = ", ".join(f"{split!r} in {path}" for split, path in splits.items())
        msg = f"Cells were scored against different held-out splits: {examples}; keep them in folders of their own."
        raise BrokenCellError(msg)
    return list(cells.values())


def _read(path: Path) -> Cell:
    try:
        cell = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        msg = f"{path} is not JSON ({error}); remove it and run the comparison again."
        raise BrokenCellError(msg) from error
    for part, keys in KEYS.items():
        values = cell.get(part) if part and isinstance(cell, dict) else cell
        missing = [key for key in keys if key not in values] if isinstance(values, dict) else keys
        if missing:
            where = f" of {part!r}" if part else ""
            msg = f"{path} lacks {', '.join(missing)}{where}; remove it and run the comparison again."
            raise BrokenCellError(msg)
    if cell["kind"] not in KINDS:
        msg = f"{path} has kind={cell['kind']!r}, which is none of {', '.join(KINDS)}."
        raise BrokenCellError(msg)
    if (cell["scores"] is None) != (cell["error"] is not None):
        msg = f"{path} must have either scores or an error; remove it and run the comparison again."
        raise BrokenCellError(msg)
    return cell
