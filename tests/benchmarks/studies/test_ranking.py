"""The rule by which variants are chosen, on figures that were made up."""

import json
from typing import Any

from benchmarks.reporting.spreads import Spread
from benchmarks.studies.compare.report.summary import Group, Row, Summary
from benchmarks.studies.presets.ranking import family, ranked, table

FIGURES = {
    "reconstructions": ("ceiling", 1.0, 1.0, 0.2),
    "GMM-10": ("baseline", 9.0, 0.5, 0.6),
    "local": ("ours", 3.0, 0.8, 0.5),
    "local, wide": ("ours", 2.0, 0.9, 0.4),
    "uniform": ("ours", 4.0, 0.7, 0.1),
    "uniform, few": ("ours", 5.0, 0.6, 0.3),
}
"""Kind, Fréchet distance, coverage and authenticity by variant."""


def group(model: str, **changed: tuple[str, float, float, float]) -> Group:
    rows = []
    for name, (kind, distance, coverage, authenticity) in {**FIGURES, **changed}.items():
        values = {"frechet_distance": distance, "coverage": coverage, "authenticity": authenticity}
        figures = {key: Spread(value, None, 1) for key, value in values.items()}
        rows.append(Row("digits", 100, model, name, kind, 1, 0, None, 50, figures))
    return Group("digits", 100, model, [0], "classifier", {"classifier": ("digits-conv64", 0.9)}, {}, rows)


def by_name(*groups: Group) -> dict[str, dict[str, Any]]:
    return {row["sampler"]: row for row in ranked(groups)}


def test_ranks_counted_by_hand() -> None:
    found = by_name(group("VAE"), group("VAMP", local=("ours", 1.5, 0.85, 0.5)))
    assert "reconstructions" not in found
    assert (found["local, wide"]["distance_rank"], found["local, wide"]["coverage_rank"]) == (1.5, 1.0)
    assert (found["local"]["distance_rank"], found["local"]["coverage_rank"]) == (1.5, 2.0)
    assert found["local"]["rank"] == 1.75
    assert found["GMM-10"]["rank"] == 5
    assert found["local"]["coverage"] == 0.825
    assert list(found) == sorted(found, key=lambda name: found[name]["rank"])


def test_copies_are_below_a_quarter_and_below_the_reconstructions() -> None:
    found = by_name(group("VAE"), group("VAMP"))
    assert found["uniform"]["copies"] == 2  # 0.1 is below both
    assert found["uniform, few"]["copies"] == 0
    below = {"reconstructions": ("ceiling", 1.0, 1.0, 0.5), "uniform, few": ("ours", 5.0, 0.6, 0.24)}
    assert by_name(group("VAE", **below))["uniform, few"]["copies"] == 1
    assert by_name(group("VAE", **{"uniform, few": below["uniform, few"]}))["uniform, few"]["copies"] == 0


def test_the_best_of_each_family_that_copies_nowhere_is_taken() -> None:
    found = by_name(group("VAE"), group("VAMP"))
    assert {name for name, row in found.items() if row.get("taken")} == {"local, wide", "uniform, few"}
    assert family("local, 10 neighbours, scale 1") == "local"


def test_variants_that_were_not_run_everywhere_are_left_out() -> None:
    small = group("VAE")
    small.rows.pop()
    assert "uniform, few" not in by_name(small, group("VAMP"))


def test_the_table_marks_what_is_taken() -> None:
    text = table(stored(group("VAE")))
    assert "5 variants on 1 models against validation data (seeds): digits VAE (1)." in text
    assert "**local, wide**" in text
    assert "**local**" not in text


def test_models_with_more_variants_are_ranked_once_more() -> None:
    small = group("VAE")
    small.rows.pop()
    text = table(stored(small, group("VAMP")))
    assert "4 variants on 2 models" in text
    assert "5 variants on 1 models against validation data (seeds): digits VAMP (1)." in text
    assert "5 variants" not in table(stored(small))


def stored(*groups: Group) -> dict[str, Any]:
    return json.loads(Summary({"commit": "abc"}, "validation", list(groups)).text())
