"""Files hold what they say they hold, and nothing in them is executed."""

import gzip
import struct
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest

from riemann_sampler import DataError
from riemann_sampler.files.arrays import describe, read_array, read_data, read_labels, write_array

IDX_TYPES = {8: ">u1", 9: ">i1", 11: ">i2", 12: ">i4", 13: ">f4", 14: ">f8"}
"""As the format's description has them."""

TYPES = ["float32", "float64", "float16", "int64", "int16", "uint16", "bool"]


def numbers(dtype: str, shape: tuple[int, ...] = (5, 2, 3)) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, shape).astype(dtype)


def as_idx(array: np.ndarray, kind: int) -> bytes:
    header = struct.pack(f">BBBB{array.ndim}I", 0, 0, kind, array.ndim, *array.shape)
    return header + array.astype(np.dtype(IDX_TYPES[kind])).tobytes()


def same(found: np.ndarray, wanted: np.ndarray) -> bool:
    return found.dtype == wanted.dtype and found.shape == wanted.shape and bool((found == wanted).all())


class Marker:
    """Leaves a file behind where it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self.path,)


class TestNumpy:
    @pytest.mark.parametrize("dtype", TYPES)
    def test_arrays_are_taken_as_they_are(self, dtype: str, tmp_path: Path) -> None:
        array = numbers(dtype)
        np.save(tmp_path / "x.npy", array)
        np.savez_compressed(tmp_path / "x.npz", anything=array)
        for name in ("x.npy", "x.npz"):
            data = read_data(tmp_path / name)
            assert same(data.values, array)
            assert data.stored is data.values

    def test_bytes_become_shares_of_one(self, tmp_path: Path) -> None:
        np.save(tmp_path / "x.npy", np.array([[0, 51, 255]], np.uint8))
        data = read_data(tmp_path / "x.npy")
        assert same(data.stored, np.array([[0, 51, 255]], np.uint8))
        assert same(data.values, np.array([[0, 0.2, 1]], np.float32))

    def test_an_npy_file_is_mapped_and_torch_can_take_it_as_it_is(self, tmp_path: Path) -> None:
        np.save(tmp_path / "x.npy", numbers("float32"))
        array = read_array(tmp_path / "x.npy")
        assert isinstance(array, np.memmap)
        assert array.flags.writeable
        array[:] = 0
        assert same(read_array(tmp_path / "x.npy"), numbers("float32"))

    @pytest.mark.parametrize("dtype", [">f4", ">i8", ">U3"])
    def test_foreign_byte_order(self, dtype: str, tmp_path: Path) -> None:
        array = np.arange(4).astype(dtype)
        np.save(tmp_path / "x.npy", array)
        found = read_array(tmp_path / "x.npy")
        assert found.dtype.isnative
        assert found.tolist() == array.tolist()

    def test_no_numbers_at_all(self, tmp_path: Path) -> None:
        np.save(tmp_path / "x.npy", np.empty((0, 3)))
        assert read_array(tmp_path / "x.npy").shape == (0, 3)
        assert describe(np.empty((0, 3))) == "shape (0, 3), float64, empty"

    def test_of_several_arrays_the_one_named_data(self, tmp_path: Path) -> None:
        np.savez(tmp_path / "x.npz", other=np.zeros(3), data=numbers("float32"))
        assert same(read_array(tmp_path / "x.npz"), numbers("float32"))

    def test_several_arrays_of_other_names(self, tmp_path: Path) -> None:
        np.savez(tmp_path / "x.npz", train=np.zeros(3), test=np.zeros(3))
        with pytest.raises(DataError, match=r"one named 'data'; it holds train, test\."):
            read_array(tmp_path / "x.npz")

    @pytest.mark.parametrize("array", [np.array([{}]), np.array(["a"]), np.zeros(2, "c8"), np.zeros(2, "i4,f4")])
    def test_other_things_than_numbers(self, array: np.ndarray, tmp_path: Path) -> None:
        np.save(tmp_path / "x.npy", array)
        with pytest.raises(DataError, match=r"holds pickled objects, which are never loaded|data must be real numbers"):
            read_data(tmp_path / "x.npy")

    @pytest.mark.parametrize("name", ["x.npy", "x.npz"])
    def test_a_pickle_is_not_executed(self, name: str, tmp_path: Path) -> None:
        marker = tmp_path / "marker"
        save = {"x.npy": np.save, "x.npz": np.savez}[name]
        save(tmp_path / name, np.array([Marker(marker)], dtype=object))
        with pytest.raises(DataError, match=r"or holds pickled objects, which are never loaded: "):
            read_array(tmp_path / name)
        assert not marker.exists()
        with np.load(tmp_path / name, allow_pickle=True) if name == "x.npz" else nullcontext() as archive:
            _ = archive["arr_0"] if archive else np.load(tmp_path / name, allow_pickle=True)
        assert marker.exists()

    @pytest.mark.parametrize("name", ["x.npy", "x.npz"])
    @pytest.mark.parametrize("cut", [0, 5, 60, -1])
    def test_a_truncated_file(self, name: str, cut: int, tmp_path: Path) -> None:
        save = {"x.npy": np.save, "x.npz": np.savez_compressed}[name]
        save(tmp_path / name, numbers("float32"))
        (tmp_path / name).write_bytes((tmp_path / name).read_bytes()[:cut])
        with pytest.raises(DataError, match=rf"{name} is damaged, of another format"):
            read_array(tmp_path / name)

    def test_a_damaged_header(self, tmp_path: Path) -> None:
        """numpy's parser of headers raises errors of its own kinds."""
        np.save(tmp_path / "x.npy", numbers("float32"))
        content = (tmp_path / "x.npy").read_bytes().replace(b"}", b" ")
        (tmp_path / "x.npy").write_bytes(content)
        with pytest.raises(DataError, match=r"is damaged, of another format"):
            read_array(tmp_path / "x.npy")


class TestIdx:
    @pytest.mark.parametrize("kind", IDX_TYPES)
    @pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzipped"])
    @pytest.mark.parametrize("shape", [(7,), (4, 3), (5, 2, 3), (2, 2, 2, 2)])
    def test_round_trip(self, kind: int, pack: type, shape: tuple[int, ...], tmp_path: Path) -> None:
        array = numbers("int16", shape) - 100 * (kind != 0x08)
        wanted = array.astype(np.dtype(IDX_TYPES[kind]).newbyteorder("="))
        (tmp_path / "images").write_bytes(pack(as_idx(array, kind)))
        assert same(read_array(tmp_path / "images"), wanted)

    def test_images_get_an_axis_for_their_channel_and_become_shares_of_one(self, tmp_path: Path) -> None:
        array = numbers("uint8")
        (tmp_path / "train-images-idx3-ubyte").write_bytes(as_idx(array, 0x08))
        data = read_data(tmp_path / "train-images-idx3-ubyte")
        assert same(data.stored, array)
        assert same(data.values, (array[:, None] / np.float32(255)).astype(np.float32))

    def test_images_of_floats_get_the_axis_only(self, tmp_path: Path) -> None:
        (tmp_path / "images").write_bytes(as_idx(numbers("float32"), 0x0D))
        assert same(read_data(tmp_path / "images").values, numbers("float32")[:, None])

    @pytest.mark.parametrize("cut", [0, 3, 6, 15, -1])
    def test_a_truncated_file(self, cut: int, tmp_path: Path) -> None:
        (tmp_path / "images").write_bytes(as_idx(numbers("uint8"), 0x08)[:cut])
        with pytest.raises(DataError, match=r"is not a .npy, .npz or IDX file|has 45 bytes, but its header, .* 46\."):
            read_array(tmp_path / "images")

    def test_surplus_bytes(self, tmp_path: Path) -> None:
        (tmp_path / "images").write_bytes(as_idx(numbers("int16"), 0x0B) + b"\0")
        message = r"has 77 bytes, but its header, shape \(5, 2, 3\) of int16, makes them 76\."
        with pytest.raises(DataError, match=message):
            read_array(tmp_path / "images")

    def test_a_truncated_archive(self, tmp_path: Path) -> None:
        (tmp_path / "images.gz").write_bytes(gzip.compress(as_idx(numbers("uint8"), 0x08))[:-12])
        with pytest.raises(DataError, match=r"images\.gz is damaged, of another format, .*: Compressed file ended"):
            read_array(tmp_path / "images.gz")

    @pytest.mark.parametrize(
        "magic",
        [b"\1\0\x08\3", b"\0\1\x08\3", b"\0\0\x07\3", b"\0\0\x0a\3"],
        ids=["first", "second", "type 7", "type 10"],
    )
    def test_a_wrong_magic_number(self, magic: bytes, tmp_path: Path) -> None:
        (tmp_path / "images").write_bytes(magic + as_idx(numbers("uint8"), 0x08)[4:])
        with pytest.raises(DataError, match=rf"IDX file: it begins with the bytes {magic.hex(' ')}\."):
            read_array(tmp_path / "images")


class TestLabels:
    @pytest.mark.parametrize("labels", [[3, 1, 3], ["a", "b", "b"], [0.5, 1.5, 0.5], [True, False, True]])
    def test_numbers_and_strings(self, labels: list[object], tmp_path: Path) -> None:
        np.save(tmp_path / "y.npy", np.array(labels))
        assert read_labels(tmp_path / "y.npy").tolist() == labels

    def test_from_an_idx_file(self, tmp_path: Path) -> None:
        (tmp_path / "labels").write_bytes(as_idx(np.array([7, 0, 7]), 0x08))
        assert read_labels(tmp_path / "labels").tolist() == [7, 0, 7]

    @pytest.mark.parametrize("labels", [np.zeros((3, 1)), np.zeros(3, "c8"), np.array([b"a"]), np.array(3)])
    def test_other_things(self, labels: np.ndarray, tmp_path: Path) -> None:
        np.save(tmp_path / "y.npy", labels)
        with pytest.raises(DataError, match=r"labels must be numbers or strings of shape \(n,\)\."):
            read_labels(tmp_path / "y.npy")


def test_a_missing_file_is_not_called_damaged(tmp_path: Path) -> None:
    for name in ("x.npy", "x.npz", "x-ubyte"):
        with pytest.raises(FileNotFoundError):
            read_data(tmp_path / name)


def test_description() -> None:
    assert describe(np.array([[0, 7], [250, 3]], np.uint8)) == "shape (2, 2), uint8, from 0 to 250"
    assert describe(np.array([-0.123456, 1.0], np.float32)) == "shape (2,), float32, from -0.1235 to 1"
    assert describe(np.array([True])) == "shape (1,), bool, from 1 to 1"


class TestWriting:
    def test_round_trip(self, tmp_path: Path) -> None:
        write_array(tmp_path / "new" / "folder" / "x.npy", numbers("float32"))
        assert same(np.load(tmp_path / "new" / "folder" / "x.npy"), numbers("float32"))
        assert [path.name for path in (tmp_path / "new" / "folder").iterdir()] == ["x.npy"]

    @pytest.mark.parametrize("stage", ["numpy.save", "pathlib.Path.replace"])
    def test_interrupted_it_leaves_the_file_before(
        self, stage: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def interrupt(path: Path, *_: object, **__: object) -> None:
            Path(path).write_bytes(b"half")
            raise KeyboardInterrupt

        write_array(tmp_path / "x.npy", numbers("float32"))
        monkeypatch.setattr(stage, interrupt)
        with pytest.raises(KeyboardInterrupt):
            write_array(tmp_path / "x.npy", numbers("float64"))
        assert same(np.load(tmp_path / "x.npy"), numbers("float32"))
        assert [path.name for path in tmp_path.iterdir()] == ["x.npy"]
