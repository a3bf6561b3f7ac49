"""Cells are read, refused when broken, and averaged over seeds."""

import json
import math

import pytest

from benchmarks.reporting.spreads import Spread
from benchmarks.studies.compare.report.averaging import gap_closed, summarise
from benchmarks.studies.compare.report.cells import BrokenCellError, read_cells
from benchmarks.studies.compare.report.summary import Summary
from tests.helpers.report_cells import make_cell, write_cell, write_study


def _row(cells, sampler, feature_map=None):
    (group,) = summarise(cells, feature_map).groups
    return group.row(sampler)


def test_mean_and_standard_deviation_by_hand():
    cells = [make_cell("GMM-10", seed=seed, coverage=value) for seed, value in enumerate((0.5, 0.6, 0.8))]
    mean, sd, n = _row(cells, "GMM-10").figures["coverage"]
    assert (mean, n) == (pytest.approx(1.9 / 3), 3)
    assert sd == pytest.approx(math.sqrt(((0.5 - mean) ** 2 + (0.6 - mean) ** 2 + (0.8 - mean) ** 2) / 2))
    assert _row(cells[:1], "GMM-10").figures["coverage"] == Spread(0.5, None, 1)


def test_gap_is_closed_seed_by_seed():
    distances = {"N(0, I)": (100.0, 200.0), "reconstructions": (20.0, 20.0), "ours: uniform": (28.0, 38.0)}
    cells = [
        make_cell(sampler, seed=seed, frechet_distance=distance)
        for sampler, values in distances.items()
        for seed, distance in enumerate(values)
    ]
    gap = _row(cells, "ours: uniform").figures["gap_closed"]  # shares of 72 / 80 and 162 / 180
    assert gap == pytest.approx((0.9, 0.0, 2), abs=1e-12)
    assert _row(cells, "N(0, I)").figures["gap_closed"] == (0.0, 0.0, 2)
    assert _row(cells, "reconstructions").figures["gap_closed"] == (1.0, 0.0, 2)


def test_gap_needs_its_own_seeds_ends():
    cells = [make_cell("N(0, I)", frechet_distance=100.0), make_cell("reconstructions", frechet_distance=20.0)]
    cells += [make_cell("ours: uniform", seed=seed, frechet_distance=60.0) for seed in (0, 1)]
    cells.append(make_cell("N(0, I)", seed=1, error="ValueError: no"))
    assert _row(cells, "ours: uniform").figures["gap_closed"] == (0.5, None, 1)
    assert "gap_closed" not in _row(cells[2:], "ours: uniform").figures


@pytest.mark.parametrize(
    ("ends", "expected"),
    [((10.0, 2.0), 0.75), ((10.0, 10.0), None), ((2.0, 10.0), None), ((None, 2.0), None), ((10.0, None), None)],
)
def test_gap_by_hand(ends, expected):
    assert gap_closed(4.0, *ends) == expected
    assert gap_closed(None, *ends) is None


def test_failures_are_kept_and_left_out_of_means():
    cells = [make_cell("pythae: MAF", seed=seed, recall=0.5 + seed / 10) for seed in (0, 1)]
    cells += [make_cell("pythae: MAF", seed=seed, error=f"ValueError: {seed}") for seed in (2, 3)]
    row = _row(cells, "pythae: MAF")
    assert (row.n_seeds, row.n_failed, row.error) == (2, 2, "ValueError: 2")
    assert row.figures["recall"].mean == pytest.approx(0.55)


def test_missing_scores_are_left_out():
    cells = [make_cell("GMM-10", seed=0, class_entropy=None), make_cell("GMM-10", seed=1, class_entropy=2.0)]
    cells[0]["scores"]["classifier"]["density"] = math.nan
    row = _row(cells, "GMM-10")
    assert row.figures["class_entropy"] == (2.0, None, 1)
    assert row.figures["density"].n == 1
    assert "fit_seconds" not in _row([make_cell("real train")], "real train").figures


def test_feature_map_is_the_first_unless_named():
    cells = [make_cell("GMM-10", frechet_distance=10.0)]
    cells[0]["scores"]["efflite0"]["frechet_distance"] = 77.0
    figures = _row(cells, "GMM-10").figures
    assert (figures["frechet_distance"].mean, figures["frechet_distance on efflite0"].mean) == (10.0, 77.0)
    figures = _row(cells, "GMM-10", "efflite0").figures
    assert (figures["frechet_distance"].mean, figures["frechet_distance on classifier"].mean) == (77.0, 10.0)
    with pytest.raises(BrokenCellError, match=r"feature map 'other', but \['classifier', 'efflite0'\]"):
        summarise(cells, "other")


def test_rows_stand_by_kind_then_distance():
    names = ["reconstructions", "ours: paper", "ours: uniform", "pythae: MAF", "GMM-10", "N(0, I)"]
    cells = [*map(make_cell, names), make_cell("GMM-100", error="ValueError: no")]
    (group,) = summarise(cells).groups
    baselines, others = ["GMM-10", "N(0, I)", "GMM-100"], ["pythae: MAF", "ours: uniform", "ours: paper"]
    assert [row.sampler for row in group.rows] == [*baselines, *others, "reconstructions"]


def test_groups_hold_what_was_run(tmp_path):
    write_study(tmp_path, datasets=("digits",), n_seeds=2)
    summary = summarise(read_cells(tmp_path))
    identities = [("digits", size, model) for model in ("BetaVAE", "VAE & <flow>") for size in (500, 10_000)]
    assert [group[:3] for group in summary.groups] == identities
    group = summary.groups[0]
    assert group.seeds == [0, 1]
    assert (group.feature_map, group.features["classifier"]) == ("classifier", ("digits-conv64", pytest.approx(0.91)))
    assert group.config["active_units"] == (13, 14)
    assert group.config["n_samples"] == (10_000, 10_000)  # ceilings have fewer
    assert "model_file" not in group.config
    assert all(len(group.rows) == 18 for group in summary.groups)


def test_environments_are_joined():
    cells = [make_cell("GMM-10"), make_cell("GMM-100")]
    cells[1]["environment"] |= {"commit": "4567def", "versions": {"torch": "2.14.0", "pythae": "0.1.2"}}
    environment = summarise(cells).environment
    assert environment["commit"] == "0123abc, 4567def"
    assert environment["versions"] == {"riemann-sampler": "0.1.0", "torch": "2.13.0, 2.14.0", "pythae": "0.1.2"}
    assert environment["threads"] == 1


def test_summary_is_stored_and_read(tmp_path):
    write_study(tmp_path, datasets=("digits",), sizes=(500,), models=("VAE",))
    summary = summarise(read_cells(tmp_path))
    text = summary.text()
    read = Summary.parse(json.loads(text))
    assert read.text() == text
    assert (read.heldout, read.environment) == ("test", summary.environment)
    (ours,), (theirs,) = read.groups, summary.groups
    assert ours[:5] == theirs[:5]
    assert ours.config == theirs.config
    for row, other in zip(ours.rows, theirs.rows, strict=True):
        assert row[:-1] == other[:-1]
        for key, figure in other.figures.items():
            assert row.figures[key].mean == pytest.approx(figure.mean, rel=1e-4)
            assert row.figures[key].sd == pytest.approx(figure.sd, rel=1e-4)


def test_summary_of_hundreds_of_cells_is_small():
    cells = [
        make_cell(sampler, dataset=dataset, n_train=size, model=model, seed=seed)
        for sampler in ("N(0, I)", "GMM-10", "pythae: MAF", "ours: uniform", "reconstructions")
        for dataset in ("digits", "fashion")
        for size in (100, 1_000, 5_000, 10_000)
        for model in ("VAE", "BetaVAE", "VAMP", "RHVAE", "IWAE")
        for seed in range(3)
    ]
    assert len(cells) == 600
    assert len(summarise(cells).text()) < 300_000


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda cell: cell.pop("kind"), "lacks kind; remove it"),
        (lambda cell: cell["cell"].pop("seed"), "lacks seed of 'cell'"),
        (lambda cell: cell.update(seconds=None), "lacks fit, sample of 'seconds'"),
        (
            lambda cell: cell.update(kind="theirs"),
            "kind='theirs', which is none of baseline, native, own, ours",
        ),
        (lambda cell: cell.update(scores=None), "either scores or an error"),
        (lambda cell: cell.update(error="ValueError: no"), "either scores or an error"),
    ],
)
def test_broken_cells_are_named(tmp_path, change, message):
    write_cell(tmp_path, make_cell("GMM-10"))
    cell = make_cell("GMM-100")
    change(cell)
    path = write_cell(tmp_path, make_cell("GMM-100"))
    path.write_text(json.dumps(cell))
    with pytest.raises(BrokenCellError) as caught:
        read_cells(tmp_path)
    assert str(path) in str(caught.value)
    assert message in str(caught.value)


@pytest.mark.parametrize("text", ["", '{"cell": ', "[]", "\xff"])
def test_files_that_hold_no_cell_are_named(tmp_path, text):
    path = write_cell(tmp_path, make_cell("GMM-10"))
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(BrokenCellError, match=r"gmm-10\.json"):
        read_cells(tmp_path)


def test_one_cell_twice_is_refused(tmp_path):
    path = write_cell(tmp_path, make_cell("GMM-10"))
    path.with_name("other.json").write_text(path.read_text())
    with pytest.raises(BrokenCellError, match=r"other\.json and .*gmm-10\.json are of one cell"):
        read_cells(tmp_path)


def test_held_out_splits_are_not_mixed(tmp_path):
    write_cell(tmp_path, make_cell("GMM-10"))
    cell = make_cell("GMM-100")
    cell["cell"]["heldout"] = "validation"
    write_cell(tmp_path, cell)
    with pytest.raises(BrokenCellError, match=r"'test' in .*gmm-10\.json, 'validation' in .*gmm-100\.json"):
        read_cells(tmp_path)


def test_an_empty_folder_is_refused(tmp_path):
    (tmp_path / "summary.json").write_text("{}")
    with pytest.raises(FileNotFoundError, match="holds no cells"):
        read_cells(tmp_path)
