"""The command lines of the comparisons, from options to report."""

import argparse
import json
from functools import partial
from pathlib import Path
from shutil import copy
from typing import Any

import pytest

from benchmarks.__main__ import BENCHMARKS
from benchmarks.__main__ import main as benchmarks_main
from benchmarks.data.features import FEATURES
from benchmarks.readme import RESULTS
from benchmarks.samplers.registry import SAMPLERS
from benchmarks.studies.compare import run as compare
from benchmarks.studies.compare.grid import Failure
from benchmarks.studies.compare.jobs import Settings
from benchmarks.studies.compare.run import QUICK_SAMPLERS, main, main_low_data, parser_of, run_grid
from benchmarks.studies.presets import run as study
from riemann_sampler.errors import ArgumentError
from riemann_sampler.settings import PRESETS


@pytest.fixture
def _quick_classifier(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(FEATURES, "classifier", partial(FEATURES["classifier"], n_steps=30))


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What is asked of the grid, which is not run; nor is the report written."""
    found: dict[str, Any] = {}

    def run(todo: Any, samplers: Any, settings: Any, **arguments: Any) -> list[Failure]:
        found.update(jobs=todo, samplers=samplers, settings=settings, **arguments)
        return []

    monkeypatch.setattr(compare, "run", run)
    monkeypatch.setattr(compare.report, "main", lambda arguments: found.update(report=arguments))
    return found


def options(*arguments: str) -> argparse.Namespace:
    return parser_of("compare", None).parse_args(arguments)


@pytest.mark.usefixtures("_quick_classifier")
def test_from_options_to_report(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--n-train", "200", "--seeds", "2", "--samples", "100", "--steps", "60", "--latent-dim", "4"]
    places = ["--output", str(tmp_path / "out"), "--cache", str(tmp_path / "models"), "--workers", "1"]
    main([*arguments, *places, "--samplers", "real train", "reconstructions", "N(0, I)", "tests.helpers.tasks:Grey"])
    cells = list((tmp_path / "out" / "cells").rglob("*.json"))
    assert len(cells) == 2 * 4
    assert len(list((tmp_path / "models").glob("digits-200-VAE-seed*.safetensors"))) == 2
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert "digits-conv64" in json.dumps(summary)
    assert "tests.helpers.tasks:Grey" in (tmp_path / "out" / "tables.md").read_text()
    assert (tmp_path / "out" / "report.html").stat().st_size > 10_000
    printed = capsys.readouterr().out
    assert "| N(0, I) " in printed
    assert "| tests.helpers.tasks:Grey " in printed


def test_what_is_asked_for(asked: dict[str, Any], tmp_path: Path) -> None:
    run_grid(options("--data", "digits", "--models", "VAE", "IWAE", "--seeds", "1", "--output", str(tmp_path)))
    assert [job.model for job in asked["jobs"]] == ["VAE", "IWAE"]
    assert set(asked["samplers"]) == set(SAMPLERS)
    assert asked["settings"] == Settings()
    assert asked["folder"] == tmp_path / "cells"
    assert asked["report"] == ["--cells", str(tmp_path / "cells"), "--output", str(tmp_path)]


def test_validation_instead_of_test(asked: dict[str, Any]) -> None:
    run_grid(options("--validation", "--features", "pca", "raw"))
    assert asked["settings"].heldout == "validation"
    assert asked["settings"].features == ("pca", "raw")


def test_flow_epochs_reach_the_flows(asked: dict[str, Any]) -> None:
    run_grid(options("--flow-epochs", "7"))
    epochs = {
        name: entry.make.keywords.get("n_epochs") for name, entry in asked["samplers"].items() if "pythae" in name
    }
    assert asked["settings"].flow_epochs == 7
    assert {name for name, n in epochs.items() if n == 7} == {
        f"pythae: {name}" for name in ("MAF", "IAF", "TwoStageVAE")
    }


def test_quick_is_small(asked: dict[str, Any]) -> None:
    run_grid(options("--quick", "--seeds", "5"))
    assert {job.seed for job in asked["jobs"]} == {0}
    assert asked["settings"].n_samples == 1_000
    assert set(asked["samplers"]) == {*QUICK_SAMPLERS, *(f"ours: {name}" for name in PRESETS)}
    assert asked["settings"].quick
    run_grid(options("--quick", "--samplers", "GMM-10", "--samples", "50"))
    assert list(asked["samplers"]) == ["GMM-10"]
    assert asked["settings"].n_samples == 50


def test_failed_cells_are_told_by_the_status(asked: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    failure = Failure(Path("cells/mine.json"), "ValueError: no")
    monkeypatch.setattr(compare, "run", lambda *_, **arguments: asked.update(arguments) or [failure])
    with pytest.raises(SystemExit, match=r"1 of 1 cells failed:\n  cells/mine\.json: ValueError: no\n") as ended:
        run_grid(options("--samplers", "GMM-10", "--seeds", "1", "--keep-failures"))
    assert isinstance(ended.value.code, str)  # it is printed, and the status is 1
    assert asked["keep_failures"]
    assert "report" in asked


def test_what_is_unknown_is_refused_before_anything_runs(
    asked: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    for option, given, message in (
        ("--samplers", "Mine", r"--samplers 'Mine' is neither a sampler known here nor of the form module"),
        ("--samplers", "no_such_module:Mine", r"--samplers 'no_such_module:Mine': there is no module"),
        (
            "--samplers",
            "ours:local",
            r"'ours:local' is not a sampler known here: did you mean 'ours: local'\?",
        ),
        ("--samplers", "ours: clustres", r"did you mean 'ours: clusters'\?"),
        ("--samplers", "n(0,i)", r"did you mean 'N\(0, I\)'\?"),
        ("--models", "vae", r"--models 'vae' is not a model known here: did you mean 'VAE'\?"),
        ("--models", "infovae-mmd", r"did you mean 'INFOVAE_MMD'\?"),
        ("--models", "GAN", r"--models 'GAN' is neither a model known here nor of the form module"),
    ):
        with pytest.raises(ArgumentError, match=message):
            run_grid(options(option, given))
    assert not asked
    assert benchmarks_main(["compare", "--data", "mnits"]) == 2
    assert "compare: There is no data set 'mnits'" in capsys.readouterr().err


def test_low_data_goes_over_sizes(asked: dict[str, Any]) -> None:
    main_low_data(["--data", "digits", "--seeds", "1"])
    assert [job.n_train for job in asked["jobs"]] == [200, None]  # digits have 973
    main_low_data(["--n-train", "100", "300", "0", "--seeds", "1"])
    assert [job.n_train for job in asked["jobs"]] == [100, 300, None]
    assert asked["folder"] == Path("benchmark_output/low-data/cells")


def test_the_study_looks_at_validation_data_alone_and_ranks(
    asked: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copy(RESULTS / "study" / "summary.json", tmp_path)  # the report, which is not written here, would leave its own
    study.main(["--output", str(tmp_path)])
    assert asked["settings"].heldout == "validation"
    assert set(asked["samplers"]) == set(study.VARIANTS)
    assert "| mean rank | by FD | by coverage |" in capsys.readouterr().out


def test_the_study_has_every_preset_and_each_variant_differs() -> None:
    presets = {name: entry for name, entry in study.VARIANTS.items() if entry.kind == "ours"}
    assert {"uniform", "calibrated", "clusters"} <= set(presets)
    made = []
    for entry in presets.values():
        (inner,) = entry.make.args
        made.append((inner.args, tuple(sorted(inner.keywords.items()))))
        assert inner.args[0] in PRESETS
        entry.make()  # its arguments are possible
    assert len(set(made)) == len(made)


def test_every_benchmark_has_help(capsys: pytest.CaptureFixture[str]) -> None:
    for name in BENCHMARKS:
        with pytest.raises(SystemExit) as ended:
            benchmarks_main([name, "--help"])
        assert ended.value.code == 0
        assert f"usage: python -m benchmarks {name}" in capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.usefixtures("_quick_classifier")
def test_quick_in_full(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(compare, "QUICK_STEPS", 200)
    monkeypatch.setattr(compare, "QUICK_SAMPLES", 300)
    main(["--quick", "--output", str(tmp_path), "--cache", str(tmp_path / "models"), "--workers", "1"])
    cells = [json.loads(path.read_text()) for path in (tmp_path / "cells").rglob("*.json")]
    assert len(cells) == len(QUICK_SAMPLERS) + len(PRESETS)
    assert all(cell["error"] is None for cell in cells)
