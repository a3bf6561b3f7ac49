"""Files that appear whole or not at all."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["all_at_once"]


@contextmanager
def all_at_once(folder: Path) -> Iterator[Path]:
    """A scratch folder whose files move into ``folder``, made if missing, once nothing has failed."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".partial-") as scratch:
        yield Path(scratch)
        for path in sorted(Path(scratch).iterdir()):
            path.replace(folder / path.name)
