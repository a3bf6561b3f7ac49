"""Files appear whole or not at all."""

from pathlib import Path

import pytest

from riemann_sampler.files.atomic import all_at_once


def test_files_appear_when_the_last_is_written(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "folder"
    with all_at_once(folder) as scratch:
        for name in ("a", "b"):
            (scratch / name).write_text(name)
            assert not (folder / name).exists()
    assert {path.name: path.read_text() for path in folder.iterdir()} == {"a": "a", "b": "b"}


def test_an_interruption_leaves_what_was_there(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("old")

    def write() -> None:
        with all_at_once(tmp_path) as scratch:
            (scratch / "a").write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write()
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"a": "old"}
