"""Folders of pythae models with nets of a user's own."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from riemann_sampler.adapters.pythae_folder import load_pythae
from riemann_sampler.errors import StorageError
from tests.helpers.models import make_noisy_pythae_vae, make_pythae
from tests.helpers.pythae_folders import assert_same, custom_nets, outputs, saved


class TestNetsOfOnesOwn:
    def test_they_are_passed(self, tmp_path: Path) -> None:
        model = make_noisy_pythae_vae(seed=0)
        wanted = outputs(model)
        folder = saved(model, tmp_path)
        nets = custom_nets(seed=1)
        loaded = load_pythae(folder, **nets)
        assert (loaded.encoder, loaded.decoder) == (nets["encoder"], nets["decoder"])
        assert_same(outputs(loaded), wanted)

    @pytest.mark.parametrize("passed", [[], ["encoder"], ["decoder"], ["encoder", "decoder"]])
    def test_the_others_are_unpickled_if_allowed(self, passed: list[str], tmp_path: Path) -> None:
        model = make_noisy_pythae_vae(seed=0)
        wanted = outputs(model)
        folder = saved(model, tmp_path)
        nets = {name: net for name, net in custom_nets(seed=1).items() if name in passed}
        loaded = load_pythae(folder, allow_pickle=True, **nets)
        assert {name: getattr(loaded, name) for name in passed} == nets
        assert not any(module.training for module in loaded.modules())
        assert_same(outputs(loaded), wanted)

    @pytest.mark.parametrize(
        ("passed", "message"),
        [
            ([], r"encoder\.pkl and decoder\.pkl, and .* execute code .* Pass encoder=\.\.\., decoder=\.\.\. with"),
            (["decoder"], r"in encoder\.pkl, and .* would execute code .* Pass encoder=\.\.\. with nets"),
            (["encoder"], r"in decoder\.pkl, and .* would execute code .* Pass decoder=\.\.\. with nets"),
        ],
        ids=["neither", "no encoder", "no decoder"],
    )
    def test_the_others_are_refused_if_not(self, passed: list[str], message: str, tmp_path: Path) -> None:
        folder = saved(make_noisy_pythae_vae(), tmp_path)
        nets = {name: net for name, net in custom_nets(seed=1).items() if name in passed}
        with pytest.raises(StorageError, match=rf"{message}.*allow_pickle=True, only if you trust the folder\.$"):
            load_pythae(folder, **nets)

    def test_they_may_replace_default_nets(self, tmp_path: Path) -> None:
        model = make_pythae("VAE", seed=0)
        loaded = load_pythae(saved(model, tmp_path), encoder=make_pythae("VAE", seed=1).encoder)
        assert_same(outputs(loaded), outputs(model))

    def test_of_another_architecture(self, tmp_path: Path) -> None:
        folder = saved(make_noisy_pythae_vae(dim=3), tmp_path)
        other = make_noisy_pythae_vae(dim=2)
        message = (
            r"(?s)model\.pt does not fit the model; pass the encoder and decoder.*encoder\.mean\.weight.*\[3, 16\]"
        )
        with pytest.raises(StorageError, match=message):
            load_pythae(folder, encoder=other.encoder, decoder=other.decoder)

    def test_missing_from_a_model_without_default_ones(self, tmp_path: Path) -> None:
        model = make_pythae("VAE")
        model.set_encoder(make_noisy_pythae_vae().encoder)  # pythae does not note that the encoder is another
        with pytest.raises(StorageError, match=r'(?s)does not fit.*Missing key.*"encoder\.layers.*"encoder\.trunk'):
            load_pythae(saved(model, tmp_path))

    def test_not_of_pythaes_kind(self, tmp_path: Path) -> None:
        folder = saved(make_pythae("VAE"), tmp_path)
        with pytest.raises(StorageError, match=r"VAE in .* cannot be built: Encoder must inherit from BaseEncoder"):
            load_pythae(folder, encoder=nn.Identity())

    @pytest.mark.parametrize("name", ["metric", "discriminator"])
    def test_a_further_net_is_unpickled_only_if_allowed(self, name: str, tmp_path: Path) -> None:
        model = with_further_net(name)
        folder = saved(model, tmp_path)
        message = rf"in {name}\.pkl, and loading them would execute code from the folder\. Pass allow_pickle=True, only"
        with pytest.raises(StorageError, match=message):
            load_pythae(folder)
        loaded = load_pythae(folder, allow_pickle=True)
        assert_same(loaded.state_dict(), model.state_dict())
        assert_same(outputs(loaded), outputs(model))


def with_further_net(name: str) -> Any:
    """A model with a metric or a discriminator of its own."""
    from pythae.models import RHVAE, VAEGAN, RHVAEConfig, VAEGANConfig
    from pythae.models.nn import BaseDiscriminator, BaseMetric

    model_class, make_config, base = {
        "metric": (RHVAE, RHVAEConfig, BaseMetric),
        "discriminator": (VAEGAN, VAEGANConfig, BaseDiscriminator),
    }[name]

    class Net(base):
        depth = 1

        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(2, 3)

    with torch.random.fork_rng():
        config = make_config(input_dim=(1, 8, 8), latent_dim=2)
        return model_class(config, **{name: Net()})
