"""A current directory with models and data, and the command line in it."""

import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from riemann_sampler import RiemannianUniformSampler
from riemann_sampler.cli.main import main
from tests.helpers.builders import TwoHalves, data

MODELS = """
import torch
from tests.helpers.builders import TwoHalves
from tests.helpers.models import make_pythae

def two_halves():
    return TwoHalves()

def three():
    return TwoHalves(3)

class Pictures(TwoHalves):
    def decode(self, z):
        return 2 * super().decode(z).reshape(-1, 1, 2, 2)

def pictures():
    return Pictures()

def something():
    return "a model"

def trained():
    model = make_pythae("VAE", latent_dim=2, reconstruction_loss="bce")
    model.load_state_dict(torch.load("vae.pt", weights_only=True))
    return model
"""
SMALL: dict[str, Any] = {"n_centroids": 20, "n_steps": 4, "n_warmup": 10}


def fitted(labels: Any = None) -> RiemannianUniformSampler:
    """What `Shell.fit` should make."""
    return RiemannianUniformSampler(TwoHalves(), **SMALL).fit(data(), labels)


class Shell:
    """The command line in a folder that has ``my_models.py``, data ``x.npy`` and labels ``y.npy``.

    What is imported from there is forgotten afterwards.
    """

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys
        monkeypatch.chdir(folder)
        monkeypatch.setattr(sys, "path", [*sys.path])
        monkeypatch.setitem(sys.modules, "my_models", ModuleType("my_models"))
        del sys.modules["my_models"]
        Path("my_models.py").write_text(MODELS)
        np.save("x.npy", data().numpy())
        np.save("y.npy", np.repeat([3, 8], [40, 20]))

    def __call__(self, *arguments: object) -> tuple[int, str, str]:
        """Exit status, standard output and standard error of a command."""
        status = main([str(argument) for argument in arguments])
        return status, *self._capsys.readouterr()

    def fit(
        self, *arguments: object, model: str = "my_models:two_halves", settings: Mapping[str, Any] = SMALL
    ) -> tuple[int, str, str]:
        words = [word for name, value in settings.items() for word in ("--set", f"{name}={value}")]
        return self("fit", "--model", model, "--data", "x.npy", "--out", "sampler", *words, *arguments)

    def sample(self, *arguments: object, model: str = "my_models:two_halves") -> tuple[int, str, str]:
        return self("sample", "--sampler", "sampler", "--model", model, *arguments)
