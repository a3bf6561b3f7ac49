"""A saved sampler draws bit-equal samples after loading."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from riemann_sampler import GaussianPosterior, RiemannianUniformSampler, StorageError, UnsupportedModelError
from riemann_sampler.files import read_sampler_folder, write_sampler_folder
from tests.helpers.builders import SETUPS, TwoHalves, fitted, posterior, shared


def assert_same(first: RiemannianUniformSampler, second: RiemannianUniformSampler, **arguments: Any) -> None:
    pairs = zip(*(s.sample_latents(15, seed=5, **arguments) for s in (first, second)), strict=True)
    for one, other in pairs:
        if isinstance(one, torch.Tensor):
            assert one.dtype == other.dtype
            assert torch.equal(one.nan_to_num(-1), other.nan_to_num(-1))
        else:
            assert one == other


@pytest.mark.parametrize("setup", SETUPS)
class TestEverySetup:
    def test_the_loaded_sampler_is_the_same(self, setup: str, tmp_path: Path) -> None:
        saved = shared(setup)
        saved.save(tmp_path)
        loaded = RiemannianUniformSampler.load(tmp_path, TwoHalves())
        assert_same(saved, loaded)
        assert torch.equal(saved.sample(5, seed=1), loaded.sample(5, seed=1))
        assert loaded.settings == saved.settings
        assert (loaded.dtype, loaded.batch_size) == (saved.dtype, saved.batch_size)
        assert all(torch.equal(a, b) for a, b in zip(saved.posterior_, loaded.posterior_, strict=True))
        assert type(loaded.metric_) is type(saved.metric_)

    def test_diagnostics_of_the_fit_are_kept(self, setup: str, tmp_path: Path) -> None:
        saved = shared(setup)
        before = saved.diagnostics_
        saved.save(tmp_path)
        loaded = RiemannianUniformSampler.load(tmp_path)
        for name in ("n_codes", "n_centroids", "temperature", "island_scale", "relative_ess", "floor_share"):
            assert getattr(loaded.diagnostics_, name) == pytest.approx(getattr(before, name), rel=1e-12, nan_ok=True)

    def test_saved_again_it_is_the_same_to_the_byte(self, setup: str, tmp_path: Path) -> None:
        shared(setup).save(tmp_path / "first")
        RiemannianUniformSampler.load(tmp_path / "first").save(tmp_path / "second")
        first, second = ({p.name: p.read_bytes() for p in (tmp_path / f).iterdir()} for f in ("first", "second"))
        assert first == second

    def test_on_any_device(self, setup: str, tmp_path: Path, device: str) -> None:
        saved = fitted(setup, GaussianPosterior(*(part.to(device) for part in posterior(60))))
        saved.save(tmp_path)
        assert_same(saved, RiemannianUniformSampler.load(tmp_path, device=device))


# Each law and structure once: what is stored for a label is what is stored without labels.
@pytest.mark.parametrize("setup", ["uniform", "paper", "clusters"])
def test_with_labels(setup: str, tmp_path: Path) -> None:
    saved = fitted(setup, labels=[4] * 40 + [2] * 20)
    saved.save(tmp_path)
    loaded = RiemannianUniformSampler.load(tmp_path)
    assert list(loaded.metric_) == [4, 2]
    assert_same(saved, loaded, label={4: 8, 2: 7})


@pytest.mark.parametrize("setup", ["uniform, full clusters", "paper", "calibrated"])
def test_in_single_precision(setup: str, tmp_path: Path) -> None:
    saved = fitted(setup, dtype=torch.float32)
    saved.save(tmp_path)
    assert_same(saved, RiemannianUniformSampler.load(tmp_path))


@pytest.mark.parametrize("labels", [["a", "b"], [True, False], [0.5, 1.5], [1, "a"]])
def test_labels_keep_their_type(labels: list[Any], tmp_path: Path) -> None:
    fitted("calibrated", labels=labels * 30).save(tmp_path)
    found = list(RiemannianUniformSampler.load(tmp_path).metric_)
    assert found == labels
    assert [type(label) for label in found] == [type(label) for label in labels]


@pytest.mark.parametrize("labels", [[(1, 2), (3, 4)], [frozenset("a"), frozenset("b")]], ids=["tuples", "sets"])
def test_labels_that_json_would_change_are_refused(labels: list[Any], tmp_path: Path) -> None:
    sampler = fitted("calibrated", labels=labels * 30)
    with pytest.raises(StorageError, match=r"labels that are strings or numbers"):
        sampler.save(tmp_path)


@pytest.mark.parametrize(
    "arguments",
    [{"n_steps": np.int64(5)}, {"temperature": np.float64(0.5)}, {"temperature": np.float32(0.5)}],
    ids=["int64", "float64", "float32"],
)
@pytest.mark.usefixtures("without_type_checks")
def test_settings_that_are_numbers_of_numpy(arguments: dict[str, Any], tmp_path: Path) -> None:
    saved = fitted("uniform", **arguments)
    saved.save(tmp_path)
    assert_same(saved, RiemannianUniformSampler.load(tmp_path))


def test_posteriors_of_any_layout(tmp_path: Path) -> None:
    transposed = GaussianPosterior(*(part.T.contiguous().T for part in posterior(60)))
    saved = fitted("calibrated", transposed)
    saved.save(tmp_path)
    assert_same(saved, RiemannianUniformSampler.load(tmp_path))


def test_nothing_but_json_and_safetensors_is_written(tmp_path: Path) -> None:
    shared("uniform").save(tmp_path)
    config, tensors = sorted(tmp_path.iterdir())
    assert (config.name, tensors.suffix) == ("config.json", ".safetensors")
    assert json.loads(config.read_text())["latent_dim"] == 2


def test_a_model_of_another_latent_dimension(tmp_path: Path) -> None:
    shared("calibrated").save(tmp_path)
    message = r"was fitted in 2 latent dimensions, the model has latent_dim=3\."
    with pytest.raises(StorageError, match=message):
        RiemannianUniformSampler.load(tmp_path, TwoHalves(3))


def test_an_unknown_model_is_not_the_folders_fault(tmp_path: Path) -> None:
    shared("calibrated").save(tmp_path)
    with pytest.raises(UnsupportedModelError, match=r"No adapter for a model of type str"):
        RiemannianUniformSampler.load(tmp_path, "a model")


def test_a_missing_folder(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"nowhere holds no saved sampler"):
        RiemannianUniformSampler.load(tmp_path / "nowhere")


@pytest.mark.parametrize("part", ["laws", "settings", "dtype", "latent_dim", "batch_size"])
def test_a_configuration_without_a_part(part: str, tmp_path: Path) -> None:
    shared("uniform").save(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    del config[part]
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(StorageError, match=rf"is not a whole sampler: KeyError\('{part}'\)\. Save it again\."):
        RiemannianUniformSampler.load(tmp_path)


@pytest.mark.parametrize("name", ["mean", "law0.centroids", "law0.precisions", "law0.inverse_mass", "law0.starts"])
def test_tensors_without_a_part(name: str, tmp_path: Path) -> None:
    shared("uniform").save(tmp_path)
    config, tensors = read_sampler_folder(tmp_path)
    del tensors[name]
    write_sampler_folder(tmp_path, {k: v for k, v in config.items() if k not in ("tensors", "sha256")}, tensors)
    with pytest.raises(StorageError, match=r"is not a whole sampler: KeyError\('.*'\)\. Save it again\."):
        RiemannianUniformSampler.load(tmp_path)


@pytest.mark.parametrize("setting", ["unknown", "law"])
def test_a_setting_of_no_meaning(setting: str, tmp_path: Path) -> None:
    shared("uniform").save(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    config["settings"][setting] = "nonsense"
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(StorageError, match=r"is not a whole sampler: .*\. Save it again\."):
        RiemannianUniformSampler.load(tmp_path)


@pytest.mark.parametrize("stage", ["os.fsync", "pathlib.Path.replace"])
def test_an_interrupted_save_leaves_the_sampler_before(stage: str, tmp_path: Path, monkeypatch: Any) -> None:
    old, new = shared("calibrated"), shared("uniform")
    old.save(tmp_path)

    def interrupt(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(stage, interrupt)
        with pytest.raises(KeyboardInterrupt):
            new.save(tmp_path)
    assert_same(old, RiemannianUniformSampler.load(tmp_path))
    assert not list(tmp_path.glob(".partial-*"))
    new.save(tmp_path)
    assert_same(new, RiemannianUniformSampler.load(tmp_path))
    assert len(list(tmp_path.iterdir())) == 2


def test_the_memory_budget_is_kept(tmp_path: Path) -> None:
    sampler = fitted("calibrated", memory_budget=1)
    sampler.save(tmp_path)
    loaded = RiemannianUniformSampler.load(tmp_path)
    assert loaded.memory_budget == 1
    assert_same(sampler, loaded)


def test_samplers_saved_before_there_was_a_memory_budget(tmp_path: Path) -> None:
    shared("calibrated").save(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    del config["memory_budget"]
    (tmp_path / "config.json").write_text(json.dumps(config))
    assert RiemannianUniformSampler.load(tmp_path).memory_budget == 2**30


@pytest.mark.parametrize("budget", [1, 2**30], ids=["mapped", "in memory"])
def test_a_loaded_sampler_and_its_file_leave_each_other_alone(budget: int, tmp_path: Path) -> None:
    saved = fitted("calibrated", memory_budget=budget)
    saved.save(tmp_path)
    loaded = RiemannianUniformSampler.load(tmp_path)
    (file,) = tmp_path.glob("tensors-*")
    content = file.read_bytes()
    loaded.posterior_.mean.zero_()
    assert file.read_bytes() == content
    loaded = RiemannianUniformSampler.load(tmp_path)
    for path in tmp_path.iterdir():
        path.unlink()
    assert_same(saved, loaded)


def test_what_is_beyond_the_budget_is_mapped_when_it_is_loaded(tmp_path: Path) -> None:
    """Bytes changed in the file show: it has not been read yet."""
    for budget in (2**30, 1):
        fitted("calibrated", memory_budget=budget).save(tmp_path)
        loaded = RiemannianUniformSampler.load(tmp_path)
        (path,) = tmp_path.glob("tensors-*")
        with path.open("r+b") as file:
            file.seek(-8, 2)
            file.write(b"\xff" * 8)
        parts = (*loaded.posterior_, loaded.metric_.centroids, loaded.metric_.precisions)
        assert all(part.isfinite().all() for part in parts) == (budget > 1)
