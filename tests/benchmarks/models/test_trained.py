"""What studies of a latent space begin with."""

import argparse
from pathlib import Path

import pytest
import torch

from benchmarks.models.trained import Trained, add_options, fitted_metric, trained_models
from riemann_sampler import RiemannianUniformSampler
from riemann_sampler.geometry import widen
from tests.helpers.builders import posterior


def test_the_fitted_metric_is_a_samplers_but_for_the_temperature() -> None:
    codes = posterior(60, 3)
    sampler = RiemannianUniformSampler(n_centroids=20, n_steps=1, n_warmup=1).fit(codes, seed=4)
    ours, theirs = (widen(metric) for metric in (fitted_metric(codes, seed=4, n_centroids=20), sampler.metric_))
    assert len(ours.centroids) == 20
    assert torch.equal(ours.centroids, theirs.centroids)
    assert torch.equal(ours.precisions, theirs.precisions)
    for name in ("temperature", "regularization", "decay", "volume_exponent"):
        assert getattr(ours, name) == getattr(theirs, name)


def options(*arguments: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_options(parser, {"dims": [3], "seeds": 1})
    return parser.parse_args(arguments)


def test_quick_sets_what_comes_before_it() -> None:
    assert (options().dims, options().seeds, options().quick) == ([2, 16], 3, False)
    assert (options("--seeds", "9", "--quick").seeds, options("--quick").dims, options("--quick").quick) == (
        1,
        [3],
        True,
    )
    assert options("--quick", "--seeds", "9").seeds == 9


def test_models_are_those_of_the_options(tmp_path: Path) -> None:
    wanted = options("--data", "digits", "--dims", "2", "3", "--seeds", "1", "--steps", "2", "--cache", str(tmp_path))
    found = list(trained_models(wanted, "test", heldout="validation"))
    assert [place for place, _ in found] == [{"data": "digits", "dim": dim, "seed": 0} for dim in (2, 3)]
    for dim, (_, model) in zip((2, 3), found, strict=True):
        assert isinstance(model, Trained)
        assert model.posterior.mean.shape == (973, dim)
        assert model.heldout.mean.shape == (len(model.split.heldout), dim) == (324, dim)
        assert model.posterior.mean.dtype == torch.float64
        expected = model.latent.encode(model.split.heldout[:5]).mean
        torch.testing.assert_close(model.heldout.mean[:5].float(), expected)


@pytest.mark.parametrize("part", ["test", "validation"])
def test_the_held_out_part_is_the_one_asked_for(tmp_path: Path, part: str) -> None:
    wanted = options("--data", "digits", "--dims", "2", "--seeds", "1", "--steps", "1", "--cache", str(tmp_path))
    (found,) = trained_models(wanted, "test", heldout=part)
    assert len(found[1].split.heldout) == {"test": 500, "validation": 324}[part]
