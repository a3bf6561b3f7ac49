"""A model by name: a folder of pythae, or a function of one's own."""

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch

from riemann_sampler import ArgumentError, StorageError
from riemann_sampler.adapters.model_spec import load_model
from tests.helpers.models import make_pythae

CPU = torch.device("cpu")
MODULE = """
from tests.helpers.builders import TwoHalves

number = 3

def two_halves():
    return TwoHalves(5)

def nothing():
    pass

def broken():
    return {}["missing"]
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current directory, where modules can be written; what is imported of them is forgotten afterwards."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [path for path in sys.path if path != str(tmp_path)])
    for name in ("my_models", "my_package", "my_package.models", "broken_models", "needy_models"):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
        del sys.modules[name]
    (tmp_path / "my_models.py").write_text(MODULE)
    return tmp_path


class TestFunction:
    def test_in_the_current_directory(self, project: Path) -> None:
        assert load_model("my_models:two_halves", CPU).latent_dim == 5
        assert sys.path[0] == str(project)

    def test_in_a_package(self, project: Path) -> None:
        (project / "my_package").mkdir()
        (project / "my_package" / "models.py").write_text(MODULE)
        assert load_model("my_package.models:two_halves", CPU).latent_dim == 5

    @pytest.mark.parametrize("spec", ["nowhere", ":", "my_models:", ":two_halves", "no/where:f", "a..b:f", "a:b.c"])
    @pytest.mark.usefixtures("project")
    def test_what_is_neither_folder_nor_function(self, spec: str) -> None:
        with pytest.raises(ArgumentError, match=r"--model '.*' is neither a folder nor of the form module:function\."):
            load_model(spec, CPU)

    @pytest.mark.parametrize(
        ("spec", "message"),
        [
            ("nowhere:f", r"there is no module 'nowhere', neither in .* nor among those installed\."),
            ("my_package.nowhere:f", r"there is no module 'my_package\.nowhere', neither"),
            ("my_models:missing", r"missing is missing in the module my_models\."),
            ("my_models:number", r"number is no function but of type int in the module my_models\."),
            ("my_models:broken", r"the function, called without arguments, raised KeyError: 'missing'\."),
            ("my_models:TwoHalf", r"TwoHalf is missing"),
            ("my_models:nothing", r"the function returned None; it must return the trained model\."),
            ("broken_models:f", r"importing broken_models raised SyntaxError: "),
            ("needy_models:f", r"importing needy_models raised ModuleNotFoundError: No module named 'not_installed'\."),
        ],
    )
    def test_what_can_go_wrong(self, spec: str, message: str, project: Path) -> None:
        (project / "my_package").mkdir()
        (project / "my_package" / "__init__.py").write_text("")
        (project / "broken_models.py").write_text("def f(:")
        (project / "needy_models.py").write_text("import not_installed")
        with pytest.raises(ArgumentError, match=rf"--model '{spec}': {message}"):
            load_model(spec, CPU)

    def test_interruption_is_passed_on(self, project: Path) -> None:
        (project / "my_models.py").write_text("def slow():\n    raise KeyboardInterrupt")
        with pytest.raises(KeyboardInterrupt):
            load_model("my_models:slow", CPU)


class TestFolder:
    def test_of_pythae(self, tmp_path: Path) -> None:
        model = make_pythae("VAE", latent_dim=3)
        model.save(str(tmp_path / "model"))
        loaded = load_model(str(tmp_path / "model"), CPU)
        assert type(loaded) is type(model)
        weights = loaded.state_dict()
        assert all(torch.equal(weights[name], weight) for name, weight in model.state_dict().items())

    def test_of_something_else(self, tmp_path: Path) -> None:
        with pytest.raises(StorageError, match=r"holds no model of pythae"):
            load_model(str(tmp_path), CPU)

    @pytest.mark.parametrize("allowed", [False, True])
    def test_pickles_are_allowed_by_no_one_else(
        self, allowed: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        given: list[Any] = []
        monkeypatch.setattr(
            "riemann_sampler.adapters.pythae_folder.load_pythae",
            lambda folder, *, allow_pickle: given.append((folder, allow_pickle)),
        )
        load_model(str(tmp_path), CPU, allow_pickle=allowed)
        assert given == [(str(tmp_path), allowed)]


@pytest.mark.parametrize("name", ["cpu", "meta"])
def test_a_torch_module_is_moved_to_the_device(name: str, project: Path) -> None:
    (project / "my_models.py").write_text("from torch import nn\ndef layer():\n    return nn.Linear(2, 2)")
    with torch.random.fork_rng(devices=[]):
        model = load_model("my_models:layer", torch.device(name))
    assert model.weight.device.type == name
