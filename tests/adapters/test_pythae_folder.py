"""Folders of trained pythae models: opened bit-equal, and without executing what is in them."""

import json
import pickle
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from benchmarks.harness.snapshots import random_states
from riemann_sampler.adapters.pythae_folder import load_pythae
from riemann_sampler.errors import StorageError
from tests.helpers.models import digit_images, make_noisy_pythae_vae, make_pythae

IMAGES = digit_images()[:7]
EVERY_MODEL = [
    "AE",
    "Adversarial_AE",
    "BetaTCVAE",
    "BetaVAE",
    "CIWAE",
    "DisentangledBetaVAE",
    "FactorVAE",
    "HVAE",
    "INFOVAE_MMD",
    "IWAE",
    "MIWAE",
    "MSSSIM_VAE",
    "PIWAE",
    "PoincareVAE",
    "RAE_GP",
    "RAE_L2",
    "RHVAE",
    "SVAE",
    "VAE",
    "VAEGAN",
    "VAE_IAF",
    "VAE_LinNF",
    "VAMP",
    "VQVAE",
    "WAE_MMD",
]


def outputs(model: Any) -> dict[str, Tensor]:
    """Everything that the encoder and the decoder give in evaluation mode."""
    model.eval()
    with torch.no_grad():
        encoded = dict(model.encoder(IMAGES))
        return encoded | dict(model.decoder(encoded["embedding"]))


def assert_same(first: dict[str, Tensor], second: dict[str, Tensor]) -> None:
    assert first.keys() == second.keys()
    for name, tensor in first.items():
        assert tensor.dtype == second[name].dtype, name
        assert torch.equal(tensor, second[name]), name


def saved(model: Any, folder: Path) -> Path:
    model.save(str(folder))
    return folder


def custom_nets(seed: int) -> dict[str, nn.Module]:
    """An encoder and a decoder that are not pythae's, with weights of their own."""
    model = make_noisy_pythae_vae(seed=seed)
    return {"encoder": model.encoder, "decoder": model.decoder}


def test_no_model_of_pythae_is_left_out() -> None:
    from pythae import models

    classes = {name for name in models.__all__ if issubclass(getattr(models, name), nn.Module)}
    assert classes - {"AutoModel", "BaseAE"} == set(EVERY_MODEL)


@pytest.mark.parametrize("name", EVERY_MODEL)
def test_a_model_is_opened_bit_equal(name: str, tmp_path: Path) -> None:
    model = make_pythae(name, latent_dim=3)
    loaded = load_pythae(saved(model, tmp_path / "model"))
    assert type(loaded) is type(model)
    assert loaded.model_config == model.model_config
    assert not any(module.training for module in loaded.modules())
    assert_same(loaded.state_dict(), model.state_dict())
    assert_same(outputs(loaded), outputs(model))


def test_a_subclass_of_the_user_is_opened_as_the_model_it_extends(tmp_path: Path) -> None:
    from pythae.models import BetaVAE

    model = make_pythae("BetaVAE", base=type("MyVAE", (BetaVAE,), {}))
    loaded = load_pythae(saved(model, tmp_path))
    assert type(loaded) is BetaVAE
    assert_same(outputs(loaded), outputs(model))


def test_the_learnt_metric_of_an_rhvae_is_opened_too(tmp_path: Path) -> None:
    model = make_pythae("RHVAE", latent_dim=2)
    with torch.random.fork_rng():
        torch.manual_seed(3)
        model({"data": IMAGES})
        model.update()
    assert model.M_tens.shape == (7, 2, 2)
    loaded = load_pythae(saved(model, tmp_path))
    assert torch.equal(loaded.M_tens, model.M_tens)
    assert torch.equal(loaded.centroids_tens, model.centroids_tens)
    z = model.centroids_tens[:4] + 0.1
    assert torch.equal(loaded.G(z), model.G(z))
    assert torch.equal(loaded.G_inv(z), model.G_inv(z))


def test_the_final_model_of_a_training_pipeline(tmp_path: Path) -> None:
    from pythae.pipelines import TrainingPipeline
    from pythae.trainers import BaseTrainerConfig

    model = make_pythae("VAE", latent_dim=2)
    state = np.random.get_state()  # noqa: NPY002 (the trainer sets every seed)
    with torch.random.fork_rng():
        config = BaseTrainerConfig(output_dir=str(tmp_path), num_epochs=1, no_cuda=True)
        TrainingPipeline(model=model, training_config=config)(train_data=IMAGES, eval_data=None)
    np.random.set_state(state)  # noqa: NPY002
    (folder,) = tmp_path.glob("*/final_model")
    loaded = load_pythae(folder)
    assert_same(loaded.state_dict(), model.cpu().state_dict())
    assert not torch.equal(outputs(loaded)["embedding"], outputs(make_pythae("VAE", latent_dim=2))["embedding"])


@pytest.mark.usefixtures("without_type_checks")
def test_the_random_state_stays(tmp_path: Path) -> None:
    folder = saved(make_pythae("VAE_LinNF"), tmp_path)
    before = random_states()
    load_pythae(folder)
    assert random_states() == before


class TestNetsOfOnesOwn:
    def test_they_are_passed(self, tmp_path: Path) -> None:
        model = make_noisy_pythae_vae(seed=0)
        wanted = outputs(model)
        folder = saved(model, tmp_path)
        nets = custom_nets(seed=1)
        loaded = load_pythae(folder, **nets)
        assert (loaded.encoder, loaded.decoder) == (nets["encoder"], nets["decoder"])
        assert_same(outputs(loaded), wanted)

    @pytest.mark.parametrize("passed", [[], ["encoder"], ["decoder"], ["encoder", "decoder"]])
    def test_the_others_are_unpickled_if_allowed(self, passed: list[str], tmp_path: Path) -> None:
        model = make_noisy_pythae_vae(seed=0)
        wanted = outputs(model)
        folder = saved(model, tmp_path)
        nets = {name: net for name, net in custom_nets(seed=1).items() if name in passed}
        loaded = load_pythae(folder, allow_pickle=True, **nets)
        assert {name: getattr(loaded, name) for name in passed} == nets
        assert not any(module.training for module in loaded.modules())
        assert_same(outputs(loaded), wanted)

    @pytest.mark.parametrize(
        ("passed", "message"),
        [
            ([], r"encoder\.pkl and decoder\.pkl, and .* execute code .* Pass encoder=\.\.\., decoder=\.\.\. with"),
            (["decoder"], r"in encoder\.pkl, and .* would execute code .* Pass encoder=\.\.\. with nets"),
            (["encoder"], r"in decoder\.pkl, and .* would execute code .* Pass decoder=\.\.\. with nets"),
        ],
        ids=["neither", "no encoder", "no decoder"],
    )
    def test_the_others_are_refused_if_not(self, passed: list[str], message: str, tmp_path: Path) -> None:
        folder = saved(make_noisy_pythae_vae(), tmp_path)
        nets = {name: net for name, net in custom_nets(seed=1).items() if name in passed}
        with pytest.raises(StorageError, match=rf"{message}.*allow_pickle=True, only if you trust the folder\.$"):
            load_pythae(folder, **nets)

    def test_they_may_replace_default_nets(self, tmp_path: Path) -> None:
        model = make_pythae("VAE", seed=0)
        loaded = load_pythae(saved(model, tmp_path), encoder=make_pythae("VAE", seed=1).encoder)
        assert_same(outputs(loaded), outputs(model))

    def test_of_another_architecture(self, tmp_path: Path) -> None:
        folder = saved(make_noisy_pythae_vae(dim=3), tmp_path)
        other = make_noisy_pythae_vae(dim=2)
        message = (
            r"(?s)model\.pt does not fit the model; pass the encoder and decoder.*encoder\.mean\.weight.*\[3, 16\]"
        )
        with pytest.raises(StorageError, match=message):
            load_pythae(folder, encoder=other.encoder, decoder=other.decoder)

    def test_missing_from_a_model_without_default_ones(self, tmp_path: Path) -> None:
        model = make_pythae("VAE")
        model.set_encoder(make_noisy_pythae_vae().encoder)  # pythae does not note that the encoder is another
        with pytest.raises(StorageError, match=r'(?s)does not fit.*Missing key.*"encoder\.layers.*"encoder\.trunk'):
            load_pythae(saved(model, tmp_path))

    def test_not_of_pythaes_kind(self, tmp_path: Path) -> None:
        folder = saved(make_pythae("VAE"), tmp_path)
        with pytest.raises(StorageError, match=r"VAE in .* cannot be built: Encoder must inherit from BaseEncoder"):
            load_pythae(folder, encoder=nn.Identity())

    @pytest.mark.parametrize("name", ["metric", "discriminator"])
    def test_a_further_net_is_unpickled_only_if_allowed(self, name: str, tmp_path: Path) -> None:
        model = with_further_net(name)
        folder = saved(model, tmp_path)
        message = rf"in {name}\.pkl, and loading them would execute code from the folder\. Pass allow_pickle=True, only"
        with pytest.raises(StorageError, match=message):
            load_pythae(folder)
        loaded = load_pythae(folder, allow_pickle=True)
        assert_same(loaded.state_dict(), model.state_dict())
        assert_same(outputs(loaded), outputs(model))


def with_further_net(name: str) -> Any:
    """A model with a metric or a discriminator of its own."""
    from pythae.models import RHVAE, VAEGAN, RHVAEConfig, VAEGANConfig
    from pythae.models.nn import BaseDiscriminator, BaseMetric

    model_class, make_config, base = {
        "metric": (RHVAE, RHVAEConfig, BaseMetric),
        "discriminator": (VAEGAN, VAEGANConfig, BaseDiscriminator),
    }[name]

    class Net(base):
        depth = 1

        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(2, 3)

    with torch.random.fork_rng():
        config = make_config(input_dim=(1, 8, 8), latent_dim=2)
        return model_class(config, **{name: Net()})


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
