"""Folders that hold no whole model of pythae."""

import json
import pickle
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from riemann_sampler.adapters.pythae_folder import load_pythae
from riemann_sampler.errors import StorageError
from tests.helpers.models import make_noisy_pythae_vae, make_pythae
from tests.helpers.pythae_folders import saved


class TestBadFolders:
    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        return saved(make_pythae("VAE"), tmp_path / "model")

    def test_missing(self, tmp_path: Path) -> None:
        with pytest.raises(StorageError, match=r"nowhere holds no model of pythae: there is no model_config\.json\."):
            load_pythae(tmp_path / "nowhere")

    def test_a_file(self, folder: Path) -> None:
        with pytest.raises(StorageError, match=r"model\.pt holds no model of pythae: there is no model_config\.json\."):
            load_pythae(folder / "model.pt")

    def test_the_folder_above(self, folder: Path) -> None:
        with pytest.raises(StorageError, match=r"Pass the folder that the model's save wrote; .* final_model\."):
            load_pythae(folder.parent)

    @pytest.mark.parametrize(
        "content",
        [
            b"",
            b'{"name": "VAEConf',
            b"[1, 2]",
            b'"VAEConfig"',
            b"{}",
            b"\xff\xfe\x00",
            b'{"name": "VAEConfig", "latent_dim": "two"}',
        ],
        ids=["empty", "truncated", "list", "string", "nothing", "bytes", "no number"],
    )
    def test_a_foreign_configuration(self, folder: Path, content: bytes) -> None:
        (folder / "model_config.json").write_bytes(content)
        with pytest.raises(StorageError, match=r"model_config\.json is damaged, or not the configuration of a model"):
            load_pythae(folder)

    @pytest.mark.parametrize("name", ["MyVAEConfig", "BaseAEConfig", "MAFConfig", "VAE", "", 3, None, "__init__"])
    def test_a_model_of_another_name(self, folder: Path, name: Any) -> None:
        (folder / "model_config.json").write_text(json.dumps({"name": name, "input_dim": [1, 8, 8]}))
        message = rf"is not for one of pythae's own autoencoders: .*{name}.*load_state_dict torch\.load\(.*model\.pt"
        with pytest.raises(StorageError, match=message):
            load_pythae(folder)

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"input_dim": None}, "No input dimension provided"),
            ({"latent_dim": -1}, ""),
            ({"name": "Adversarial_AE_Config", "adversarial_loss_scale": 2.0}, r"adversarial_loss_scale must be in"),
            ({"name": "FactorVAEConfig", "uses_default_discriminator": False}, "discriminator"),
        ],
        ids=["no shape", "negative dimension", "bad scale", "no such net"],
    )
    def test_a_configuration_that_builds_nothing(self, folder: Path, changes: dict[str, Any], message: str) -> None:
        path = folder / "model_config.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | changes))
        (folder / "discriminator.pkl").write_bytes(pickle.dumps(nn.Identity()))
        with pytest.raises(StorageError, match=rf"in .*model cannot be built: .*{message}"):
            load_pythae(folder, allow_pickle=True)

    def test_without_weights(self, folder: Path) -> None:
        (folder / "model.pt").unlink()
        with pytest.raises(StorageError, match=r"holds no whole model of pythae: there is no model\.pt\."):
            load_pythae(folder)

    @pytest.mark.parametrize("share", [0, 0.01, 0.5, 0.999])
    def test_truncated_weights(self, folder: Path, share: float) -> None:
        content = (folder / "model.pt").read_bytes()
        (folder / "model.pt").write_bytes(content[: int(share * len(content))])
        with pytest.raises(StorageError, match=r"model\.pt is damaged: .*\. Save the model again\."):
            load_pythae(folder)

    @pytest.mark.parametrize(
        ("content", "found"),
        [({"state_dict": {}, 2: 1}, r"\['2', 'state_dict'\]"), ([torch.ones(2)], "list"), (torch.ones(2), "Tensor")],
        ids=["other entries", "list", "tensor"],
    )
    def test_weights_of_something_else(self, folder: Path, content: Any, found: str) -> None:
        torch.save(content, folder / "model.pt")
        with pytest.raises(StorageError, match=rf"model\.pt has no entry 'model_state_dict', it holds {found}\."):
            load_pythae(folder)

    @pytest.mark.parametrize("state", [{}, None, [], {2: torch.ones(2)}, {"encoder.layers.0.0.weight": 3}])
    def test_weights_that_do_not_fit(self, folder: Path, state: Any) -> None:
        torch.save({"model_state_dict": state}, folder / "model.pt")
        with pytest.raises(StorageError, match=r"model\.pt does not fit the model; pass the encoder and decoder"):
            load_pythae(folder)

    @pytest.mark.parametrize(
        "metric",
        [
            {},
            {"M": torch.ones(4, 2, 2)},
            {"M": torch.ones(4, 2, 2), "centroids": torch.ones(3, 2)},
            {"M": torch.ones(4, 3, 3), "centroids": torch.ones(4, 3)},
            {"M": 1, "centroids": 2},
        ],
        ids=["none", "no centroids", "other number", "other dimension", "no tensors"],
    )
    def test_an_rhvae_without_its_metric(self, tmp_path: Path, metric: dict[str, Any]) -> None:
        model = make_pythae("RHVAE", latent_dim=2)
        folder = saved(model, tmp_path)
        torch.save({"model_state_dict": model.state_dict(), **metric}, folder / "model.pt")
        with pytest.raises(StorageError, match=r"M of shape \(k, 2, 2\) and centroids of shape \(k, 2\)"):
            load_pythae(folder)

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            (None, r"encoder\.pkl cannot be unpickled: FileNotFoundError"),
            (b"\x80\x04", r"encoder\.pkl cannot be unpickled: "),
            (pickle.dumps(None), r"encoder\.pkl holds an object of type NoneType, not a net\."),
        ],
        ids=["missing", "truncated", "no net"],
    )
    def test_a_damaged_pickle(self, tmp_path: Path, content: bytes | None, message: str) -> None:
        folder = saved(make_noisy_pythae_vae(), tmp_path)
        (folder / "encoder.pkl").unlink()
        if content is not None:
            (folder / "encoder.pkl").write_bytes(content)
        with pytest.raises(StorageError, match=message):
            load_pythae(folder, allow_pickle=True)


def test_without_pythae(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = saved(make_pythae("VAE"), tmp_path)
    monkeypatch.setitem(sys.modules, "pythae", None)
    with pytest.raises(StorageError, match=r'pip install "riemann-sampler\[pythae\]"'):
        load_pythae(folder)
