"""The summary: figures that apply, what is good of them and what is not, and a verdict in plain words."""

import math
from dataclasses import replace

import pytest

from riemann_sampler import Diagnostics, RiemannianUniformSampler
from riemann_sampler.laws.summary import write_summary
from tests.helpers.builders import fitted

ISLANDS = Diagnostics(
    n_codes=60_000,
    n_centroids=59_000,
    temperature=4.0,
    island_scale=1.0,
    relative_ess=math.nan,
    floor_share=0.0,
    n_samples=1000,
    mean_overlap=2.5,
    centroids_reached=0.016,
    centroid_perplexity=0.97,
    nearest_distance=(1.0, 2.0, 3.0),
    near_copies=0.04,
    near_copies_of_codes=0.03,
)
CHAINS = replace(
    ISLANDS,
    relative_ess=0.8,
    floor_share=1e-3,
    step_size=0.3,
    n_steps=40,
    acceptance=0.8,
    global_acceptance=0.7,
    log_volume_r_hat=1.004,
    log_volume_ess=9_000.0,
)
FIT = Diagnostics(10, 9, 1.0, 1.0, 0.8, 1e-3, 0.3, 12)


def lines_of(found: Diagnostics) -> list[str]:
    return write_summary(["preset 'uniform'"], {None: found}).splitlines()


def figures_of(found: Diagnostics) -> dict[str, str]:
    lines = lines_of(found)
    width = next(line.index("60,000") for line in lines if "60,000" in line)
    return {line[:width].strip(): line[width:].strip() for line in lines[2:] if line[:5].strip() and line[width:]}


def test_it_begins_with_the_heading() -> None:
    assert lines_of(CHAINS)[:2] == ["preset 'uniform'", ""]


def test_rows_that_do_not_apply_are_not_shown() -> None:
    islands, chains = "\n".join(lines_of(ISLANDS)), "\n".join(lines_of(CHAINS))
    for name in ("temperature", "relative ESS", "floor share", "steps", "R-hat", "acceptance", "divergences"):
        assert name not in islands
        assert name in chains
    assert "nan" not in islands + chains + "\n".join(lines_of(FIT))
    assert not any("samples" in line and "1,000" in line for line in lines_of(FIT))


@pytest.mark.parametrize(
    ("change", "row", "wanted"),
    [
        ({"relative_ess": 0.3}, "relative ESS", "at least 0.5"),
        ({"floor_share": 0.2}, "floor share", "at most 0.05"),
        ({"log_volume_r_hat": 1.02}, "R-hat", r"at most 1.013"),
        ({"log_volume_ess": 500.0}, "ESS of the log density", "at least the samples"),
        ({"acceptance": 0.3}, "acceptance", "0.6 to 0.98"),
        ({"acceptance": 0.999}, "acceptance", "0.6 to 0.98"),
        ({"global_acceptance": 0.01}, "global acceptance", "at least 0.05"),
        ({"n_divergent": 100}, "divergences", "at most 1 % of the samples"),
        ({"near_copies": 0.5}, "near copies", "about as many as among the codes"),
    ],
)
def test_each_figure_is_judged(change: dict[str, float], row: str, wanted: str) -> None:
    def judged(found: Diagnostics) -> str:
        (line,) = [line for line in lines_of(found) if line.startswith(f"{row}  ")]
        return line

    assert judged(CHAINS).endswith(f"good ({wanted})")
    assert judged(replace(CHAINS, **change)).endswith(f"LOOK ({wanted})")


def test_independent_draws_are_exact() -> None:
    assert "Samples are independent, exact draws from their law." in lines_of(ISLANDS)


def test_chains_that_have_converged_reach_their_law() -> None:
    assert "Samples reach their law." in lines_of(CHAINS)


def test_chains_that_have_not_are_told_with_the_way_out() -> None:
    (line,) = [line for line in lines_of(replace(CHAINS, log_volume_r_hat=1.3)) if "may not" in line]
    assert line == (
        "Samples may not have reached their law: R-hat is 1.3 (at most 1.013 is wanted). "
        "Lower the temperature, or raise n_steps."
    )


def test_the_limit_of_r_hat_allows_for_its_error_among_few_chains() -> None:
    """Two standard errors: of n chains of four steps each half is one state, and R-hat scatters by about 1/(2√n)."""
    few = replace(CHAINS, n_samples=100, n_steps=4, log_volume_r_hat=1.1, log_volume_ess=100.0)
    assert "Samples reach their law." in lines_of(few)
    assert "Samples reach their law." not in lines_of(replace(few, log_volume_r_hat=1.12))


def test_few_samples_are_not_judged() -> None:
    assert any("Too few samples" in line for line in lines_of(replace(CHAINS, n_samples=20)))


def test_few_steps_are_not_judged() -> None:
    few = replace(CHAINS, n_steps=3, log_volume_r_hat=math.nan, log_volume_ess=math.nan)
    assert "Samples reach their law." not in lines_of(few)
    assert any("3 steps are too few to judge" in line for line in lines_of(few))


def test_before_a_draw_there_is_no_verdict_on_samples() -> None:
    assert lines_of(FIT)[-1].startswith("Nothing is drawn yet")


def test_near_copies_are_told_with_what_is_usual() -> None:
    assert lines_of(ISLANDS)[-1] == (
        "4 % of draws are near copies of training data; of the training data 3 % are of one another."
    )
    many = lines_of(replace(ISLANDS, near_copies=0.16))
    assert many[-2].startswith("16 % of draws are near copies")
    assert many[-1].startswith("For more novelty take the preset 'local'")


def test_labels_stand_side_by_side_and_are_named_where_they_differ() -> None:
    parts = {"a": CHAINS, "b": replace(CHAINS, log_volume_r_hat=1.3), "c": CHAINS}
    lines = write_summary(["preset 'uniform'"], parts).splitlines()
    (row,) = [line for line in lines if line.startswith("R-hat ")]
    assert row.split()[1:] == ["1.004", "1.3", "!", "1.004"]
    assert "! R-hat: at most 1.013 is wanted" in lines
    assert "'a', 'c': Samples reach their law." in lines
    assert any(line.startswith("'b': Samples may not have reached") for line in lines)


def test_many_labels_have_a_line_each() -> None:
    lines = write_summary(["heading"], dict.fromkeys(range(40), ISLANDS)).splitlines()
    assert [line.split()[0] for line in lines[2:43]] == ["label", *map(str, range(40))]
    assert lines[-1] == "Samples are independent, exact draws from their law."


@pytest.mark.parametrize(
    ("setup", "heading"),
    [
        ("uniform", "preset 'uniform' with n_centroids=30, n_steps=6, n_warmup=10"),
        ("calibrated", "preset 'calibrated'"),
        ("clusters", "preset 'clusters'"),
    ],
)
def test_a_sampler_names_its_preset_and_counts_near_copies(setup: str, heading: str) -> None:
    sampler = fitted(setup)
    assert sampler.summary().splitlines()[0] == heading
    sampler.sample_latents(150, seed=0)
    assert math.isnan(sampler.diagnostics_.near_copies)  # only a summary asks for them
    text = sampler.summary()
    assert "law 'volume'" in text or "law 'islands'" in text
    assert f"{100 * sampler.diagnostics_.near_copies:.3g} % of draws are near copies" in text
    assert sampler.summary() == text


def test_a_summary_needs_a_fit() -> None:
    with pytest.raises(Exception, match="not fitted"):
        RiemannianUniformSampler().summary()


def test_laws_show_what_they_are() -> None:
    chains, islands = (next(iter(fitted(setup)._fitted.laws.values())) for setup in ("uniform, full", "calibrated"))
    assert repr(chains).startswith("VolumeLaw(FullMetric(30 centroids in 2 dimensions, temperature=1, ")
    assert repr(chains).endswith("volume_exponent=1), 6 steps)")
    assert repr(islands).startswith("IslandLaw(60 islands in 2 dimensions, scale ")
