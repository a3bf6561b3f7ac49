"""Which adapter a model gets: the library's, a third party's, or that of its methods."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from riemann_sampler import RiemannianUniformSampler
from riemann_sampler.adapters import (
    AdapterRegistry,
    FunctionAdapter,
    ModuleAdapter,
    PythaeAdapter,
    as_latent_model,
    registry,
)
from riemann_sampler.errors import ArgumentError, ArgumentTypeError, UnsupportedModelError
from riemann_sampler.protocols import GaussianPosterior, LatentModel
from tests.helpers.models import PlainVAE, digit_images, make_plain_vae, make_pythae

WAY_OUT = r"FunctionAdapter\(encode=\.\.\., decode=\.\.\., latent_dim=\.\.\., spread=\"log_variance\"\)"


class Foreign:
    """A model of a library that is not known."""

    __module__ = "foreign.models.vae"


class Derived(Foreign):
    __module__ = "__main__"


def adapter(latent_dim: int) -> Any:
    def make(model: Any) -> LatentModel:  # noqa: ARG001
        return FunctionAdapter(encode=lambda x: (x, x), decode=lambda z: z, latent_dim=latent_dim)

    return make


@pytest.fixture
def declare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Install a distribution that declares entry points in our group and in another one."""

    def install(**entry_points: str) -> None:
        folder = tmp_path / "theirs-1.0.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: theirs\nVersion: 1.0\n")
        lines = [f"{name.replace('_', '.')} = {value}" for name, value in entry_points.items()]
        ours = f"[{registry.ENTRY_POINT_GROUP}]"
        (folder / "entry_points.txt").write_text("\n".join(["[other.group]", "foreign = no:where", ours, *lines]))
        monkeypatch.syspath_prepend(tmp_path)

    return install


@pytest.mark.parametrize("name", ["foreign", "foreign.models", "foreign.models.vae", "foreign.models.vae.Foreign"])
def test_a_package_a_module_or_a_class_can_be_registered(name: str) -> None:
    known = AdapterRegistry({})
    known.register(name, adapter(5))
    assert known(Foreign()).latent_dim == 5
    assert known(Derived()).latent_dim == 5
    assert known.names == (name,)


def test_the_nearest_class_and_the_longest_name_win() -> None:
    known = AdapterRegistry(
        {"foreign": adapter(1), "foreign.models.vae.Foreign": adapter(2), "foreign.models": adapter(3)}
    )
    assert known(Foreign()).latent_dim == 2
    known.register("__main__.Derived", adapter(4))
    assert known(Derived()).latent_dim == 4
    assert known(Foreign()).latent_dim == 2
    known.register("foreign.models.vae.Foreign", adapter(6))
    assert known(Foreign()).latent_dim == 6


@pytest.mark.parametrize("name", ["for", "foreign.mod", "foreign.models.vae.For", "models", "oreign"])
def test_a_part_of_a_name_is_another_name(name: str) -> None:
    with pytest.raises(UnsupportedModelError, match=rf"of type Foreign\. Known are: models of {name};"):
        AdapterRegistry({name: adapter(5)})(Foreign())


def test_registered_models_are_used_in_two_lines() -> None:
    known = as_latent_model.names
    as_latent_model.register("foreign", adapter(2))
    try:
        z = torch.randn(30, 2, generator=torch.Generator().manual_seed(0))
        assert RiemannianUniformSampler(Foreign(), n_steps=2).fit(z - 3, seed=0).sample(4).shape == (4, 2)
        with pytest.raises(UnsupportedModelError):
            as_latent_model(object())
    finally:
        del as_latent_model._adapters["foreign"]
    assert as_latent_model.names == known


@pytest.mark.parametrize("name", ["", "a b", "a..b", "1a", "a-b"])
def test_names_are_dotted_names(name: str) -> None:
    with pytest.raises(ArgumentError, match=rf"name must be the dotted name .*, got '{name}'"):
        AdapterRegistry({}).register(name, adapter(1))


@pytest.mark.usefixtures("without_type_checks")
def test_adapters_are_callable() -> None:
    with pytest.raises(ArgumentTypeError, match="adapter must be called with a model, but 5 of type int cannot be"):
        AdapterRegistry({}).register("a", 5)  # type: ignore[arg-type]


@pytest.mark.usefixtures("without_type_checks")
def test_entry_points_are_loaded_when_their_model_is_met(declare: Callable[..., None]) -> None:
    declare(nowhere="nowhere:nothing", foreign_models="riemann_sampler.adapters:ModuleAdapter")
    known = AdapterRegistry({})
    assert type(known(make_plain_vae())) is ModuleAdapter
    assert known.names == ()
    with pytest.raises(UnsupportedModelError, match="Foreign is not a torch module"):
        known(Foreign())
    assert known.names == ("foreign.models",)


def test_entry_points_for_other_models_are_not_loaded(declare: Callable[..., None]) -> None:
    declare(foreign_other="nowhere:nothing")
    assert AdapterRegistry({"foreign": adapter(3)})(Foreign()).latent_dim == 3


def test_what_was_registered_comes_before_entry_points(declare: Callable[..., None]) -> None:
    declare(foreign="nowhere:nothing")
    assert AdapterRegistry({"foreign": adapter(3)})(Foreign()).latent_dim == 3


def test_objects_that_are_latent_models_are_returned_as_they_are() -> None:
    class Own:
        latent_dim = 3

        def encode(self, x: Tensor) -> GaussianPosterior:
            return GaussianPosterior(x, x)

        def decode(self, z: Tensor) -> Tensor:
            return z

    own = Own()
    assert as_latent_model(own) is own


def test_modules_are_wrapped_even_if_they_look_like_latent_models() -> None:
    module = make_plain_vae(3)
    module.latent_dim = 3
    assert isinstance(module, LatentModel)
    wrapped = as_latent_model(module)
    assert type(wrapped) is ModuleAdapter
    images = digit_images()[:5]
    assert torch.equal(wrapped.encode(images).mean, wrapped.encode(images).mean)


def test_the_library_decides_before_the_look_of_the_methods() -> None:
    from pythae.models import VAE

    class Encoding(VAE):
        def encode(self, x: Tensor) -> Tensor:
            return x

        decode = encode

    assert type(as_latent_model(make_pythae("VAE", base=Encoding))) is PythaeAdapter


def test_a_library_is_not_a_prefix_of_a_name() -> None:
    namesake = type("VAE", (PlainVAE,), {"__module__": "pythae_of_mine.models"})
    assert type(as_latent_model(make_plain_vae(base=namesake))) is ModuleAdapter


def test_unknown_models_are_refused_with_the_known_kinds_and_a_way_out() -> None:
    autoencoder = nn.Sequential(nn.AvgPool1d(2), nn.Upsample(scale_factor=2))
    known = (
        rf"Known are: models of {', '.join(as_latent_model.names)}; torch modules whose encode\(x\) .*; objects with"
    )
    with pytest.raises(UnsupportedModelError, match=rf"(?s)of type Sequential\. {known} latent_dim.*{WAY_OUT}"):
        as_latent_model(autoencoder)
    with pytest.raises(UnsupportedModelError, match=r"of type NoneType\."):
        as_latent_model(None)
    with pytest.raises(UnsupportedModelError, match=r"of type str\."):
        as_latent_model("vae")


@pytest.mark.slow  # torch's compiler takes long to import
@pytest.mark.filterwarnings("ignore:.torch.jit:DeprecationWarning")
def test_what_torch_has_compiled_is_of_its_own_library() -> None:
    model = make_pythae("VAE")
    assert type(as_latent_model(torch.compile(model))) is PythaeAdapter
    assert type(as_latent_model(torch.compile(make_plain_vae()))) is ModuleAdapter


def test_a_class_is_not_a_model() -> None:
    with pytest.raises(UnsupportedModelError, match=r"the class FunctionAdapter \(not an object of it\)"):
        as_latent_model(FunctionAdapter)
