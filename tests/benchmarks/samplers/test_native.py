"""pythae's own samplers, kept apart from everything around them."""

import itertools
import tempfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from pythae import samplers, trainers
from pythae.samplers import RHVAESamplerConfig
from pythae.trainers.base_trainer import base_trainer

from benchmarks.harness.snapshots import traces
from benchmarks.samplers import native
from benchmarks.samplers.interface import Task
from benchmarks.samplers.native import Native, TooSlowError
from tests.helpers.tasks import FAR, LOG_VARIANCE, NEAR, assert_random_order, latents, make_rhvae, make_task, make_vamp

TRAINED = ("MAF", "IAF", "TwoStageVAE")


@pytest.fixture(scope="module")
def task() -> Task:
    return make_task()


@pytest.fixture
def quick_rhvae(monkeypatch: pytest.MonkeyPatch) -> None:
    class Quick(samplers.RHVAESampler):
        def __init__(self, model: Any) -> None:
            super().__init__(model, RHVAESamplerConfig(mcmc_steps_nbr=2))

    monkeypatch.setattr(samplers, "RHVAESampler", Quick)


@pytest.mark.usefixtures("quick_rhvae", "without_type_checks")
@pytest.mark.parametrize("name", [*TRAINED, "RHVAE"])
def test_keeps_the_interface(name: str, task: Task) -> None:
    """The shortest forms of those that are slow as they come."""
    task = make_task(make_rhvae(task.train)) if name == "RHVAE" else task
    before = traces(task.model)
    sampler = Native(f"{name}Sampler", n_epochs=1).fit(task, 3)
    generated = sampler.sample(50, 1)
    assert generated.shape == (50, 2)
    assert not generated.requires_grad
    assert torch.equal(generated, Native(f"{name}Sampler", n_epochs=1).fit(task, 3).sample(50, 1))
    assert not torch.equal(generated.sort(0).values, sampler.sample(50, 2).sort(0).values)
    assert traces(task.model) == before


@pytest.mark.parametrize("name", TRAINED)
def test_trains_as_pythae_does_but_from_our_seed(name: str, task: Task, monkeypatch: pytest.MonkeyPatch) -> None:
    seeds, epochs = [], []
    monkeypatch.setattr(base_trainer, "set_seed", seeds.append)
    monkeypatch.setattr(trainers.BaseTrainer, "train_step", lambda _, epoch: epochs.append(epoch) or 1.0)
    Native(f"{name}Sampler").fit(task, 5)
    assert seeds == [5]
    assert epochs == list(range(1, trainers.BaseTrainerConfig.num_epochs + 1))


@pytest.mark.slow
@pytest.mark.parametrize(("name", "n_epochs"), [("MAF", 40), ("IAF", 40), ("TwoStageVAE", 10)])
def test_what_is_trained_learns_where_the_codes_are(name: str, n_epochs: int) -> None:
    """N(0, I) has mean 0, variance 1 and no correlation; the codes have −1.3, 14 and 0.99."""
    generated = Native(f"{name}Sampler", n_epochs=n_epochs).fit(make_task(n=1_500), 0).sample(4_000, 0)
    z = latents(generated)
    assert (z.mean(0) + 1.33).abs().max() < 0.7
    assert z.var(0).min() > 6
    assert z.T.corrcoef()[0, 1] > 0.8


@pytest.mark.parametrize("name", ["GaussianMixture", *TRAINED])
def test_leaves_no_file_and_says_nothing(
    name: str, task: Task, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    Native(f"{name}Sampler", n_epochs=1).fit(task, 0).sample(2, 0)
    assert not list(tmp_path.iterdir())
    assert capfd.readouterr() == ("", "")


@pytest.mark.usefixtures("quick_rhvae")
def test_what_happens_to_the_model_later_changes_nothing(task: Task) -> None:
    model = make_rhvae(task.train)
    sampler = Native("RHVAESampler").fit(make_task(model), 0)
    before = sampler.sample(30, 0)
    with torch.no_grad():
        for tensor in (*model.parameters(), model.centroids_tens, model.M_tens):
            tensor.mul_(1.5)
    assert torch.equal(sampler.sample(30, 0), before)


def test_normal_prior(task: Task) -> None:
    z = latents(Native("NormalSampler").fit(task, 0).sample(20_000, 0))
    torch.testing.assert_close(z.mean(0), torch.zeros(2), atol=0.04, rtol=0)
    torch.testing.assert_close(z.T.cov(), torch.eye(2), atol=0.06, rtol=0)


def test_mixture_is_fitted_to_draws_from_the_posteriors(task: Task) -> None:
    z = latents(Native("GaussianMixtureSampler").fit(task, 0).sample(20_000, 0))
    is_far, was_far = z[:, 0] > 0, torch.from_numpy(task.labels == 1)
    assert is_far.double().mean().item() == pytest.approx(1 / 3, abs=0.02)
    noise = torch.tensor(LOG_VARIANCE).exp() * torch.eye(2)
    for drawn, codes in ((z[is_far], task.posterior.mean[was_far]), (z[~is_far], task.posterior.mean[~was_far])):
        torch.testing.assert_close(drawn.mean(0), codes.mean(0), atol=0.04, rtol=0)
        torch.testing.assert_close(drawn.T.cov(), codes.T.cov() + noise, atol=0.03, rtol=0)


def test_vamp_draws_around_every_pseudo_input_equally_often() -> None:
    """pythae takes no more than the first of them into a batch, 500 if not told otherwise."""
    sampler = Native("VAMPSampler").fit(make_task(make_vamp(n_near=500, n_far=100)), 0)
    z = latents(sampler.sample(1_200, 0))
    is_far = z[:, 0] > 0
    assert is_far.sum() == 200
    assert_random_order(is_far)
    width = torch.tensor(LOG_VARIANCE).tanh().exp()  # pythae bounds the log-variance of the prior
    for part, centre in ((z[is_far], FAR), (z[~is_far], NEAR)):
        torch.testing.assert_close(part.mean(0), torch.full((2,), centre), atol=0.15, rtol=0)
        torch.testing.assert_close(part.T.cov(), width * torch.eye(2), atol=0.1, rtol=0)
    assert 0 < sum((latents(sampler.sample(1, seed)) > 0).any().item() for seed in range(30)) < 15


@pytest.fixture
def batches(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """Chains and transitions of every call of RHVAESampler's kernel, which then does nothing."""
    calls = []

    def kernel(sampler: samplers.RHVAESampler, n: int) -> torch.Tensor:
        calls.append((n, sampler.mcmc_steps_nbr))
        return torch.zeros(n, 2)

    monkeypatch.setattr(samplers.RHVAESampler, "hmc_sampling", kernel)
    return calls


@pytest.mark.parametrize(("n_centroids", "sizes"), [(20, [7]), (600_000, [2, 2, 2, 1]), (6_000_000, [1] * 7)])
def test_tensors_of_rhvae_stay_small(
    n_centroids: int, sizes: list[int], task: Task, batches: list[tuple[int, int]]
) -> None:
    model = make_rhvae(task.train)
    model.M_tens = torch.eye(2).expand(n_centroids, 2, 2)
    Native("RHVAESampler").fit(make_task(model), 0).sample(7, 0)
    assert batches == [(sizes[0], 1), *((size, 100) for size in sizes)]  # the first is timed


@pytest.mark.parametrize(("n_centroids", "seconds"), [(20, 100), (600_000, 350)])
@pytest.mark.usefixtures("batches")
def test_rhvae_is_not_run_where_it_would_take_too_long(
    n_centroids: int, seconds: float, task: Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A transition of a batch takes a second here: 100 for one batch of 7, or for 3.5 of 2."""
    ticks = itertools.count()
    monkeypatch.setattr(native, "time", SimpleNamespace(perf_counter=lambda: float(next(ticks))))
    model = make_rhvae(task.train)
    model.M_tens = torch.eye(2).expand(n_centroids, 2, 2)
    task = make_task(model)
    assert len(Native("RHVAESampler", time_limit=seconds).fit(task, 0).sample(7, 0)) == 7
    with pytest.raises(TooSlowError, match="7 samples would take"):
        Native("RHVAESampler", time_limit=seconds - 1).fit(task, 0).sample(7, 0)


@pytest.mark.parametrize(("name", "error"), [("VAMP", AssertionError), ("RHVAE", AttributeError)])
def test_refuses_other_models(name: str, error: type[Exception], task: Task) -> None:
    with pytest.raises(error, match=name if name == "VAMP" else "M_tens"):
        Native(f"{name}Sampler").fit(task, 0)


def test_refuses_data_that_do_not_reach_one(task: Task) -> None:
    with pytest.raises(AssertionError, match="range"):
        Native("MAFSampler").fit(task._replace(train=task.train * 0.9), 0)
