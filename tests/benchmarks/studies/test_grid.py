"""The grid of benchmarks: which cells there are, what each file holds, and that none is run twice."""

import json
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from typing_extensions import Self

from benchmarks.data.datasets import load
from benchmarks.data.features import FEATURES
from benchmarks.samplers.registry import SAMPLERS, Entry, Task
from benchmarks.studies.compare.grid import Failure, run
from benchmarks.studies.compare.jobs import Job, Settings, cell_path, jobs
from riemann_sampler.adapters import FunctionAdapter
from riemann_sampler.errors import DataError
from tests.helpers.models import make_digits_vae

SETTINGS = Settings(n_samples=60, n_steps=60, latent_dim=4)
RAW = replace(SETTINGS, n_steps=10, features=("raw",))
FEW = {name: SAMPLERS[name] for name in ("reconstructions", "N(0, I)")}


class Failing:
    """Fails when it is asked for samples."""

    def fit(self, task: Task, seed: int) -> Self:  # noqa: ARG002 - a sampler is called so
        return self

    def sample(self, n_samples: int, seed: int) -> torch.Tensor:  # noqa: ARG002
        msg = "out of luck"
        raise DataError(msg)


class Lucky:
    """Fails the first time."""

    n_fits = 0

    def fit(self, task: Task, seed: int) -> Self:  # noqa: ARG002
        type(self).n_fits += 1
        self._like = task.train
        return self

    def sample(self, n_samples: int, seed: int) -> torch.Tensor:  # noqa: ARG002
        if self.n_fits == 1:
            msg = "out of memory"
            raise RuntimeError(msg)
        return self._like[:n_samples]


class Differentiable:
    """Returns what gradients could flow through."""

    def fit(self, task: Task, seed: int) -> Self:  # noqa: ARG002
        self._like = task.train
        return self

    def sample(self, n_samples: int, seed: int) -> torch.Tensor:  # noqa: ARG002
        return self._like[:n_samples].clone().requires_grad_()


class NotFinite:
    """Generates what no score can be given."""

    def fit(self, task: Task, seed: int) -> Self:  # noqa: ARG002
        self._like = task.train
        return self

    def sample(self, n_samples: int, seed: int) -> torch.Tensor:  # noqa: ARG002
        return self._like[:n_samples] * torch.nan


class Counting:
    """Generates grey images, and counts how often."""

    n_fits = 0

    def fit(self, task: Task, seed: int) -> Self:  # noqa: ARG002
        type(self).n_fits += 1
        self._like = task.train
        return self

    def sample(self, n_samples: int, seed: int) -> torch.Tensor:
        noise = torch.rand(n_samples, *self._like.shape[1:], generator=torch.Generator().manual_seed(seed))
        return 0.4 + 0.1 * noise


def small_vae() -> Any:
    """A model of a user's own."""
    return make_digits_vae(latent_dim=2, epochs=1)[0]


def larger() -> Any:
    """A model whose data have one more row of pixels."""

    def decode(z: torch.Tensor) -> torch.Tensor:
        return z.mean(1)[:, None, None, None].expand(-1, 1, 9, 8)

    def encode(x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return x.flatten(1)[:, 2:4], x.flatten(1)[:, 2:4] - 3

    return FunctionAdapter(encode=encode, decode=decode, latent_dim=2)


@pytest.fixture(autouse=True)
def _quick_classifier(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(FEATURES, "classifier", partial(FEATURES["classifier"], n_steps=30))


def run_here(folder: Path, todo: list[Job], samplers: dict[str, Entry], settings: Settings = SETTINGS) -> list[Path]:
    run(todo, samplers, settings, folder=folder / "cells", models=folder / "models", n_workers=1)
    return sorted((folder / "cells").rglob("*.json"))


@pytest.fixture(scope="module")
def cells(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[dict[str, Any]]]:
    """The cells of one job, and their folder."""
    folder = tmp_path_factory.mktemp("grid")
    failing = {"failing": Entry(Failing, "baseline"), "not finite": Entry(NotFinite, "baseline")}
    differentiable = {"differentiable": Entry(Differentiable, "own")}
    samplers = {**FEW, **failing, **differentiable, "ours: paper": SAMPLERS["ours: paper"]}
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(FEATURES, "classifier", partial(FEATURES["classifier"], n_steps=30))
        todo = jobs(["digits"], [150], ["BetaVAE"], [1], samplers)
        run(todo, samplers, SETTINGS, folder=folder, models=folder / "models", n_workers=1)
    return folder, [json.loads(path.read_text()) for path in sorted(folder.rglob("*.json"))]


class TestJobs:
    def test_every_combination_seeds_outermost(self) -> None:
        found = jobs(["digits"], [100, 200], ["VAE", "IWAE"], range(2), FEW)
        assert [(job.seed, job.n_train, job.model) for job in found] == [
            (seed, size, model) for seed in (0, 1) for size in (100, 200) for model in ("VAE", "IWAE")
        ]
        assert all(job.samplers == ("reconstructions", "N(0, I)") for job in found)

    def test_sizes_beyond_the_data_set_take_all_once(self) -> None:
        assert [job.n_train for job in jobs(["digits"], [200, 973, 5_000, None], ["VAE"], [0], FEW)] == [200, None]

    def test_samplers_go_to_the_models_that_they_are_for(self) -> None:
        found = {job.model: job.samplers for job in jobs(["digits"], [None], ["VAE", "VAMP", "m:f"], [0], SAMPLERS)}
        assert set(found["VAMP"]) - set(found["VAE"]) == {"pythae: VAMP"}
        assert set(found["VAE"]) - set(found["m:f"]) == {
            f"pythae: {name}" for name in ("Normal", "GaussianMixture", "MAF", "IAF", "TwoStageVAE")
        }
        assert {f"ours: {name}" for name in ("uniform", "local")} <= set(found["m:f"])


def test_files_are_named_by_the_cell() -> None:
    job = Job("/data/my set.npz", None, "package.module:function", 2, ())
    path = cell_path(Path("cells"), job, 45, "mean + 0.5 N(0, I)")
    assert path == Path("cells/my set/45/package.module-function/seed2/mean-0.5-n-0-i.json")
    names = [cell_path(Path(), job, 1, name).name for name in SAMPLERS]
    assert len(set(names)) == len(SAMPLERS)


class TestCell:
    def test_says_what_it_is_of(self, cells: tuple[Path, list[dict[str, Any]]]) -> None:
        by_name = {cell["cell"]["sampler"]: cell for cell in cells[1]}
        assert set(by_name) == {*FEW, "failing", "not finite", "differentiable", "ours: paper"}
        assert {name: cell["kind"] for name, cell in by_name.items()} == {
            "reconstructions": "ceiling",
            "N(0, I)": "baseline",
            "failing": "baseline",
            "not finite": "baseline",
            "differentiable": "own",
            "ours: paper": "ours",
        }
        for cell in by_name.values():
            expected = {"dataset": "digits", "n_train": 150, "heldout": "test", "model": "BetaVAE", "seed": 1}
            assert {key: value for key, value in cell["cell"].items() if key != "sampler"} == expected
            assert cell["config"]["n_samples"] == 60
            assert cell["config"]["n_heldout"] == 500
            assert (cell["config"]["latent_dim"], cell["config"]["n_steps"]) == (4, 60)
            assert (cells[0] / "models" / cell["config"]["model_file"]).exists()
            assert cell["features"]["classifier"]["name"] == "digits-conv64"
            assert "pythae" in cell["environment"]["versions"]

    def test_scores_seconds_memory_map_and_picture(self, cells: tuple[Path, list[dict[str, Any]]]) -> None:
        folder, found = cells
        for cell in found:
            if cell["cell"]["sampler"] in ("failing", "not finite"):
                continue
            assert len(cell["scores"]["classifier"]) == 12
            assert np.isfinite(list(cell["scores"]["classifier"].values())).all()
            assert cell["seconds"]["fit"] > 0 < cell["seconds"]["sample"]
            assert cell["peak_memory_mib"] is None or cell["peak_memory_mib"] >= 0
            assert np.shape(cell["map"]) == (60, 2)
            with Image.open(folder / cell["picture"]) as picture:
                assert picture.size == (8 * 9 + 1, 7 * 9 + 1)  # 60 images make 7 rows of 8, with a pixel between
                assert np.asarray(picture).std() > 20

    def test_scores_are_of_the_right_data(self, cells: tuple[Path, list[dict[str, Any]]]) -> None:
        distance = {
            cell["cell"]["sampler"]: cell["scores"]["classifier"]["frechet_distance"]
            for cell in cells[1]
            if cell["scores"] and cell["kind"] != "own"
        }
        assert all(value > 0 for value in distance.values())
        real = {"real train": SAMPLERS["real train"]}
        job = Job("digits", 150, "BetaVAE", 1, ("real train",))
        with pytest.MonkeyPatch.context() as patch:
            patch.setitem(FEATURES, "classifier", partial(FEATURES["classifier"], n_steps=30))
            run([job], real, SETTINGS, folder=cells[0] / "more", models=cells[0] / "models", n_workers=1)
        (path,) = (cells[0] / "more").rglob("*.json")
        scores = json.loads(path.read_text())["scores"]["classifier"]
        assert scores["frechet_distance"] < 0.3 * min(distance.values())
        assert scores["authenticity"] == 0  # the training data themselves

    def test_a_failure_is_a_finding(self, cells: tuple[Path, list[dict[str, Any]]]) -> None:
        (cell,) = (cell for cell in cells[1] if cell["cell"]["sampler"] == "failing")
        assert cell["error"] == "DataError: out of luck"
        assert cell["scores"] is None
        assert cell["picture"] is None
        assert cell["seconds"] == {"fit": None, "sample": None}

    def test_what_cannot_be_scored_is_one_too(self, cells: tuple[Path, list[dict[str, Any]]]) -> None:
        (cell,) = (cell for cell in cells[1] if cell["cell"]["sampler"] == "not finite")
        assert cell["error"].startswith("DataError: ")
        assert "finite" in cell["error"]
        assert cell["scores"] is None

    def test_warnings_are_kept(self, cells: tuple[Path, list[dict[str, Any]]]) -> None:
        (paper,) = (cell for cell in cells[1] if cell["cell"]["sampler"] == "ours: paper")
        assert "TemperatureWarning" in paper["warnings"]


class TestResuming:
    def test_a_cell_that_is_there_is_not_run_again(self, tmp_path: Path) -> None:
        Counting.n_fits = 0
        samplers = {"counting": Entry(Counting, "baseline")}
        todo = jobs(["digits"], [100], ["VAE"], [0], samplers)
        (path,) = run_here(tmp_path, todo, samplers, RAW)
        before = path.read_text()
        assert run_here(tmp_path, todo, samplers, RAW) == [path]
        assert Counting.n_fits == 1
        assert path.read_text() == before

        path.unlink()
        run_here(tmp_path, todo, samplers, RAW)
        assert Counting.n_fits == 2

    def test_a_cell_that_failed_is_tried_again_unless_asked_otherwise(self, tmp_path: Path) -> None:
        Lucky.n_fits = 0
        samplers = {"lucky": Entry(Lucky, "own")}
        todo = jobs(["digits"], [100], ["VAE"], [0], samplers)
        places = {"folder": tmp_path / "cells", "models": tmp_path / "models", "n_workers": 1}
        (failure,) = run(todo, samplers, RAW, **places)
        assert failure == Failure(failure.path, "RuntimeError: out of memory")
        assert run(todo, samplers, RAW, **places, keep_failures=True) == [failure]
        assert Lucky.n_fits == 1
        assert run(todo, samplers, RAW, **places) == []
        assert Lucky.n_fits == 2
        assert json.loads(failure.path.read_text())["error"] is None

    def test_other_settings_run_it_again(self, tmp_path: Path) -> None:
        Counting.n_fits = 0
        samplers = {"counting": Entry(Counting, "baseline")}
        todo = jobs(["digits"], [100], ["VAE"], [0], samplers)
        for n_samples in (60, 50, 50):
            (path,) = run_here(tmp_path, todo, samplers, replace(RAW, n_samples=n_samples))
            assert json.loads(path.read_text())["config"]["n_samples"] == n_samples
        assert Counting.n_fits == 2


def test_a_model_of_ones_own(tmp_path: Path) -> None:
    todo = jobs(["digits"], [100], ["tests.benchmarks.studies.test_grid:small_vae"], [0], FEW)
    found = [json.loads(path.read_text()) for path in run_here(tmp_path, todo, FEW, RAW)]
    assert [cell["cell"]["model"] for cell in found] == ["tests.benchmarks.studies.test_grid:small_vae"] * 2
    for cell in found:
        assert cell["error"] is None
        assert cell["config"]["latent_dim"] == 2  # not what the settings say, which is 4
        assert not {"n_steps", "model_file"} & set(cell["config"])


def test_data_that_are_not_those_of_a_model_of_ones_own_are_refused(tmp_path: Path) -> None:
    todo = jobs(["digits"], [100], ["tests.benchmarks.studies.test_grid:larger"], [0], FEW)
    with pytest.raises(DataError, match=r"digits has data of shape \(1, 8, 8\), but is decoded to \(1, 9, 8\) by"):
        run_here(tmp_path, todo, FEW, RAW)


def test_tables_have_no_pictures(tmp_path: Path) -> None:
    (path, _) = run_here(tmp_path, jobs(["cells"], [None], ["BetaVAE"], [0], FEW), FEW)
    cell = json.loads(path.read_text())
    assert cell["picture"] is None
    assert cell["features"]["classifier"]["name"] == "cells-pca20"
    assert cell["error"] is None


def test_validation_data_are_others(tmp_path: Path) -> None:
    settings = replace(RAW, heldout="validation")
    todo = jobs(["digits"], [100], ["VAE"], [0], FEW)
    cell = json.loads(run_here(tmp_path, todo, FEW, settings)[0].read_text())
    assert cell["cell"]["heldout"] == "validation"
    assert cell["config"]["n_heldout"] == len(load("digits", heldout="validation").heldout) == 324


@pytest.mark.slow
def test_two_processes_find_the_same(tmp_path: Path) -> None:
    todo = jobs(["digits"], [100], ["VAE"], [0, 1], FEW)
    for n_workers in (1, 2):
        run(todo, FEW, RAW, folder=tmp_path / f"cells{n_workers}", models=tmp_path, n_workers=n_workers)
    scores = [
        {path.relative_to(folder): json.loads(path.read_text())["scores"]["raw"] for path in folder.rglob("*.json")}
        for folder in (tmp_path / "cells1", tmp_path / "cells2")
    ]
    assert len(scores[0]) == 4
    assert scores[0].keys() == scores[1].keys()
    for path, found in scores[0].items():
        assert found == pytest.approx(scores[1][path], rel=1e-3, abs=1e-3)  # threads sum in another order
