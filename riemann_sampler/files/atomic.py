"""Files that appear whole or not at all."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["SCRATCH_PREFIX", "all_at_once"]

SCRATCH_PREFIX = ".partial-"
"""What the names of scratch folders begin with; a process that is killed leaves its own behind."""


@contextmanager
def all_at_once(folder: Path) -> Iterator[Path]:
    """A scratch folder whose files move into ``folder``, made if missing, once nothing has failed."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix=SCRATCH_PREFIX) as scratch:
        yield Path(scratch)
        for path in sorted(Path(scratch).iterdir()):
            path.replace(folder / path.name)
