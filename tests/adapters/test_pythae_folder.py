"""Folders of trained pythae models are opened bit-equal."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from benchmarks.harness.snapshots import random_states
from riemann_sampler.adapters.pythae_folder import load_pythae
from tests.helpers.models import make_pythae
from tests.helpers.pythae_folders import IMAGES, assert_same, outputs, saved

EVERY_MODEL = [
    "AE",
    "Adversarial_AE",
    "BetaTCVAE",
    "BetaVAE",
    "CIWAE",
    "DisentangledBetaVAE",
    "FactorVAE",
    "HVAE",
    "INFOVAE_MMD",
    "IWAE",
    "MIWAE",
    "MSSSIM_VAE",
    "PIWAE",
    "PoincareVAE",
    "RAE_GP",
    "RAE_L2",
    "RHVAE",
    "SVAE",
    "VAE",
    "VAEGAN",
    "VAE_IAF",
    "VAE_LinNF",
    "VAMP",
    "VQVAE",
    "WAE_MMD",
]


def test_no_model_of_pythae_is_left_out() -> None:
    from pythae import models

    classes = {name for name in models.__all__ if issubclass(getattr(models, name), nn.Module)}
    assert classes - {"AutoModel", "BaseAE"} == set(EVERY_MODEL)


@pytest.mark.parametrize("name", EVERY_MODEL)
def test_a_model_is_opened_bit_equal(name: str, tmp_path: Path) -> None:
    model = make_pythae(name, latent_dim=3)
    loaded = load_pythae(saved(model, tmp_path / "model"))
    assert type(loaded) is type(model)
    assert loaded.model_config == model.model_config
    assert not any(module.training for module in loaded.modules())
    assert_same(loaded.state_dict(), model.state_dict())
    assert_same(outputs(loaded), outputs(model))


def test_a_subclass_of_the_user_is_opened_as_the_model_it_extends(tmp_path: Path) -> None:
    from pythae.models import BetaVAE

    model = make_pythae("BetaVAE", base=type("MyVAE", (BetaVAE,), {}))
    loaded = load_pythae(saved(model, tmp_path))
    assert type(loaded) is BetaVAE
    assert_same(outputs(loaded), outputs(model))


def test_the_learnt_metric_of_an_rhvae_is_opened_too(tmp_path: Path) -> None:
    model = make_pythae("RHVAE", latent_dim=2)
    with torch.random.fork_rng():
        torch.manual_seed(3)
        model({"data": IMAGES})
        model.update()
    assert model.M_tens.shape == (7, 2, 2)
    loaded = load_pythae(saved(model, tmp_path))
    assert torch.equal(loaded.M_tens, model.M_tens)
    assert torch.equal(loaded.centroids_tens, model.centroids_tens)
    z = model.centroids_tens[:4] + 0.1
    assert torch.equal(loaded.G(z), model.G(z))
    assert torch.equal(loaded.G_inv(z), model.G_inv(z))


def test_the_final_model_of_a_training_pipeline(tmp_path: Path) -> None:
    from pythae.pipelines import TrainingPipeline
    from pythae.trainers import BaseTrainerConfig

    model = make_pythae("VAE", latent_dim=2)
    state = np.random.get_state()  # noqa: NPY002 (the trainer sets every seed)
    with torch.random.fork_rng():
        config = BaseTrainerConfig(output_dir=str(tmp_path), num_epochs=1, no_cuda=True)
        TrainingPipeline(model=model, training_config=config)(train_data=IMAGES, eval_data=None)
    np.random.set_state(state)  # noqa: NPY002
    (folder,) = tmp_path.glob("*/final_model")
    loaded = load_pythae(folder)
    assert_same(loaded.state_dict(), model.cpu().state_dict())
    assert not torch.equal(outputs(loaded)["embedding"], outputs(make_pythae("VAE", latent_dim=2))["embedding"])


@pytest.mark.usefixtures("without_type_checks")
def test_the_random_state_stays(tmp_path: Path) -> None:
    folder = saved(make_pythae("VAE_LinNF"), tmp_path)
    before = random_states()
    load_pythae(folder)
    assert random_states() == before
