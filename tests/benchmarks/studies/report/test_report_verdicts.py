"""What our samplers are held to: each condition passes and fails on its own."""

import math

import pytest

from benchmarks.studies.compare.report.averaging import summarise
from benchmarks.studies.compare.report.formats import condition_text
from benchmarks.studies.compare.report.selection import short
from benchmarks.studies.compare.report.verdicts import judge, tally
from tests.helpers.report_cells import make_cell

FIGURES = {
    "N(0, I)": (100.0, 0.5, 0.6),
    "GMM-10": (30.0, 0.9, 0.4),
    "pythae: MAF": (40.0, 0.99, 0.5),
    "pythae: GaussianMixture": (28.0, 0.9, 0.4),
    "ours: uniform": (21.0, 0.8, 0.01),
    "ours: local": (22.0, 0.95, 0.26),
    "ours: clusters": (25.0, 0.95, 0.30),
    "reconstructions": (20.0, 0.99, 0.27),
}
"""FD, coverage and authenticity: here every condition holds."""


def _judge(*, without=(), failed=(), seeds=(0,), spread=None, **changes):
    names = {short(name): name for name in FIGURES}
    figures = FIGURES | {names[name]: values for name, values in changes.items()}
    cells = []
    for sampler, (distance, coverage, authenticity) in figures.items():
        for seed in seeds:
            move = 0.0 if spread is None else spread.get(sampler, 0.0) * (seed - 1)
            scores = {"frechet_distance": distance + move, "coverage": coverage, "authenticity": authenticity}
            if sampler not in without:
                error = "ValueError: no" if sampler in failed else None
                cells.append(make_cell(sampler, seed=seed, error=error, **scores))
    (group,) = summarise(cells).groups
    return judge(group)


def _held(verdict):
    return [[condition.holds for condition in part] for part in (verdict.recommended, verdict.default, verdict.gap)]


def test_all_hold():
    verdict = _judge()
    assert (verdict.preset.sampler, verdict.native.sampler) == ("ours: local", "pythae: GaussianMixture")
    assert _held(verdict) == [[True] * 3, [True] * 2, [True]]
    assert [condition.against for condition in verdict.conditions] == [
        "pythae: GaussianMixture",
        "pythae: GaussianMixture",
        "0.25",
        "N(0, I)",
        "GMM-10",
        "0.97",
    ]
    assert tally([verdict, verdict]) == (12, 0, 0)


@pytest.mark.parametrize(
    ("changes", "place", "shortfall"),
    [
        ({"local": (28.5, 0.95, 0.26), "uniform": (28.25, 0.8, 0.01), "clusters": (40.0, 0.95, 0.3)}, (0, 0), 0.5),
        ({"local": (22.0, 0.85, 0.26), "clusters": (29.0, 0.85, 0.3)}, (0, 1), 0.05),
        ({"local": (22.0, 0.95, 0.20), "clusters": (29.0, 0.95, 0.2)}, (0, 2), 0.05),
        ({"uniform": (101.0, 0.8, 0.01)}, (1, 0), 1.0),
        ({"uniform": (30.5, 0.8, 0.01)}, (1, 1), 0.5),
        ({"local": (23.2, 0.95, 0.26)}, (2, 0), 0.01),
    ],
)
def test_each_fails_with_its_shortfall(changes, place, shortfall):
    verdict = _judge(**changes)
    assert verdict.preset.sampler == "ours: local"
    part, index = place
    condition = (verdict.recommended, verdict.default, verdict.gap)[part][index]
    assert condition.holds is False
    assert condition.shortfall == pytest.approx(shortfall)
    # An FD above all others' takes what rests on it along; otherwise it fails alone.
    others = [each.holds for each in verdict.conditions if each is not condition]
    assert others.count(False) == {(0, 0): 1, (1, 0): 1}.get(place, 0)


def test_equal_figures_hold():
    verdict = _judge(local=(28.0, 0.9, 0.25), clusters=(50.0, 0.0, 0.0), uniform=(30.0, 0.0, 0.0))
    assert _held(verdict)[:2] == [[True] * 3, [True] * 2]
    assert [condition.shortfall for condition in verdict.recommended] == [0, 0, 0]


def test_authenticity_need_not_exceed_the_ceilings():
    verdict = _judge(reconstructions=(20.0, 0.99, 0.2), local=(22.0, 0.95, 0.21))
    condition = verdict.recommended[2]
    assert condition.holds
    assert (condition.other.mean, condition.against) == (0.2, "reconstructions")
    assert _judge(without=["reconstructions"]).recommended[2].other.mean == 0.25


def test_the_recommended_preset_is_judged_whatever_the_others_reach():
    for verdict in (
        _judge(clusters=(20.1, 0.99, 0.9)),
        _judge(clusters=(20.1, 0.99, 0.9), local=(90.0, 0.1, 0.0)),
        _judge(failed=["ours: local"]),
    ):
        assert verdict.preset.sampler == "ours: local"
        assert [condition.ours for condition in verdict.recommended] == [
            verdict.preset.figures.get(key) for key in ("frechet_distance", "coverage", "authenticity")
        ]
    without = _judge(without=["ours: local"])
    assert (without.preset, without.recommended, without.gap) == (None, (), ())
    assert len(without.default) == 2


def test_best_native_is_that_of_lowest_distance_among_those_that_ran():
    assert _judge(failed=["pythae: GaussianMixture"]).native.sampler == "pythae: MAF"


def test_missing_natives_leave_two_conditions_open():
    for verdict in (
        _judge(without=["pythae: MAF", "pythae: GaussianMixture"]),
        _judge(failed=["pythae: MAF", "pythae: GaussianMixture"]),
    ):
        assert verdict.native is None
        assert _held(verdict) == [[None, None, True], [True, True], [True]]
        assert tally([verdict]) == (4, 0, 2)


def test_what_was_not_run_is_not_judged_but_what_failed_fails():
    ours = ["ours: uniform", "ours: local", "ours: clusters"]
    absent = _judge(without=ours)
    assert (absent.preset, absent.conditions) == (None, ())
    failed = _judge(failed=ours)
    assert _held(failed) == [[False] * 3, [False] * 2, [False]]
    assert condition_text(failed.recommended[0], failed.group) == "no samples, not ≤ 28.0"
    assert _held(_judge(without=["N(0, I)", "GMM-10"])) == [[True] * 3, [None] * 2, [None]]


def test_differences_within_the_spread_are_remarked():
    # Standard deviations of 3 and 4 over seeds: the root of the sum of their squares is 5.
    spread = {"ours: uniform": 3.0, "GMM-10": 4.0}
    near = _judge(seeds=(0, 1, 2), spread=spread, uniform=(34.9, 0.8, 0.01)).default[1]
    assert (near.ours.sd, near.other.sd) == (pytest.approx(3.0), pytest.approx(4.0))
    assert (near.holds, near.within_spread) == (False, True)
    far = _judge(seeds=(0, 1, 2), spread=spread, uniform=(35.1, 0.8, 0.01)).default[1]
    assert (far.holds, far.within_spread) == (False, False)
    good = _judge(seeds=(0, 1, 2), spread=spread, uniform=(25.1, 0.8, 0.01)).default[1]
    assert (good.holds, good.within_spread) == (True, True)
    assert not _judge(uniform=(30.0, 0.8, 0.01)).default[1].within_spread  # one seed has no spread


def test_text_has_digits_enough_to_tell_figures_apart():
    verdict = _judge(uniform=(30.00004, 0.8, 0.01))
    assert condition_text(verdict.default[1], verdict.group) == "30.00004 > 30.00000"
    assert condition_text(_judge().default[1], verdict.group) == "21.0 ≤ 30.0"
    assert math.isclose(verdict.default[1].shortfall, 4e-5, rel_tol=1e-6)
