"""What the speed benchmark writes out of its figures."""

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks.studies.speed import run, table
from benchmarks.studies.speed.figures import gradient_picture, growth_picture, race_picture
from benchmarks.studies.speed.tables import full_tables

ENVIRONMENT = {"commit": "abc", "python": "3.11", "machine": "Linux", "threads": 2}


def gradient_row(**changes: Any) -> dict[str, Any]:
    row = {"dtype": "float64", "dim": 16, "n_centroids": 100, "ours": 1e-4, "dense": 2e-2, "floor": 5e-5}
    row |= {"ratio": 200.0, "floor_share": 0.5, "dense_is_scaled": False, "operations": 2_000_000}
    row |= {"moved_bytes": 2**20, "dense_tensor_bytes": 2**21, "relative_difference": 1e-15}
    return {**row, **changes}


def race_row(sampler: str, total: float, **changes: Any) -> dict[str, Any]:
    return {"sampler": sampler, "fit": 1.0, "sample": total - 1, "total": total, "extrapolated": False, **changes}


def axis(exponent: float) -> dict[str, Any]:
    return {"sizes": [10, 100], "others": {"dim": 16}, "seconds": [0.1, 0.9], "exponent": exponent}


CHECK = {"dim": 64, "n_centroids": 100, "timed_on": [10, 100], "whole": 0.5, "scaled": 0.25, "ratio": 0.5}
ENDS = {
    "n_samples": 1_000,
    "n_centroids": 100,
    "rows": [
        race_row("published dynamics", 600.0, extrapolated=True, log_volume_r_hat=8.0),
        race_row("ours: default steps", 1.5, log_volume_r_hat=1.005),
    ],
    "is_converged": True,
    "ratio_sampling": 1_198.0,
    "ratio_with_fit": 400.0,
}
MIXTURE, OURS = "pythae: GaussianMixture", ("ours: uniform", "ours: uniform, float32", "ours: calibrated")
SECTIONS: dict[str, dict[str, Any]] = {
    "gradient": {
        "n_chains": 100,
        "rows": [gradient_row(), gradient_row(dtype="float32", dim=64, dense_is_scaled=True, ratio=3_000.0)],
        "kept_memory": [gradient_row(dense=1e-2, ratio=100.0)],
        "scaling_checks": [CHECK],
    },
    "race": {
        "n_codes": 8_000,
        "dim": 16,
        "n_samples": 10_000,
        "n_timed": 10,
        "flow_epochs": 100,
        "threads": 1,
        "rows": [
            *(race_row(name, 4.0) for name in OURS),
            race_row(MIXTURE, 8.0),
            race_row("slow", 9e3, extrapolated=True),
        ],
        "converged": ENDS,
    },
    "growth": {
        "time": {"n_centroids": axis(1.02), "dim": axis(0.8), "n_chains": axis(0.97)},
        "memory": {
            "dim": 32,
            "n_chains": 1_000,
            "rows": [{"n_centroids": 60_000, "fit_mib": 200.0, "mib": 300.0, "centroids_mib": 14.6}],
            "slope": 2.5,
        },
    },
    "processes": {
        "n_samples": 16_384,
        "dim": 16,
        "n_centroids": 1_000,
        "cores": 2,
        "files_are_equal": False,
        "rows": [
            {"processes": 1, "seconds": 10.0, "all_seconds": [10.0], "speedup": 1.0},
            {"processes": 2, "seconds": 5.0, "all_seconds": [5.0], "speedup": 2.0},
        ],
    },
    "scale": {"error": "OSError: no space"},
    "cuda": {"not_run": "there was no device"},
}
for found in SECTIONS.values():
    found["commit"] = "abc1234"
FIGURES = {"environment": ENVIRONMENT, "quick": False, "sections": SECTIONS}


def lines_with(text: str, *words: str) -> list[str]:
    return [line for line in text.splitlines() if all(word in line for word in words)]


def test_the_summary_answers_every_question() -> None:
    found = table(FIGURES)
    assert lines_with(found, "a gradient", "d = 16", "100 µs", "20.0 ms", "10.0 ms", "200 ×; 100 ×")
    assert lines_with(found, "1,000 samples", "1.50 s (R-hat 1.005)", "≈ 10.0 min (R-hat 8.000)", "400 ×")
    assert len(lines_with(found, "10,000 samples", "4.00 s", "pythae's GMM-10: 8.00 s", "2.00 ×")) == len(OURS)
    assert lines_with(found, "effective samples", "not run")
    assert lines_with(found, "growth with centroids, 10 to 100", "exponent 1.02")
    assert lines_with(found, "K = 60,000", "1,000 chains", "300 MiB")
    assert lines_with(found, "2 processes", "NOT equal", "5.00 s", "10.0 s", "2.00 ×")
    assert lines_with(found, "ten million latents", "failed (OSError: no space)")
    assert lines_with(found, "CUDA", "not run, there was no device")


def test_without_sections_nothing_was_run() -> None:
    assert len(lines_with(table({"environment": ENVIRONMENT}), "not run")) == len(run.SECTIONS)


def test_the_full_tables_say_what_was_extrapolated() -> None:
    found = full_tables(FIGURES)
    assert lines_with(found, "| float32 | 64 |", "≈ 20.0 ms", "3,000 ×", "50%", "| 20.0 ", "1 MiB", "2 MiB")
    assert lines_with(found, "| float64 | 16 |", " 20.0 ms")
    assert not lines_with(found, "| float64 | 16 |", "≈")
    assert "d = 64, K = 100: 250 ms for 500 ms" in found
    assert "d = 16, K = 100: 10.0 ms for 100 µs (100 ×)" in found
    assert lines_with(found, "| slow", "≈ 2.50 h")
    assert lines_with(found, "published dynamics", "≈ 10.0 min", "8.0000")
    assert "1,198 × faster in sampling, 400 × with the fits" in found
    assert lines_with(found, "| dimensions |", "0.80")
    assert "2.5 times the centroids' own size" in found
    assert "Failed (OSError: no space)." in found
    assert "Not run, there was no device." in found


def test_an_r_hat_that_stays_is_said() -> None:
    raced = {**SECTIONS["race"], "converged": {**ENDS, "is_converged": False}}
    assert "(R-hat stayed above its bound)" in full_tables({**FIGURES, "sections": {"race": raced}})
    assert "stayed above" not in full_tables(FIGURES)


def test_pictures_show_the_figures() -> None:
    heat = gradient_picture(SECTIONS["gradient"])
    texts = [(text.get_text(), text.get_position()) for axis in heat.axes for text in axis.texts]
    assert texts == [("200", (0, 0)), ("≈ 3,000", (0, 1))]
    grown = growth_picture(SECTIONS["growth"])
    assert [axis.get_title() for axis in grown.axes] == ["exponent 1.02", "exponent 0.80", "exponent 0.97"]
    (raced,) = race_picture(SECTIONS["race"]).axes
    assert [bar.get_width() for bar in raced.patches] == [4.0, 4.0, 4.0, 8.0, 9e3]
    assert [bool(bar.get_hatch()) for bar in raced.patches] == [False] * 4 + [True]


def test_what_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    asked = []

    def measured(function: Any, name: str, effort: run.Effort, *, variables: dict[str, str]) -> dict[str, Any]:
        asked.append((function, name, effort, variables))
        written = json.loads((tmp_path / "speed.json").read_text())["sections"] if asked[1:] else {}
        assert list(written) == [each[1] for each in asked[:-1]]  # each section as it finishes
        if name == "scale":
            msg = "no\nspace"
            raise OSError(msg)
        return SECTIONS[name]

    monkeypatch.setattr(run, "in_own_process", measured)
    with pytest.raises(SystemExit, match="failed: scale"):
        run.main(["--only", "scale", "growth", "race", "--quick", "--output", str(tmp_path)])
    assert [(name, variables) for _, name, _, variables in asked] == [
        ("race", {}),
        ("growth", {"OMP_NUM_THREADS": "1"}),
        ("scale", {}),
    ]
    assert asked[0][2] == run.Effort(quick=True, flow_epochs=1)
    figures = json.loads((tmp_path / "speed.json").read_text())
    assert figures["quick"]
    commit = figures["environment"]["commit"]
    assert figures["sections"]["scale"] == {"error": "OSError: no space", "commit": commit}
    assert figures["sections"]["race"] == {**SECTIONS["race"], "commit": commit}
    assert (tmp_path / "speed.md").read_text() == full_tables(figures)
    assert table(figures) in capsys.readouterr().out
    assert sorted(path.name for path in tmp_path.glob("*.png")) == ["speed-growth.png", "speed-race.png"]


def test_sections_that_are_not_run_keep_their_figures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    older = {"sections": {"race": SECTIONS["race"], "growth": {"error": "an older one"}}}
    (tmp_path / "speed.json").write_text(json.dumps(older))
    monkeypatch.setattr(run, "in_own_process", lambda *_, **__: SECTIONS["growth"])
    run.main(["--only", "growth", "--output", str(tmp_path)])
    figures = json.loads((tmp_path / "speed.json").read_text())
    assert figures["sections"]["race"] == json.loads(json.dumps(SECTIONS["race"]))
    assert figures["sections"]["growth"]["commit"] == figures["environment"]["commit"]
    text = full_tables(figures)
    assert "## Time to samples (commit abc1234)" in text
    assert f"## Growth (commit {figures['environment']['commit']})" in text
