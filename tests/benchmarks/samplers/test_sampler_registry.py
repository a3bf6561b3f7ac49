"""Every sampler of the benchmarks through the same interface."""

import pickle

import pytest
import torch
from pythae.trainers import BaseTrainer

from benchmarks.harness.snapshots import traces
from benchmarks.samplers.baselines import StandardNormal
from benchmarks.samplers.registry import SAMPLERS, Decoded, RealTrain, Reconstructions, Task, preset, samplers
from riemann_sampler.settings import PRESETS
from tests.helpers.builders import TwoHalves
from tests.helpers.tasks import assert_random_order, latents, make_rhvae, make_task, make_vamp

SLOW = {"pythae: MAF", "pythae: IAF", "pythae: TwoStageVAE", "pythae: RHVAE"}
NAMES = [pytest.param(name, marks=[pytest.mark.slow] * (name in {*SLOW, "ours: uniform"})) for name in SAMPLERS]


@pytest.fixture(scope="module")
def task() -> Task:
    return make_task()


def task_for(name: str, task: Task) -> Task:
    """The task, or one of few data where a sampler is slow, with a model that it is for."""
    models = {"VAMP": make_vamp, "RHVAE": lambda: make_rhvae(task.train)}
    kinds = SAMPLERS[name].models
    model = models[kinds[0]]() if kinds else task.model
    return make_task(model, n=60 if name in SLOW else 300)


def test_names() -> None:
    names = {kind: [name for name, entry in SAMPLERS.items() if entry.kind == kind] for kind in ("ceiling", "ours")}
    assert names == {
        "ceiling": ["real train", "reconstructions"],
        "ours": [f"ours: {name}" for name in PRESETS],
    }
    assert {name for name, entry in SAMPLERS.items() if entry.kind == "native"} == {
        f"pythae: {name}" for name in ("Normal", "GaussianMixture", "MAF", "IAF", "TwoStageVAE", "VAMP", "RHVAE")
    }
    assert {name for name, entry in SAMPLERS.items() if entry.kind == "baseline"} == {
        *("N(0, I)", "GMM-10", "GMM-100", "aggregate posterior", "mean + 0.5 N(0, I)", "published dynamics")
    }


def test_entries_can_be_sent_to_other_processes(task: Task) -> None:
    for entry in SAMPLERS.values():
        assert type(pickle.loads(pickle.dumps(entry.make))()) is type(entry.make())
    sent = pickle.loads(pickle.dumps(preset("calibrated", island_scale=1e-3).make))
    generated = sent().fit(task, 0).sample(30, 0)
    assert torch.cdist(generated, task.train).min(1).values.max() < 1e-3


def test_epochs_of_flows(task: Task, monkeypatch: pytest.MonkeyPatch) -> None:
    epochs = []
    monkeypatch.setattr(BaseTrainer, "train_step", lambda _, epoch: epochs.append(epoch) or 1.0)
    for name in ("MAF", "IAF", "TwoStageVAE"):
        samplers(flow_epochs=2)[f"pythae: {name}"].make().fit(task, 0)
    assert epochs == [1, 2] * 3


def test_models_that_have_their_own() -> None:
    own = {name: entry.models for name, entry in SAMPLERS.items() if entry.models}
    assert own == {"pythae: VAMP": ("VAMP",), "pythae: RHVAE": ("RHVAE",)}


@pytest.mark.filterwarnings("ignore::riemann_sampler.errors.RiemannSamplerWarning")  # of the preset "paper"
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.usefixtures("without_type_checks")  # so that all global random states are watched
def test_keeps_the_interface(name: str, task: Task) -> None:
    task, make = task_for(name, task), SAMPLERS[name].make
    before = traces(task.model)
    sampler = make()
    assert sampler.fit(task, 3) is sampler
    generated = sampler.sample(50, 1)
    assert generated.shape == (50, 2)
    assert generated.dtype == task.train.dtype
    assert not generated.requires_grad
    blind = task if name == "reconstructions" else task._replace(heldout=torch.full_like(task.heldout, torch.nan))
    assert torch.equal(generated, make().fit(blind, 3).sample(50, 1))
    assert not torch.equal(generated.sort(0).values, sampler.sample(50, 2).sort(0).values)
    assert traces(task.model) == before


CHAINS = {"ours: uniform", "ours: paper", "published dynamics"}
"""Independent chains, which have no order; the interface is kept by these too, in the test above."""


@pytest.mark.filterwarnings("ignore::riemann_sampler.errors.RiemannSamplerWarning")
@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] * (name in SLOW | CHAINS)) for name in SAMPLERS]
)
def test_draws_are_in_random_order(name: str, task: Task) -> None:
    n_samples = 40 if name == "pythae: RHVAE" else 400
    generated = SAMPLERS[name].make().fit(task_for(name, task), 0).sample(n_samples, 1)
    assert_random_order(latents(generated)[:, 0] > 0)


def test_positions_are_decoded_some_at_a_time(task: Task) -> None:
    model = TwoHalves()
    generated = Decoded(StandardNormal()).fit(task._replace(latent=model), 0).sample(1_050, 7)
    assert model.decoded == [500, 500, 50]
    assert torch.equal(generated, TwoHalves().decode(StandardNormal().fit(task.posterior, 0).sample(1_050, 7)))


def test_real_data_come_again_only_after_all(task: Task) -> None:
    sampler = RealTrain().fit(task, 0)
    rows = [(sampler.sample(450, 1)[part, None] == task.train).all(2) for part in (slice(0, 300), slice(300, 450))]
    assert all(part.any(1).all() for part in rows)
    assert rows[0].any(0).all()
    assert rows[1].any(0).sum() == 150


def test_reconstructions_are_of_heldout_data(task: Task) -> None:
    generated = Reconstructions().fit(task, 0).sample(40, 1)
    assert not torch.allclose(generated, task.heldout)
    torch.testing.assert_close(generated.sort(0).values, task.heldout.sort(0).values)
