"""Shards hold what one call would give, whoever writes them, and are never mixed with those of another run."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch.utils.data import DataLoader, IterableDataset, TensorDataset

from riemann_sampler import GaussianPosterior, NotFittedError, RiemannianUniformSampler
from riemann_sampler.compute.seeds import derive_seed
from riemann_sampler.errors import ArgumentError, ArgumentTypeError, DataError, StorageError
from riemann_sampler.sharding.tasks import encode_shards, read_codes, sample_shards
from tests.helpers.builders import TwoHalves, data, fitted, shared
from tests.helpers.processes import in_group
from tests.helpers.shard_tasks import SHARD, N, arrays, contents, encode, sample, stamps

WANTED = GaussianPosterior(*data(N).chunk(2, 1))
MANY: dict[str, Callable[[torch.Tensor], Any]] = {
    "tensor": lambda x: x,
    "array": lambda x: x.numpy(),
    "data set": TensorDataset,
}


class Stream(IterableDataset[torch.Tensor]):
    def __iter__(self) -> Iterator[torch.Tensor]:
        return iter(data())


def equal(found: GaussianPosterior, wanted: GaussianPosterior) -> bool:
    return all(torch.equal(one, other) for one, other in zip(found, wanted, strict=True))


@pytest.fixture
def codes(tmp_path: Path) -> Path:
    folder = tmp_path / "codes"
    encode_shards(TwoHalves(), data(N), folder, shard_size=SHARD)
    return folder


class TestEncode:
    @pytest.mark.parametrize("kind", MANY)
    @pytest.mark.parametrize("shard_size", [1, 7, 90, 1000])
    def test_codes_come_back_in_order(self, kind: str, shard_size: int, tmp_path: Path) -> None:
        encode_shards(TwoHalves(), MANY[kind](data(N)), tmp_path / "new" / "codes", shard_size=shard_size)
        assert equal(read_codes(tmp_path / "new" / "codes"), WANTED)

    def test_names_and_rows(self, codes: Path) -> None:
        names = [f"codes-{index:05d}-of-00009.safetensors" for index in range(9)]
        assert sorted(path.name for path in codes.iterdir()) == [*names, "manifest.json"]
        shard = load_file(codes / names[4])
        assert equal(GaussianPosterior(**shard), GaussianPosterior(*(part[40:50] for part in WANTED)))

    @pytest.mark.parametrize("size", [1, 2, 4])
    def test_any_number_of_processes_writes_the_same(self, size: int, tmp_path: Path, codes: Path) -> None:
        assert in_group(size, tmp_path, encode, tmp_path / "group") == [None] * size
        assert contents(tmp_path / "group") == contents(codes)

    def test_batches_never_cross_shards(self, tmp_path: Path) -> None:
        model = TwoHalves()
        encode_shards(model, data(25), tmp_path / "codes", shard_size=10, batch_size=4)
        assert model.encoded == [1, 1, 4, 4, 2, 4, 4, 2, 4, 1]

    def test_what_is_there_is_kept_and_what_is_missing_done(self, codes: Path) -> None:
        wanted, before = contents(codes), stamps(codes)
        lost, cut, short = (codes / f"codes-0000{index}-of-00009.safetensors" for index in (2, 5, 7))
        lost.unlink()
        cut.write_bytes(cut.read_bytes()[:-1])
        short.write_bytes((codes / "codes-00000-of-00009.safetensors").read_bytes()[:0])
        (codes / ".partial-of-the-dead").mkdir()
        (codes / ".partial-of-the-dead" / "codes-00002-of-00009.safetensors").write_bytes(b"half")
        model = TwoHalves()
        encode_shards(model, data(N), codes, shard_size=SHARD)
        assert contents(codes) == wanted
        assert model.encoded == [1, 1, SHARD, SHARD, SHARD]
        after = stamps(codes)
        assert {name for name in after if after[name] != before[name]} == {lost.name, cut.name, short.name}

    def test_bfloat16_codes(self, tmp_path: Path) -> None:
        class Coarse(TwoHalves):
            def encode(self, x: Any) -> GaussianPosterior:
                return GaussianPosterior(*(part.bfloat16() for part in super().encode(x)))

        encode_shards(Coarse(), data(N), tmp_path, shard_size=SHARD)
        assert equal(read_codes(tmp_path), GaussianPosterior(*(part.bfloat16() for part in WANTED)))

    @pytest.mark.parametrize(
        ("change", "said"),
        [
            ({"shard_size": 9}, "shard_size is 10 there, 9 here"),
            ({"data": data(N - 1)}, "n_rows is 90 there, 89 here"),
            ({"data": data(N, 3), "model": TwoHalves(3)}, "latent_dim is 2 there, 3 here"),
            ({"data": data(N, seed=1)}, "some_codes is"),
        ],
    )
    def test_codes_of_another_run_are_refused(self, change: dict[str, Any], said: str, codes: Path) -> None:
        before = contents(codes)
        arguments = {"model": TwoHalves(), "data": data(N), "shard_size": SHARD, **change}
        with pytest.raises(StorageError, match=rf"{codes} holds shards of another run: .*{re.escape(said)}"):
            encode_shards(folder=codes, **arguments)
        assert contents(codes) == before

    def test_the_same_model_on_another_machine_is_no_other(self, codes: Path) -> None:
        encode_shards(TwoHalves(), data(N) * (1 + 1e-4), codes, shard_size=SHARD)

    def test_shards_without_a_manifest_are_refused(self, codes: Path) -> None:
        (codes / "manifest.json").unlink()
        with pytest.raises(StorageError, match=r"holds codes without a manifest\.json"):
            encode_shards(TwoHalves(), data(N), codes, shard_size=SHARD)

    def test_a_row_that_is_not_finite(self, tmp_path: Path) -> None:
        x = data(N)
        x[37, 1] = torch.nan
        with pytest.raises(DataError, match=r"rows 30 to 39 of the data.*row 7 holds NaN"):
            encode_shards(TwoHalves(), x, tmp_path, shard_size=SHARD)

    def test_a_code_that_is_not_finite(self, tmp_path: Path) -> None:
        class Broken(TwoHalves):
            def encode(self, x: Any) -> GaussianPosterior:
                mean, log_variance = super().encode(x)
                return GaussianPosterior(mean, torch.where(mean == WANTED.mean[37], torch.inf, log_variance))

        with pytest.raises(DataError, match="encodes row 37 of the data to NaN or infinity"):
            encode_shards(Broken(), data(N), tmp_path, shard_size=SHARD)

    @pytest.mark.parametrize(
        "x", [DataLoader(TensorDataset(data())), Stream(), WANTED, [1.0]], ids=lambda x: type(x).__name__
    )
    def test_data_without_rows(self, x: Any, tmp_path: Path) -> None:
        with pytest.raises(ArgumentTypeError, match=f"Dataset with a length.* got {type(x).__name__}"):
            encode_shards(TwoHalves(), x, tmp_path)

    def test_no_data(self, tmp_path: Path) -> None:
        with pytest.raises(DataError, match="data is empty"):
            encode_shards(TwoHalves(), data(N)[:0], tmp_path)


class TestRead:
    def test_above_the_budget_they_are_the_same(self, codes: Path) -> None:
        assert equal(read_codes(codes, memory_budget=100), WANTED)

    def test_what_is_missing_is_named(self, codes: Path) -> None:
        for index in (3, 4):
            (codes / f"codes-0000{index}-of-00009.safetensors").unlink()
        with pytest.raises(StorageError, match=r"2 of 9 shards are missing.*is codes-00003-of-00009\.safetensors\."):
            read_codes(codes)

    def test_a_folder_of_samples(self, tmp_path: Path) -> None:
        sample_shards(shared("calibrated"), 3, tmp_path, seed=0)
        with pytest.raises(StorageError, match="holds samples, not codes"):
            read_codes(tmp_path)

    @pytest.mark.parametrize(
        ("text", "message"),
        [(None, "no shards"), ("{", "damaged"), ("[]", "version None"), ('{"schema_version": 9}', "version 9")],
    )
    def test_no_manifest_to_read(self, text: str | None, message: str, tmp_path: Path) -> None:
        if text is not None:
            (tmp_path / "manifest.json").write_text(text)
        with pytest.raises(StorageError, match=message):
            read_codes(tmp_path)


class TestSample:
    @pytest.mark.parametrize("setup", ["uniform", "calibrated"])
    def test_shards_are_samples_of_derived_seeds(self, setup: str, tmp_path: Path) -> None:
        sampler = shared(setup)
        sample_shards(sampler, 25, tmp_path, seed=3, shard_size=10, batch_size=4)
        found = arrays(tmp_path)
        assert [len(array) for array in found] == [10, 10, 5]
        for index, array in enumerate(found):
            assert array.dtype == np.float32
            assert np.array_equal(array, sampler.sample(len(array), seed=derive_seed(3, index)).numpy())
        assert not np.array_equal(found[0], found[1])

    def test_latents_need_no_model(self, tmp_path: Path) -> None:
        shared("uniform").save(tmp_path / "sampler")
        sampler = RiemannianUniformSampler.load(tmp_path / "sampler")
        sample_shards(sampler, 15, tmp_path / "z", seed=3, shard_size=10, decode=False)
        for index, array in enumerate(arrays(tmp_path / "z", "latents")):
            assert np.array_equal(array, sampler.sample_latents(len(array), seed=derive_seed(3, index)).z.numpy())
        with pytest.raises(ArgumentError, match="decode=False"):
            sample_shards(sampler, 15, tmp_path / "x", seed=3)

    def test_labels(self, tmp_path: Path) -> None:
        sampler = fitted("calibrated", labels=["a", "b"] * 30)
        for label in ("b", None):
            sample_shards(sampler, 15, tmp_path / str(label), seed=3, label=label, shard_size=10)
            wanted = sampler.sample(5, label=label, seed=derive_seed(3, 1)).numpy()
            assert np.array_equal(arrays(tmp_path / str(label))[1], wanted)
        with pytest.raises(ArgumentError, match="label 'c' is unknown"):
            sample_shards(sampler, 15, tmp_path / "c", seed=3, label="c")
        assert not (tmp_path / "c").exists()

    @pytest.mark.parametrize("size", [1, 2, 4])
    def test_any_number_of_processes_writes_the_same(self, size: int, tmp_path: Path) -> None:
        shared("uniform").save(tmp_path / "sampler")
        sample_shards(shared("uniform"), 45, tmp_path / "one", seed=3, shard_size=10)
        assert in_group(size, tmp_path, sample, tmp_path / "sampler", tmp_path / "group") == [None] * size
        assert contents(tmp_path / "group") == contents(tmp_path / "one")

    def test_none_at_all(self, tmp_path: Path) -> None:
        sample_shards(shared("uniform"), 0, tmp_path, seed=3)
        assert [array.shape for array in arrays(tmp_path)] == [(0, 1, 4)]

    def test_what_is_there_is_kept_and_what_is_missing_done(self, tmp_path: Path) -> None:
        sampler = shared("uniform")
        sample_shards(sampler, 25, tmp_path, seed=3, shard_size=10)
        wanted, before = contents(tmp_path), stamps(tmp_path)
        lost, cut = (tmp_path / f"samples-0000{index}-of-00003.npy" for index in (0, 2))
        lost.unlink()
        cut.write_bytes(cut.read_bytes()[:-1])
        sample_shards(sampler, 25, tmp_path, seed=3, shard_size=10)
        assert contents(tmp_path) == wanted
        after = stamps(tmp_path)
        assert {name for name in after if after[name] != before[name]} == {lost.name, cut.name}

    @pytest.mark.parametrize(
        ("setup", "change", "said"),
        [
            ("calibrated", {"seed": 4}, "seed is 3 there, 4 here"),
            ("calibrated", {"n_samples": 24}, "n_rows is 25 there, 24 here"),
            ("calibrated", {"shard_size": 5}, "shard_size is 10 there, 5 here"),
            ("calibrated", {"decode": False}, "kind is 'samples' there, 'latents' here"),
            ("clusters", {}, "sampler is"),
        ],
    )
    def test_samples_of_another_run_are_refused(
        self, setup: str, change: dict[str, Any], said: str, tmp_path: Path
    ) -> None:
        arguments = {"n_samples": 25, "folder": tmp_path, "seed": 3, "shard_size": 10}
        sample_shards(shared("calibrated"), **arguments)
        before = contents(tmp_path)
        with pytest.raises(StorageError, match=rf"shards of another run: {re.escape(said)}"):
            sample_shards(shared(setup), **{**arguments, **change})
        assert contents(tmp_path) == before

    @pytest.mark.parametrize("change", [{"island_scale": 1.5}, {"x": data(seed=1)}, {"labels": [0] * 29 + [1] * 31}])
    def test_the_fit_tells_samplers_apart(self, change: dict[str, Any], tmp_path: Path) -> None:
        arguments = {"setup": "calibrated", "labels": [0] * 30 + [1] * 30}
        sample_shards(fitted(**arguments), 5, tmp_path, seed=3)
        sample_shards(fitted(**arguments), 5, tmp_path, seed=3)
        with pytest.raises(StorageError, match="shards of another run: sampler is"):
            sample_shards(fitted(**{**arguments, **change}), 5, tmp_path, seed=3)

    def test_the_label_and_the_decoder_tell_runs_apart(self, tmp_path: Path) -> None:
        sampler = fitted("calibrated", labels=[3, 8] * 30)
        sample_shards(sampler, 5, tmp_path, seed=3, label=3)
        with pytest.raises(StorageError, match="label is 3 there, 8 here"):
            sample_shards(sampler, 5, tmp_path, seed=3, label=8)

        class Other(TwoHalves):
            def decode(self, z: torch.Tensor) -> torch.Tensor:
                return 2 * super().decode(z)

        sampler.model = Other()
        with pytest.raises(StorageError, match="some_values is"):
            sample_shards(sampler, 5, tmp_path, seed=3, label=3)

    def test_the_manifest_is_that_of_the_loaded_sampler(self, tmp_path: Path) -> None:
        """So that a run can be completed by a process that loads the sampler."""
        sampler = fitted("uniform", labels=[3, 8] * 30, temperature=1.0)
        sampler.save(tmp_path / "sampler")
        loaded = RiemannianUniformSampler.load(tmp_path / "sampler", TwoHalves())
        for name, each in (("a", sampler), ("b", loaded)):
            sample_shards(each, 5, tmp_path / name, seed=3)
        assert contents(tmp_path / "a") == contents(tmp_path / "b")
        assert json.loads((tmp_path / "a" / "manifest.json").read_text())["label"] is None

    def test_an_unfitted_sampler(self, tmp_path: Path) -> None:
        with pytest.raises(NotFittedError):
            sample_shards(RiemannianUniformSampler(TwoHalves()), 5, tmp_path / "x", seed=3)
        assert not (tmp_path / "x").exists()
