"""The study of calibrated novelty, where the answer is known."""

import json
import math
from pathlib import Path

import pytest
import torch

from benchmarks.studies.novelty import main, matching_scale, ratios, table
from riemann_sampler import GaussianPosterior, RiemannianUniformSampler
from riemann_sampler.metric.centroids import merge_duplicates
from tests.helpers.builders import normal


def test_isolated_islands_need_the_scale_of_their_distance() -> None:
    """Far apart, samples lie s√χ² from their code: with a median of χ² in 8 dimensions of 7.344."""
    posterior = GaussianPosterior(1e3 * normal(200, 8), torch.zeros(200, 8, dtype=torch.float64))
    codes = merge_duplicates(posterior)
    assert matching_scale(codes.quadratics, codes, 2.5 * math.sqrt(7.344), 0.5) == pytest.approx(2.5, rel=0.02)
    assert matching_scale(codes.quadratics, codes, 2.5 * math.sqrt(5.071), 0.25) == pytest.approx(2.5, rel=0.03)


@pytest.mark.slow
def test_codes_of_one_law_are_as_far_from_one_another_as_from_fresh_ones() -> None:
    posterior = GaussianPosterior(normal(700, 6, seed=1), torch.full((700, 6), -4.0, dtype=torch.float64))
    rows = ratios(posterior, normal(500, 6, seed=2))
    assert len(rows) == 12
    for row in rows:
        assert row["ratio"] == pytest.approx(1, abs=0.15), row
        assert row["ratio"] == pytest.approx(row["scale"] / row["heldout_scale"])
    farther = ratios(posterior, 2 * normal(100, 6, seed=2))
    assert all(row["ratio"] < 0.8 for row in farther if row["quantile"] == 0.5)


@pytest.mark.slow
def test_the_rule_is_that_of_the_package() -> None:
    posterior = GaussianPosterior(normal(400, 6, seed=1), torch.full((400, 6), -4.0, dtype=torch.float64))
    sampler = RiemannianUniformSampler.from_preset("calibrated").fit(posterior)
    (row,) = (
        row
        for row in ratios(posterior, normal(100, 6, seed=2))
        if (row["islands"], row["distance"], row["quantile"]) == ("posterior", "Mahalanobis", 0.5)
    )
    assert row["scale"] == pytest.approx(sampler.diagnostics_.island_scale, rel=0.05)


def test_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--n-train", "200", "--models", "BetaVAE", "--seeds", "1", "--steps", "60", "--latent-dim", "4"]
    main([*arguments, "--cache", str(tmp_path / "models"), "--output", str(tmp_path)])
    figures = json.loads((tmp_path / "novelty.json").read_text())
    assert len(figures["rows"]) == 12
    text = table(figures)
    assert text in capsys.readouterr().out
    assert "| digits 200 | BetaVAE |" in text
