"""pythae's pipeline with our configuration, and with its own."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pythae.pipelines import GenerationPipeline as NativePipeline
from pythae.samplers import GaussianMixtureSamplerConfig, NormalSamplerConfig

from riemann_sampler import NotFittedError
from riemann_sampler.pythae import GenerationPipeline, RiemannianSampler, RiemannianSamplerConfig
from tests.helpers.pythae_samplers import FAST, names, native


class TestPipeline:
    def test_it_takes_our_configuration(self, trained: Any, tmp_path: Path) -> None:
        config = RiemannianSamplerConfig.from_preset("calibrated", seed=4)
        pipeline = GenerationPipeline(trained[0], config)
        samples = pipeline(num_samples=5, train_data=trained[1], output_dir=tmp_path, save_sampler_config=True)
        wanted = RiemannianSampler(trained[0], config).fit(trained[1]).sample(5)
        assert torch.equal(samples, wanted)
        assert names(tmp_path) == [*(f"{i:08d}.png" for i in range(5)), "sampler_config.json"]

    def test_a_second_call_needs_no_data(self, trained: Any) -> None:
        pipeline = GenerationPipeline(trained[0], FAST)
        pipeline(num_samples=1, train_data=trained[1])
        assert pipeline(num_samples=2).shape == (2, 1, 8, 8)

    def test_the_first_call_does(self, trained: Any) -> None:
        with pytest.raises(NotFittedError, match="pass train_data, to a pipeline in its call"):
            GenerationPipeline(trained[0], FAST)(num_samples=1)

    @pytest.mark.parametrize("make_config", [None, NormalSamplerConfig, GaussianMixtureSamplerConfig])
    def test_it_takes_native_configurations(self, make_config: Any, trained: Any) -> None:
        config = make_config and make_config()
        model = native(trained[0]).model
        images = trained[1] / trained[1].max()
        state = np.random.get_state()  # noqa: NPY002
        with torch.random.fork_rng():
            ours, theirs = (pipeline(model, config) for pipeline in (GenerationPipeline, NativePipeline))
            assert type(ours.sampler) is type(theirs.sampler)
            assert ours(num_samples=3, train_data=images).shape == (3, 1, 8, 8)
        np.random.set_state(state)  # noqa: NPY002

    @pytest.mark.usefixtures("without_type_checks")
    def test_a_configuration_of_nothing(self, trained: Any) -> None:
        from pythae.samplers import BaseSamplerConfig

        with pytest.raises(NotImplementedError, match="BaseSamplerConfig"):
            GenerationPipeline(trained[0], BaseSamplerConfig())

    def test_the_sampler_of_pythaes_own_pipeline_can_be_swapped(self, trained: Any, seeded: RiemannianSampler) -> None:
        pipeline = NativePipeline(native(trained[0]).model)
        pipeline.sampler = RiemannianSampler(trained[0], seeded.sampler_config)
        samples = pipeline(num_samples=4, train_data=trained[1])
        assert torch.equal(samples, seeded.sample(4))
