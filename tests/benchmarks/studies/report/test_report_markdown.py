"""The report as Markdown."""

import json

import pytest

from benchmarks.reporting.markdown_table import QUICK_NOTICE
from benchmarks.reporting.spreads import Spread, shown
from benchmarks.studies.compare.report.averaging import summarise
from benchmarks.studies.compare.report.formats import COLUMNS, columns, decimals
from benchmarks.studies.compare.report.markdown import all_tables, table
from benchmarks.studies.compare.report.summary import Summary
from tests.helpers.report_cells import SAMPLERS, make_cell


def _cells():
    """Two seeds of five samplers, with round figures."""
    figures = {
        "N(0, I)": (100.0, 0.5, 0.6),
        "pythae: MAF": (40.0, 0.9, 0.5),
        "ours: uniform": (22.0, 0.8, 0.01),
        "ours: local": (24.0, 0.95, 0.26),
        "reconstructions": (20.0, 0.99, 0.27),
    }
    return [
        make_cell(
            sampler,
            seed=seed,
            frechet_distance=distance + seed,
            recall=0.75,
            coverage=coverage,
            authenticity=authenticity,
        )
        for sampler, (distance, coverage, authenticity) in figures.items()
        for seed in (0, 1)
    ]


def _figures(cells):
    return json.loads(summarise(cells).text())


def _lines(text):
    """Cells of each line of each table."""
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("|")]


def _main(text):
    """Lines of the main table, which is folded."""
    return _lines(text[text.index("<details>") : text.index("</details>")])


def _verdicts(text):
    """Lines of the table of conditions, which comes first."""
    return _lines(text[: text.index("<details>")])


def test_main_table_by_hand():
    main = _main(table(_figures(_cells())))
    gaps = [0.0, (0.75 + 60 / 80) / 2, (78 / 80 + 78 / 80) / 2, 76 / 80, 1.0]
    distances = ["100.5 ± 0.7", "40.5 ± 0.7", "22.5 ± 0.7", "24.5 ± 0.7", "20.5 ± 0.7"]
    coverages = ["0.500", "0.900", "0.800", "0.950", "0.990"]
    authenticities = ["0.600", "0.500", "0.010", "0.260", "0.270"]
    names = ["N(0, I)", "pythae: MAF", "ours: uniform", "ours: local", "reconstructions"]
    assert main[0] == ["data, model", "sampler", "FD ↓", "recall ↑", "coverage ↑", "authenticity ↑", "gap closed ↑"]
    assert main[2:] == [
        [
            "fashion 10,000, BetaVAE" if index == 0 else "",
            *(names[index], distances[index], "0.750 ± 0.000"),
            *(f"{coverages[index]} ± 0.000", f"{authenticities[index]} ± 0.000", f"{gaps[index]:.3f} ± 0.000"),
        ]
        for index in range(5)
    ]


def test_figures_are_set_to_the_right():
    rule = _main(table(_figures(_cells())))[1]
    assert [cell.endswith(":") for cell in rule] == [False, False, True, True, True, True, True]


def test_main_table_has_the_largest_training_set_and_the_best_native_sampler():
    samplers = ["N(0, I)", "pythae: MAF", "pythae: IAF", "GMM-100", "ours: paper", "real train"]
    cells = [make_cell(sampler, n_train=size) for sampler in samplers for size in (500, 10_000)]
    text = table(_figures(cells))
    main = _main(text)[2:]
    assert [line[1] for line in main] == ["N(0, I)", "pythae: MAF", "ours: paper"]
    assert [line[0] for line in main] == ["fashion 10,000, BetaVAE", "", ""]
    assert _verdicts(text) == []  # neither the recommended preset nor the default was run


def test_conditions_are_of_every_training_set():
    cells = [make_cell("ours: local", n_train=size) for size in (500, 10_000)]
    lines = _verdicts(table(_figures(cells)))[2:]
    assert [line[0] for line in lines] == ["fashion 500, BetaVAE", "fashion 10,000, BetaVAE"]


def test_a_users_own_samplers_are_in_the_main_table():
    own = make_cell("GMM-100")
    own["kind"], own["cell"]["sampler"] = "own", "mine:Sampler"
    main = _main(table(_figures([make_cell("N(0, I)"), make_cell("ours: local"), own])))[2:]
    assert [line[1] for line in main] == ["N(0, I)", "mine:Sampler", "ours: local"]


def test_tables_of_quick_runs_say_that_they_mean_nothing():
    cells = _cells()
    assert "mean nothing" not in table(_figures(cells)) + all_tables(_figures(cells))
    assert "quick" not in _figures(cells)
    cells[0]["config"]["quick"] = True
    figures = _figures(cells)
    assert table(figures).count(f"**{QUICK_NOTICE}**") == 2  # above the conditions and the main samplers
    assert all_tables(figures).count(f"**{QUICK_NOTICE}**") == 2  # above the conditions and the only group's table


def test_a_model_that_was_trained_elsewhere_has_no_steps_of_ours():
    cells = _cells()
    for cell in cells:
        del cell["config"]["n_epochs"]
        cell["config"]["latent_dim"] = 2
    text = table(_figures(cells))
    assert "10,000 data that samplers were fitted to, " in text
    assert "BetaVAE, d = 2, 13 to 14 units active, mean squared error" in text
    assert "2 seeds." in text
    assert "each with its own model" not in text


def test_failed_conditions_are_bold():
    cells = _cells()
    text = table(_figures(cells))
    assert _verdicts(text)[-1] == [
        *("fashion 10,000, BetaVAE", "pythae: MAF"),
        *("24.5 ± 0.7 ≤ 40.5 ± 0.7", "0.950 ± 0.000 ≥ 0.900 ± 0.000", "0.260 ± 0.000 ≥ 0.250"),
        *("22.5 ± 0.7 ≤ 100.5 ± 0.7", "–", "**0.950 ± 0.000 < 0.970**"),
    ]
    assert (
        "Of 5 conditions 4 hold and 1 fail (in bold); 1 could not be judged. The recommended preset, `local`," in text
    )


def test_caption_says_what_was_run():
    text = table(_figures([*_cells(), make_cell("pythae: IAF", seed=1, error="ValueError: no")]))
    for fact in (
        "Held-out data: test. Commit 0123abc, Python 3.11.7, riemann-sampler 0.1.0, torch 2.13.0",
        "Features fashion-conv64 (a classifier, 91.0% right on held-out data). FD also on EfficientNet-Lite0.",
        "10,000 training data, 5,000 held-out data, 10,000 samples each (5,000 for reconstructions).",
        "BetaVAE, d = 16, 13 to 14 units active, 30 epochs, mean squared error of held-out reconstructions 0.012",
        "Failed, and left out of means: pythae: IAF 1 time.",
    ):
        assert fact in text


def test_all_tables_hold_every_figure():
    cells = [make_cell(sampler, seed=seed, n_train=size) for sampler in SAMPLERS for seed in (0, 1) for size in (9, 99)]
    cells.append(make_cell("pythae: MAF", n_train=99, seed=2, error="ValueError: no\nway | out"))
    figures = _figures(cells)
    text = all_tables(figures)
    assert "- pythae: MAF failed on 1 of 3 seeds: ValueError: no way | out" in text
    lines = {}
    for part in text.split("\n## ")[1:]:
        heading, _, content = part.partition("\n")
        for line in _lines(content)[2:]:
            lines[heading, line[1]] = line[2:]
    assert len(lines) == 2 * len(SAMPLERS)
    for group in Summary.parse(figures).groups:
        chosen = columns(group)
        assert len(chosen) == len(COLUMNS) + 1  # the distance on the other feature map
        for row in group.rows:
            line = lines[f"fashion, {group.n_train} training data, BetaVAE", row.sampler]
            for cell, column in zip(line, chosen, strict=True):
                figure = row.figures.get(column.key)
                expected = shown(figure, decimals(column, group.rows), len(group.seeds))
                assert cell == expected
                assert figure is None or float(cell.replace("−", "-").split()[0]) == pytest.approx(figure.mean, rel=0.1)


@pytest.mark.parametrize(
    ("figure", "digits", "n_seeds", "text"),
    [
        (Spread(12.345, 0.449, 3), 1, 3, "12.3 ± 0.4"),
        (Spread(-2.5, 0.25, 3), 2, None, "−2.50 ± 0.25"),
        (Spread(0.5, None, 1), 3, 1, "0.500"),
        (Spread(0.5, 0.1, 2), 1, 3, "0.5 ± 0.1 (n = 2)"),
        (None, 3, 3, "–"),
    ],
)
def test_shown_by_hand(figure, digits, n_seeds, text):
    assert shown(figure, digits, n_seeds) == text


@pytest.mark.parametrize(
    ("largest", "digits"), [(283.0, 1), (83.1, 2), (3.99, 3), (0.0135, 5), (1e-9, 6), (12_345.0, 0)]
)
def test_distances_have_four_significant_digits(largest, digits):
    (group,) = summarise(
        [make_cell("GMM-10", frechet_distance=largest), make_cell("GMM-100", frechet_distance=0.0)]
    ).groups
    assert decimals(COLUMNS[0], group.rows) == digits
