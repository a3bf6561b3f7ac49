"""Arguments are declared once: signature, documentation, parameters, what is refused, and how samplers show them."""

import inspect
import pickle
import re
from dataclasses import asdict, fields
from typing import Any

import pytest
import torch
from sklearn.base import clone

from riemann_sampler import RiemannianUniformSampler
from riemann_sampler.cli.parser import KNOWN
from riemann_sampler.errors import ArgumentError
from riemann_sampler.pythae import RiemannianSamplerConfig
from riemann_sampler.settings import PRESETS, Settings, closest_preset, drop_unread, preset_arguments
from tests.helpers.builders import TwoHalves, data, fitted, posterior

NAMES = [declared.name for declared in fields(Settings)]
CHAINS = {
    "temperature": 2.0,
    "min_ess": 0.5,
    "regularization": 0.1,
    "global_moves": False,
    "n_steps": 5,
    "n_warmup": 5,
    "n_leapfrog_steps": 3,
}


def test_signature_documentation_configuration_and_command_line_have_every_argument() -> None:
    signature = inspect.signature(RiemannianUniformSampler).parameters
    assert next(iter(signature)) == "model"
    assert signature["model"].kind is inspect.Parameter.POSITIONAL_OR_KEYWORD
    assert set(NAMES) < set(signature)
    assert signature["temperature"].default == "auto"
    documented = re.findall(r"^        (\w+): ", RiemannianUniformSampler.__doc__ or "", re.MULTILINE)
    assert set(documented) >= set(signature)
    assert set(NAMES) < {declared.name for declared in fields(RiemannianSamplerConfig)}
    assert set(KNOWN) == set(signature) - {"model", "device", "batch_size"}


@pytest.mark.parametrize("name", CHAINS)
def test_what_the_island_law_does_not_read_is_refused(name: str) -> None:
    value = CHAINS[name]
    message = (
        rf"^{name}={value} is read with law='volume' only, here law='islands': leave it out, or set law='volume'\.$"
    )
    with pytest.raises(ArgumentError, match=message):
        RiemannianUniformSampler(law="islands", **{name: value})
    assert getattr(RiemannianUniformSampler(**{name: value}), name) == value


def test_what_the_volume_law_does_not_read_is_refused() -> None:
    with pytest.raises(ArgumentError, match=r"^island_scale=1.0 is read with law='islands' only, here law='volume'"):
        RiemannianUniformSampler(island_scale=1.0)
    with pytest.raises(ArgumentError, match=r"^n_neighbors=3 is read with centroid_covariance='local' only"):
        RiemannianUniformSampler(n_neighbors=3)


def test_defaults_are_never_refused() -> None:
    assert asdict(Settings(**asdict(Settings(law="islands")))) == asdict(Settings(law="islands"))


def test_of_a_preset_only_what_is_overridden_is_refused() -> None:
    clusters = RiemannianUniformSampler.from_preset("clusters", law="volume", n_centroids=10)
    assert (clusters.law, clusters.island_scale) == ("volume", "calibrated")
    with pytest.raises(ArgumentError, match=r"island_scale=2\.0"):
        RiemannianUniformSampler.from_preset("clusters", law="volume", island_scale=2.0)
    assert preset_arguments("paper", {"law": "islands", "batch_size": 3}) == {
        "n_centroids": 100,
        "decay": 1e-10,
        "law": "islands",
        "batch_size": 3,
    }


def test_unread_arguments_are_dropped() -> None:
    assert drop_unread({"law": "islands", "n_steps": 3, "floor_share": 0.1}) == {"law": "islands", "floor_share": 0.1}


@pytest.mark.parametrize("preset", PRESETS)
def test_the_closest_preset_is_the_one_that_was_named(preset: Any) -> None:
    sampler = RiemannianUniformSampler.from_preset(preset, floor_share=0.02)
    assert closest_preset(sampler.settings) == (preset, {"floor_share": 0.02})


def test_parameters_make_the_same_sampler() -> None:
    sampler = RiemannianUniformSampler.from_preset("local", TwoHalves(), batch_size=7, device="cpu")
    parameters = sampler.get_params()
    assert set(parameters) == set(inspect.signature(RiemannianUniformSampler).parameters)
    assert RiemannianUniformSampler(**parameters).get_params() == parameters


def test_parameters_can_be_set() -> None:
    sampler = fitted("uniform")
    before = sampler.sample_latents(20, seed=1).z
    assert sampler.set_params(n_centroids=7, batch_size=3) is sampler
    assert (sampler.n_centroids, sampler.batch_size, sampler.settings.n_centroids) == (7, 3, 7)
    assert torch.equal(sampler.sample_latents(20, seed=1).z, before)  # the fit stays
    assert sampler.fit(data()).metric_.quadratics.n_centroids == 7


def test_a_model_can_be_set() -> None:
    sampler = RiemannianUniformSampler(n_centroids=5, n_steps=5, n_warmup=5).fit(posterior(30))
    with pytest.raises(ArgumentError, match="model is None"):
        sampler.sample(2)
    model = TwoHalves()
    assert sampler.set_params(model=model).model is model
    assert sampler.sample(2, seed=0).shape == (2, 1, 4)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n_steps": 5, "n_centroid": 3}, r"argument must be one of .*'n_centroids'.*; got 'n_centroid'"),
        ({"n_centroids": 3, "law": "islands"}, "n_steps=6 is read with law='volume' only"),
        ({"n_centroids": -1}, "n_centroids must be at least 1"),
    ],
)
def test_arguments_that_do_not_go_together_change_nothing(arguments: dict[str, Any], message: str) -> None:
    sampler = fitted("uniform")
    before = sampler.get_params()
    with pytest.raises(ArgumentError, match=message):
        sampler.set_params(**arguments)
    assert sampler.get_params() == before


def test_a_clone_has_the_arguments_and_the_model_itself_but_no_fit() -> None:
    sampler = fitted("calibrated", batch_size=9)
    copy = clone(sampler)
    assert copy.get_params() == sampler.get_params()
    assert copy.model is sampler.model
    assert "not fitted" in repr(copy)


def test_what_is_saved_are_the_arguments_of_the_fit(tmp_path: Any) -> None:
    sampler = fitted("uniform")
    wanted = sampler.sample_latents(9, seed=0).z
    sampler.set_params(n_steps="auto", n_warmup="auto", law="islands", n_centroids=3).save(tmp_path)
    loaded = RiemannianUniformSampler.load(tmp_path)
    assert (loaded.law, loaded.n_centroids) == ("volume", 30)
    assert torch.equal(loaded.sample_latents(9, seed=0).z, wanted)


def test_samplers_are_compared_by_identity_and_pickled() -> None:
    sampler = fitted("local")
    assert sampler == sampler
    assert sampler != fitted("local")
    assert len({sampler, sampler}) == 1
    copy = pickle.loads(pickle.dumps(sampler))
    assert torch.equal(copy.sample_latents(5, seed=2).z, sampler.sample_latents(5, seed=2).z)


def test_a_sampler_shows_what_differs_from_the_defaults() -> None:
    assert repr(RiemannianUniformSampler()) == "RiemannianUniformSampler()  # not fitted"
    sampler = RiemannianUniformSampler.from_preset("calibrated", batch_size=3)
    shown = "RiemannianUniformSampler(n_centroids=None, law='islands', batch_size=3)"
    assert repr(sampler) == f"{shown}  # not fitted"
    assert repr(sampler.fit(posterior(30, 2))) == f"{shown}  # fitted on 30 codes in 2 dimensions"
    assert "model=TwoHalves" in repr(RiemannianUniformSampler(TwoHalves()))


def test_a_notebook_shows_the_same() -> None:
    html = fitted("calibrated")._repr_html_()
    assert "<b>RiemannianUniformSampler</b> (fitted on 60 codes in 2 dimensions)" in html
    assert "<td" in html
    assert "&#x27;islands&#x27;" in html
    assert "TwoHalves" in html
    assert "defaults" in RiemannianUniformSampler()._repr_html_()
