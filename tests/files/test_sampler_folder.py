"""Folders that hold a sampler whole, the old one or the new one, whatever happens."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from riemann_sampler.errors import StorageError
from riemann_sampler.files import read_sampler_folder, write_sampler_folder

OLD = {"law": "old"}, {"z": torch.arange(6.0).reshape(2, 3)}
NEW = {"law": "new"}, {"z": torch.full((3, 2), 0.1, dtype=torch.float64), "k": torch.tensor([1, 2])}


def assert_holds(folder: Path, config: dict[str, Any], tensors: dict[str, torch.Tensor]) -> None:
    found_config, found = read_sampler_folder(folder)
    assert {name: found_config[name] for name in config} == config
    assert found.keys() == tensors.keys()
    for name, tensor in tensors.items():
        assert found[name].dtype == tensor.dtype
        assert torch.equal(found[name], tensor)


def names(folder: Path) -> list[str]:
    return sorted(path.name.split("-")[0] for path in folder.iterdir())


def test_what_is_written_is_read(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "folder"
    write_sampler_folder(str(folder), *NEW)
    assert_holds(folder, *NEW)
    assert names(folder) == ["config.json", "tensors"]


def test_a_second_sampler_replaces_the_first(tmp_path: Path) -> None:
    write_sampler_folder(tmp_path, *OLD)
    write_sampler_folder(tmp_path, *NEW)
    assert_holds(tmp_path, *NEW)
    assert names(tmp_path) == ["config.json", "tensors"]


def test_other_files_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    write_sampler_folder(tmp_path, *OLD)
    write_sampler_folder(tmp_path, *NEW)
    assert (tmp_path / "notes.txt").read_text() == "mine"


@pytest.mark.parametrize("tensor", [torch.rand(4, 3, generator=torch.Generator()).T, torch.zeros(1).expand(5)])
def test_tensors_of_any_layout(tmp_path: Path, tensor: torch.Tensor) -> None:
    write_sampler_folder(tmp_path, {}, {"z": tensor, "same": tensor})
    assert_holds(tmp_path, {}, {"z": tensor, "same": tensor})


def interruption(calls: int) -> Callable[..., Any]:
    """A function that is interrupted by the user at its n-th call."""
    left = [calls]

    def interrupt(original: Callable[..., Any]) -> Callable[..., Any]:
        def function(*args: Any, **kwargs: Any) -> Any:
            left[0] -= 1
            if left[0] == 0:
                raise KeyboardInterrupt
            return original(*args, **kwargs)

        return function

    return interrupt


STAGES = {
    "tensors written": ("os.fsync", 1),
    "tensors moved": ("pathlib.Path.replace", 1),
    "configuration written": ("os.fsync", 2),
    "configuration moved": ("pathlib.Path.replace", 2),
}


@pytest.mark.parametrize(("target", "call"), STAGES.values(), ids=STAGES)
class TestInterruption:
    def write(self, folder: Path, monkeypatch: pytest.MonkeyPatch, target: str, call: int) -> None:
        module, name = target.rsplit(".", 1)
        owner = {"os": os, "pathlib.Path": Path}[module]
        with monkeypatch.context() as patch:
            patch.setattr(owner, name, interruption(call)(getattr(owner, name)))
            with pytest.raises(KeyboardInterrupt):
                write_sampler_folder(folder, *NEW)

    def test_the_old_sampler_stays(self, tmp_path: Path, monkeypatch: Any, target: str, call: int) -> None:
        write_sampler_folder(tmp_path, *OLD)
        self.write(tmp_path, monkeypatch, target, call)
        assert_holds(tmp_path, *OLD)
        assert not list(tmp_path.glob(".partial-*"))
        write_sampler_folder(tmp_path, *NEW)
        assert_holds(tmp_path, *NEW)
        assert names(tmp_path) == ["config.json", "tensors"]

    def test_a_first_sampler_is_not_there(self, tmp_path: Path, monkeypatch: Any, target: str, call: int) -> None:
        self.write(tmp_path, monkeypatch, target, call)
        with pytest.raises(StorageError, match=r"holds no saved sampler: there is no config\.json\."):
            read_sampler_folder(tmp_path)
        assert not list(tmp_path.glob(".partial-*"))


def test_after_the_configuration_moved_the_new_sampler_is_there(tmp_path: Path, monkeypatch: Any) -> None:
    """Interrupted while it clears the old tensors away."""
    write_sampler_folder(tmp_path, *OLD)
    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", interruption(1)(Path.unlink))
        with pytest.raises(KeyboardInterrupt):
            write_sampler_folder(tmp_path, *NEW)
    assert_holds(tmp_path, *NEW)


def test_no_folder(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"nowhere holds no saved sampler: there is no config\.json\."):
        read_sampler_folder(tmp_path / "nowhere")


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    with pytest.raises(StorageError, match=r"file holds no saved sampler"):
        read_sampler_folder(file)


@pytest.mark.parametrize("cut", [0, 1, 40, -1])
def test_a_truncated_configuration(tmp_path: Path, cut: int) -> None:
    write_sampler_folder(tmp_path, *OLD)
    config = tmp_path / "config.json"
    config.write_bytes(config.read_bytes()[:cut])
    with pytest.raises(StorageError, match=r"config\.json is damaged: .*\. Save the sampler again\."):
        read_sampler_folder(tmp_path)


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"[1, 2]", b"{}"])
def test_a_configuration_of_something_else(tmp_path: Path, content: bytes) -> None:
    write_sampler_folder(tmp_path, *OLD)
    (tmp_path / "config.json").write_bytes(content)
    with pytest.raises(StorageError, match=r"config\.json is damaged|has schema version None, this release reads 1"):
        read_sampler_folder(tmp_path)


@pytest.mark.parametrize("version", [0, 2, "1", None])
def test_another_schema_version(tmp_path: Path, version: Any) -> None:
    write_sampler_folder(tmp_path, *OLD)
    config = tmp_path / "config.json"
    config.write_text(json.dumps({**json.loads(config.read_text()), "schema_version": version}))
    with pytest.raises(
        StorageError, match=rf"has schema version {version!r}, this release reads 1\. Fit and save again"
    ):
        read_sampler_folder(tmp_path)


@pytest.mark.parametrize("cut", [0, 8, 50, -1])
def test_truncated_tensors(tmp_path: Path, cut: int) -> None:
    write_sampler_folder(tmp_path, *OLD)
    (tensors,) = tmp_path.glob("tensors-*")
    tensors.write_bytes(tensors.read_bytes()[:cut])
    with pytest.raises(StorageError, match=r"tensors-\w+\.safetensors is truncated or changed: its checksum differs"):
        read_sampler_folder(tmp_path)


def test_a_changed_number(tmp_path: Path) -> None:
    write_sampler_folder(tmp_path, *OLD)
    (tensors,) = tmp_path.glob("tensors-*")
    content = bytearray(tensors.read_bytes())
    content[-1] ^= 1
    tensors.write_bytes(bytes(content))
    with pytest.raises(StorageError, match=r"is truncated or changed"):
        read_sampler_folder(tmp_path)


@pytest.mark.parametrize("missing", ["tensors", "sha256", "file"])
def test_missing_parts(tmp_path: Path, missing: str) -> None:
    write_sampler_folder(tmp_path, *OLD)
    config = tmp_path / "config.json"
    document = json.loads(config.read_text())
    if missing == "file":
        (tmp_path / document["tensors"]).unlink()
    else:
        del document[missing]
    config.write_text(json.dumps(document))
    with pytest.raises(StorageError, match=r"is incomplete: .*\. Save the sampler again\."):
        read_sampler_folder(tmp_path)


def test_a_name_cannot_lead_out_of_the_folder(tmp_path: Path) -> None:
    write_sampler_folder(tmp_path / "in", *OLD)
    write_sampler_folder(tmp_path / "out", *NEW)
    (outside,) = (tmp_path / "out").glob("tensors-*")
    config = tmp_path / "in" / "config.json"
    document = {**json.loads(config.read_text()), "tensors": f"../out/{outside.name}"}
    config.write_text(json.dumps(document))
    with pytest.raises(StorageError, match="is incomplete"):
        read_sampler_folder(tmp_path / "in")


def test_numbers_of_every_size_begin_where_they_can_be_mapped(tmp_path: Path) -> None:
    tensors = {"a": torch.tensor([True] * 3), "b": torch.ones(1).half(), "c": torch.ones(3).double()}
    write_sampler_folder(tmp_path, {}, tensors)
    assert_holds(tmp_path, {}, tensors)
    for name, tensor in read_sampler_folder(tmp_path)[1].items():
        assert tensor.data_ptr() % tensor.itemsize == 0, name
