"""The VAEs of the benchmarks: trained by seed, kept in files, put back as they were."""

from pathlib import Path

import pytest
import torch

from benchmarks.data.datasets import digits, load
from benchmarks.models import recipes as models
from benchmarks.models.recipes import RECIPES, cached, make, train
from riemann_sampler.adapters import as_latent_model
from riemann_sampler.encoding import summarize

DIGITS = digits(n_train=400).train


def weights(model: torch.nn.Module) -> torch.Tensor:
    return torch.nn.utils.parameters_to_vector(model.parameters())


def test_training_depends_on_nothing_but_its_seed() -> None:
    n_threads = torch.get_num_threads()
    found = [train("VAE", DIGITS, 3, n_steps=5, seed=seed) for seed in (0, 0, 1)]
    assert torch.get_num_threads() == n_threads
    assert torch.equal(weights(found[0]), weights(found[1]))
    assert not torch.equal(weights(found[0]), weights(found[2]))
    assert not any(model.training for model in found)


@pytest.mark.slow
def test_training_fits() -> None:
    model = as_latent_model(train("BetaVAE", DIGITS, 16, n_steps=400, beta=0.05))
    posterior = model.encode(DIGITS)
    error = (model.decode(posterior.mean) - DIGITS).square().mean()
    assert error < 0.6 * DIGITS.var(0).mean()
    assert summarize(posterior).active.all()


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 9, 14), (12,)])
def test_nets_take_every_shape(shape: tuple[int, ...]) -> None:
    model = as_latent_model(make("VAE", shape, 5))
    x = torch.rand(4, *shape, generator=torch.Generator().manual_seed(0))
    posterior = model.encode(x)
    assert posterior.mean.shape == posterior.log_variance.shape == (4, 5)
    assert model.decode(posterior.mean).shape == x.shape


def test_tables_have_a_gaussian_likelihood_and_images_a_bernoulli_one() -> None:
    assert make("VAE", (12,), 2).model_config.reconstruction_loss == "mse"
    assert make("VAE", (1, 8, 8), 2).model_config.reconstruction_loss == "bce"


def test_a_table_is_learnt() -> None:
    cells = load("cells").train
    model = as_latent_model(train("BetaVAE", cells, 8, n_steps=60))
    error = (model.decode(model.encode(cells).mean) - cells).square().mean()
    assert error < 0.9 * cells.var(0).mean()


def test_what_the_loss_adds_warms_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """The weight that torch.lerp gets at each step: 0 at first, 1 from the middle on."""
    found = []
    lerp = torch.lerp
    monkeypatch.setattr(torch, "lerp", lambda a, b, weight: found.append(weight) or lerp(a, b, weight))
    train("VAE", DIGITS, 2, n_steps=8)
    assert found == [0, 0.25, 0.5, 0.75, 1, 1, 1, 1]
    found.clear()
    train("IWAE", DIGITS, 2, n_steps=3)
    assert not found


def test_every_row_is_seen_before_one_is_seen_again() -> None:
    with torch.random.fork_rng(devices=[]):
        batches = list(models._batches(300, 7))
    assert [len(rows) for rows in batches] == [128, 128, 44, 128, 128, 44, 128]
    for first in (0, 3):
        assert sorted(torch.cat(batches[first : first + 3]).tolist()) == list(range(300))


@pytest.mark.parametrize("name", RECIPES)
def test_kept_models_come_back_as_they_were(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    arguments = {"label": "digits", "n_steps": 4, "seed": 2}
    model, file = cached(tmp_path, name, DIGITS, 3, **arguments)
    assert [path.name for path in tmp_path.iterdir()] == [file]
    assert file.startswith(f"digits-{name}-seed2-")
    monkeypatch.setattr(models, "train", None)  # it is not trained again
    again, same_file = cached(tmp_path, name, DIGITS, 3, **arguments)
    assert same_file == file
    for found, expected in zip(
        as_latent_model(again).encode(DIGITS), as_latent_model(model).encode(DIGITS), strict=True
    ):
        assert torch.equal(found, expected)
    z = torch.randn(5, 3, generator=torch.Generator().manual_seed(0))
    assert torch.equal(as_latent_model(again).decode(z), as_latent_model(model).decode(z))
    if name == "RHVAE":
        assert len(model.M_tens) == len(DIGITS)  # the metric of one pass over the data
        assert torch.equal(again.G(z), model.G(z))


def test_files_of_other_trainings_have_other_names(tmp_path: Path) -> None:
    same = {"label": "digits", "n_steps": 1, "seed": 0}
    files = [
        cached(tmp_path, "VAE", DIGITS, 3, **same)[1],
        cached(tmp_path, "VAE", DIGITS, 2, **same)[1],
        cached(tmp_path, "VAE", DIGITS[:200], 3, **same)[1],
        cached(tmp_path, "VAE", DIGITS, 3, **{**same, "n_steps": 2})[1],
        cached(tmp_path, "VAE", DIGITS, 3, **{**same, "seed": 1})[1],
        cached(tmp_path, "BetaVAE", DIGITS, 3, **same)[1],
    ]
    assert len(set(files)) == len(files)
