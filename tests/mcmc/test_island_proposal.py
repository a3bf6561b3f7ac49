"""IslandProposal weights from one evaluation of the terms, against the two densities one after the other."""

import pytest
import torch

from riemann_sampler.mcmc.island_proposal import IslandProposal
from riemann_sampler.metric.islands import IslandMixture
from tests.helpers import reference
from tests.helpers.builders import METRICS, normal


@pytest.mark.parametrize("exponent", [0.4, 1.0, 2.0])
@pytest.mark.parametrize("structure", METRICS)
def test_weights_are_those_of_the_two_densities(structure, exponent) -> None:
    metric = METRICS[structure](k=5, dim=3, volume_exponent=exponent)
    z = torch.cat([2 * normal(20, 3, seed=3), 12 * normal(5, 3, seed=4)])  # among the islands, and on the floor
    expected = exponent * reference.log_volume(metric, z) - reference.island_mixture(metric).log_prob(z)
    torch.testing.assert_close(IslandProposal(metric).log_weight(z), expected, rtol=1e-10, atol=1e-10)


def test_draws_are_those_of_the_mixture() -> None:
    metric = METRICS["diagonal"]()
    draws = IslandProposal(metric).sample(50, torch.Generator().manual_seed(3))
    assert torch.equal(draws, IslandMixture.of(metric).sample(50, torch.Generator().manual_seed(3)))
