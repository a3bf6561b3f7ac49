"""Arguments of the sampler: each that has no meaning is refused by name and value; presets are as documented."""

from dataclasses import asdict
from typing import Any

import numpy as np
import pytest
import torch

from riemann_sampler import RiemannianUniformSampler, RiemannSamplerError, UnsupportedModelError
from riemann_sampler.errors import ArgumentError, ArgumentTypeError
from riemann_sampler.settings import PRESETS, Settings

POSITIVE = ["temperature", "regularization", "decay", "volume_exponent", "island_scale", "min_ess", "floor_share"]
WHOLE = ["n_centroids", "n_neighbors", "n_steps", "n_warmup", "n_leapfrog_steps", "batch_size", "memory_budget"]
CHOICES = ["law", "centroid_covariance", "covariance_structure"]

pytestmark = pytest.mark.usefixtures("without_type_checks")


@pytest.mark.parametrize("name", POSITIVE)
@pytest.mark.parametrize("value", [0, -1.5, float("inf"), float("nan")])
def test_numbers_must_be_positive_and_finite(name: str, value: float) -> None:
    with pytest.raises(ArgumentError, match=rf"^{name} must be positive and finite, got {value}\.$"):
        RiemannianUniformSampler(**{name: value})


@pytest.mark.parametrize("name", POSITIVE)
@pytest.mark.parametrize("value", [True, [1.0]])
def test_numbers_must_be_numbers(name: str, value: Any) -> None:
    with pytest.raises(ArgumentTypeError, match=rf"^{name} must be a number, got .* of type {type(value).__name__}\.$"):
        RiemannianUniformSampler(**{name: value})


@pytest.mark.parametrize("name", ["min_ess", "floor_share"])
@pytest.mark.parametrize("value", [1.0, 1.5])
def test_shares_are_below_one(name: str, value: float) -> None:
    with pytest.raises(ArgumentError, match=rf"^{name} is a share and must be below 1, got {value}\.$"):
        RiemannianUniformSampler(**{name: value})


@pytest.mark.parametrize("name", WHOLE)
@pytest.mark.parametrize("value", [0, -3])
def test_counts_must_be_at_least_one(name: str, value: int) -> None:
    with pytest.raises(ArgumentError, match=rf"^{name} must be at least 1, got {value}\.$"):
        RiemannianUniformSampler(**{name: value})


@pytest.mark.parametrize("name", WHOLE)
@pytest.mark.parametrize("value", [10.0, True])
def test_counts_must_be_whole(name: str, value: Any) -> None:
    message = rf"^{name} must be a whole number, got {value} of type {type(value).__name__}\.$"
    with pytest.raises(ArgumentTypeError, match=message):
        RiemannianUniformSampler(**{name: value})


@pytest.mark.parametrize("name", CHOICES)
def test_choices(name: str) -> None:
    with pytest.raises(ArgumentError, match=rf"^{name} must be one of '.*', '.*'; got 'neither'\.$"):
        RiemannianUniformSampler(**{name: "neither"})


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("temperature", "'auto' or 'nearest'"),
        ("island_scale", "'calibrated'"),
        ("n_centroids", "'auto'"),
        ("n_steps", "'auto'"),
        ("n_warmup", "'auto'"),
    ],
)
def test_words_in_place_of_numbers(name: str, words: str) -> None:
    with pytest.raises(ArgumentError, match=rf"^{name} must be a number or {words}; got 'warm'\.$"):
        RiemannianUniformSampler(**{name: "warm"})


def test_an_automatic_number_of_centroids_needs_clusters() -> None:
    with pytest.raises(
        ArgumentError, match=r"^n_centroids='auto' compares clusters: .*centroid_covariance='cluster'\.$"
    ):
        RiemannianUniformSampler(n_centroids="auto")


@pytest.mark.parametrize("dtype", [torch.float16, torch.int64, "float32"])
def test_the_geometry_has_single_or_double_precision(dtype: Any) -> None:
    with pytest.raises(ArgumentError, match=rf"^dtype must be one of torch.float32, torch.float64; got {dtype!r}\.$"):
        RiemannianUniformSampler(dtype=dtype)


@pytest.mark.parametrize("model", ["vae", 3, torch.nn.Linear(2, 2), object()])
def test_unknown_models(model: Any) -> None:
    with pytest.raises(UnsupportedModelError, match=rf"(?s)of type {type(model).__name__}\..*FunctionAdapter\(encode="):
        RiemannianUniformSampler(model)


def test_numbers_of_numpy_are_numbers() -> None:
    settings = Settings(temperature=np.float32(0.5), n_steps=np.int64(7), volume_exponent=2)
    assert (settings.temperature, settings.n_steps, settings.volume_exponent) == (0.5, 7, 2)
    assert [type(value) for value in (settings.temperature, settings.n_steps)] == [float, int]  # what can be saved


DIFFERENCES: dict[str, dict[str, Any]] = {
    "uniform": {},
    "paper": {
        "n_centroids": 100,
        "temperature": "nearest",
        "regularization": 0.01,
        "decay": 1e-10,
        "global_moves": False,
        "n_steps": 100,
        "n_leapfrog_steps": 10,
    },
    "calibrated": {"law": "islands", "n_centroids": None},
    "clusters": {
        "law": "islands",
        "n_centroids": "auto",
        "centroid_covariance": "cluster",
        "covariance_structure": "full",
        "island_scale": 1.0,
    },
    "local": {
        "law": "islands",
        "n_centroids": None,
        "centroid_covariance": "local",
        "covariance_structure": "full",
        "island_scale": 1.0,
    },
}


def test_the_presets_are_known() -> None:
    assert sorted(PRESETS) == sorted(DIFFERENCES)


@pytest.mark.parametrize("preset", DIFFERENCES)
def test_presets_differ_from_the_defaults_as_documented(preset: Any) -> None:
    found, plain = (
        asdict(s.settings) for s in (RiemannianUniformSampler.from_preset(preset), RiemannianUniformSampler())
    )
    assert {name: value for name, value in found.items() if value != plain[name]} == DIFFERENCES[preset]


def test_defaults() -> None:
    plain = RiemannianUniformSampler()
    assert (plain.dtype, plain.batch_size, plain.device, plain.model) == (torch.float64, 256, None, None)
    settings = plain.settings
    assert (settings.law, settings.n_centroids, settings.temperature) == ("volume", 1000, "auto")
    assert (settings.min_ess, settings.floor_share, settings.volume_exponent) == (0.8, 1e-3, 1.0)
    assert settings.global_moves


def test_arguments_override_a_preset() -> None:
    found = RiemannianUniformSampler.from_preset("paper", n_centroids=7, min_ess=0.5, batch_size=3)
    expected = {**DIFFERENCES["paper"], "n_centroids": 7, "min_ess": 0.5}
    assert {name: value for name, value in asdict(found.settings).items() if name in expected} == expected
    assert found.batch_size == 3


def test_unknown_presets() -> None:
    message = r"^preset must be one of 'uniform', 'paper', 'calibrated', 'clusters', 'local'; got 'best'\.$"
    with pytest.raises(ArgumentError, match=message):
        RiemannianUniformSampler.from_preset("best")  # type: ignore[arg-type]


def test_every_error_is_ours_and_of_the_built_in_kind() -> None:
    with pytest.raises(ValueError, match="min_ess") as caught:
        RiemannianUniformSampler(min_ess=-1.0)
    assert isinstance(caught.value, RiemannSamplerError)
    with pytest.raises(TypeError, match="n_leapfrog_steps") as caught_type:
        RiemannianUniformSampler(n_leapfrog_steps="many")  # type: ignore[arg-type]
    assert isinstance(caught_type.value, RiemannSamplerError)


@pytest.mark.usefixtures("without_type_checks")
def test_global_moves_is_no_word() -> None:
    with pytest.raises(ArgumentError, match="global_moves must be one of True, False; got 'no'"):
        Settings(global_moves="no")  # type: ignore[arg-type]
