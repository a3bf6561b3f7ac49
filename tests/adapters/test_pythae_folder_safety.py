"""Folders of pythae models are opened without executing what is in them."""

import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from riemann_sampler.adapters.pythae_folder import load_pythae
from riemann_sampler.errors import StorageError
from tests.helpers.models import make_noisy_pythae_vae, make_pythae
from tests.helpers.pythae_folders import custom_nets, saved


class Marking:
    """Unpickled, it makes a folder, and returns what it was made with."""

    def __init__(self, marker: Path, result: Any = None) -> None:
        self.marker, self.result = marker, result

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return mark, (self.marker, self.result)


def mark(marker: Path, result: Any) -> Any:
    marker.mkdir()
    return result


class TestNothingIsExecuted:
    @pytest.fixture
    def marker(self, tmp_path: Path) -> Path:
        return tmp_path / "executed"

    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        return saved(make_noisy_pythae_vae(), tmp_path / "model")

    @pytest.fixture
    def encoder_pickle(self, tmp_path: Path, marker: Path) -> Path:
        """A folder whose ``encoder.pkl`` shows whether it was unpickled, and gives an encoder that fits."""
        model = make_pythae("VAE")
        folder = saved(model, tmp_path / "model")
        config = json.loads((folder / "model_config.json").read_text())
        (folder / "model_config.json").write_text(json.dumps(config | {"uses_default_encoder": False}))
        (folder / "encoder.pkl").write_bytes(pickle.dumps(Marking(marker, model.encoder)))
        return folder

    def test_of_an_encoder(self, encoder_pickle: Path, marker: Path) -> None:
        with pytest.raises(StorageError, match=r"in encoder\.pkl, and loading them would execute code"):
            load_pythae(encoder_pickle)
        assert not marker.exists()

    def test_of_an_encoder_that_was_passed(self, encoder_pickle: Path, marker: Path) -> None:
        load_pythae(encoder_pickle, encoder=make_pythae("VAE", seed=1).encoder, allow_pickle=True)
        assert not marker.exists()

    def test_unless_it_is_allowed(self, encoder_pickle: Path, marker: Path) -> None:
        load_pythae(encoder_pickle, allow_pickle=True)
        assert marker.exists()

    def test_of_an_encoder_that_the_model_does_without(self, folder: Path, marker: Path) -> None:
        saved(make_pythae("VAE"), folder)
        (folder / "encoder.pkl").write_bytes(pickle.dumps(Marking(marker)))
        load_pythae(folder, allow_pickle=True)
        assert not marker.exists()

    @pytest.mark.parametrize("allow_pickle", [False, True])
    def test_of_the_weights(self, folder: Path, marker: Path, allow_pickle: bool) -> None:
        state = make_noisy_pythae_vae().state_dict()
        torch.save({"model_state_dict": state, "more": Marking(marker)}, folder / "model.pt")
        with pytest.raises(StorageError, match=r"model\.pt holds more than tensors, .* nothing of it was executed\."):
            load_pythae(folder, allow_pickle=allow_pickle, **custom_nets(seed=0))
        assert not marker.exists()
        torch.load(folder / "model.pt", weights_only=False)
        assert marker.exists()

    @pytest.mark.filterwarnings("ignore:Detected pickle protocol")
    def test_of_weights_that_are_a_bare_pickle(self, folder: Path, marker: Path) -> None:
        (folder / "model.pt").write_bytes(pickle.dumps(Marking(marker)))
        with pytest.raises(StorageError, match=r"model\.pt holds more than tensors, .* nothing of it was executed\."):
            load_pythae(folder, **custom_nets(seed=0))
        assert not marker.exists()

    def test_of_a_net_where_the_weights_are_damaged(self, encoder_pickle: Path, marker: Path) -> None:
        (encoder_pickle / "model.pt").write_bytes(b"")
        with pytest.raises(StorageError, match=r"model\.pt is damaged"):
            load_pythae(encoder_pickle, allow_pickle=True)
        assert not marker.exists()
