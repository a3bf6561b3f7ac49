"""metric="pullback" as an argument, and on the way through shards, pythae's drop-in and the command line."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from riemann_sampler import GaussianPosterior, RiemannianUniformSampler
from riemann_sampler.adapters import AdapterRegistry, ModuleAdapter, PullbackAdapter, as_latent_model
from riemann_sampler.errors import ArgumentError
from riemann_sampler.sharding.tasks import encode_shards, read_codes
from tests.helpers.builders import TwoHalves, normal
from tests.helpers.command_line import Shell
from tests.helpers.models import make_plain_vae
from tests.helpers.pullback_cases import DIM, IMAGES, fit, make


@pytest.mark.usefixtures("without_type_checks")
@pytest.mark.parametrize("call", [lambda **given: as_latent_model(make("VAE"), **given), RiemannianUniformSampler])
def test_metrics_are_known(call: Callable[..., Any]) -> None:
    with pytest.raises(ArgumentError, match=r"^metric must be one of 'posterior', 'pullback'; got 'flat'\.$"):
        call(metric="flat")


def test_posteriors_have_their_own_covariances() -> None:
    given = GaussianPosterior(normal(20, DIM), normal(20, DIM))
    with pytest.raises(ArgumentError, match=r"metric='pullback' makes covariances .* but data is a GaussianPosterior"):
        RiemannianUniformSampler(metric="pullback").fit(given)


def test_adapters_are_wrapped_once() -> None:
    adapter = as_latent_model(make("AE"), metric="pullback")
    assert as_latent_model(adapter) is adapter
    assert as_latent_model(adapter, metric="pullback") is adapter
    other = as_latent_model(adapter, metric="pullback", noise_variance=0.1)
    assert isinstance(other, PullbackAdapter)
    assert other.model is adapter.model
    assert other.noise_variance == 0.1


def test_adapters_of_others_are_wrapped_as_they_are() -> None:
    class Foreign:
        pass

    known = AdapterRegistry({Foreign.__module__: lambda _: TwoHalves()})
    adapter = known(Foreign(), metric="pullback", noise_variance=1.0)
    assert isinstance(adapter, PullbackAdapter)
    assert isinstance(adapter.model, TwoHalves)


def test_it_goes_through_shards_with_a_noise_variance(tmp_path: Path) -> None:
    adapter = as_latent_model(make("AE"), metric="pullback", noise_variance=0.02)
    encode_shards(adapter, IMAGES, tmp_path, shard_size=25)
    torch.testing.assert_close(read_codes(tmp_path), adapter.encode(IMAGES))


def test_it_goes_through_pythaes_drop_in(tmp_path: Path) -> None:
    from riemann_sampler.pythae import RiemannianSampler, RiemannianSamplerConfig

    model = make("RAE_L2")
    config = RiemannianSamplerConfig(metric="pullback", law="islands", seed=1)
    sampler = RiemannianSampler(model, config).fit(IMAGES)
    sampler.save(tmp_path)
    samples = sampler.sample(3)
    assert samples is not None
    loaded = RiemannianSampler.load_from_folder(tmp_path, model).sample(3)
    assert loaded is not None
    assert torch.equal(samples, loaded)


def trained() -> Any:
    return make("AE")


def test_it_goes_through_the_command_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shell = Shell(tmp_path, monkeypatch, capsys)
    np.save("images.npy", IMAGES.numpy())
    model = ("--model", f"{__name__}:trained", "--device", "cpu")
    settings = [word for value in ("metric=pullback", "law=islands") for word in ("--set", value)]
    assert shell("fit", *model, "--data", "images.npy", "--out", "sampler", *settings)[0] == 0
    assert shell("sample", "--sampler", "sampler", *model, "-n", 3, "--seed", 1, "--out", "samples.npy")[0] == 0
    assert torch.equal(torch.from_numpy(np.load("samples.npy")), fit(trained()).sample(3, seed=1))


def test_a_module_adapter_knows_whether_it_needs_covariances() -> None:
    """The switch that the registry sets."""
    module = make_plain_vae(DIM)
    found = ModuleAdapter(module, needs_covariance=False).encode(IMAGES[:4])
    torch.testing.assert_close(found, ModuleAdapter(module).encode(IMAGES[:4]))
