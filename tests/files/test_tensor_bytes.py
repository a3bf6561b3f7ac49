"""What is written chunk by chunk is what safetensors reads."""

import io
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load
from torch import Tensor

from riemann_sampler.files import tensor_bytes as module
from riemann_sampler.files.sampler_folder import DTYPE_NAMES, _header
from riemann_sampler.files.tensor_bytes import byte_chunks, write_bytes
from tests.helpers.builders import normal

TENSORS: dict[str, Tensor] = {
    "matrix": normal(7, 3),
    "transposed": normal(3, 7).T,
    "expanded": torch.ones(1).expand(9),
    "cube": normal(4, 2, 3),
    "number": torch.tensor(2.5),
    "no rows": torch.zeros(0, 3),
    "no columns": torch.zeros(3, 0),
    "with gradient": normal(2, 2).requires_grad_(),
}


def content(tensor: Tensor) -> bytes:
    return b"".join(byte_chunks(tensor))


@pytest.mark.parametrize("chunk_bytes", [1, 50, 2**24])
@pytest.mark.parametrize("name", TENSORS)
def test_tensors_of_any_layout(name: str, chunk_bytes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CHUNK_BYTES", chunk_bytes)
    tensor = TENSORS[name]
    (found,) = load(_header({"x": (tensor.dtype, tuple(tensor.shape))}) + content(tensor)).values()
    assert torch.equal(found, tensor)


@pytest.mark.parametrize("dtype", DTYPE_NAMES)
def test_numbers_of_any_type_beside_others(dtype: torch.dtype) -> None:
    tensors = {"a": normal(3, 2), "b": (9 * normal(3, 2)).to(dtype), "c": normal(1)}
    head = _header({name: (tensor.dtype, tuple(tensor.shape)) for name, tensor in tensors.items()})
    found = load(head + b"".join(map(content, tensors.values())))
    assert found.keys() == tensors.keys()
    assert all(
        torch.equal(found[name], tensor) and found[name].dtype == tensor.dtype for name, tensor in tensors.items()
    )


def test_chunks_are_of_bounded_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CHUNK_BYTES", 60)
    assert [len(chunk) for chunk in byte_chunks(normal(5, 3))] == [48, 48, 24]


def test_all_is_written_where_only_a_part_is_taken_at_a_time(tmp_path: Path) -> None:
    class Slow(io.FileIO):
        def write(self, some: Any) -> int:
            return super().write(some[:3])

    with Slow(tmp_path / "file", "wb") as file:
        write_bytes(file, b"0123456789")
    assert (tmp_path / "file").read_bytes() == b"0123456789"
