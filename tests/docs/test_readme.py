"""The README is true: its code runs as it stands, its tables are those of the committed results."""

import re
import shlex
from importlib.metadata import metadata
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.datasets import load_breast_cancer

from benchmarks.models.zoo import diffusers, modules, monai, pythae, scvi
from benchmarks.models.zoo.training import train
from benchmarks.readme import DOCUMENTS, RESULTS, filled
from riemann_sampler import RiemannianUniformSampler, adapters
from riemann_sampler.cli.main import main
from riemann_sampler.settings import PRESETS
from tests.helpers.models import digit_images, make_digits_vae

README = (Path(__file__).parents[2] / "README.md").read_text()
BLOCKS = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
COMMANDS = [line for block in re.findall(r"```sh\n(.*?)```", README, re.DOTALL) for line in block.splitlines()]
LIBRARIES = {
    "pythae": adapters.pythae.USABLE,
    "diffusers.models.autoencoders": adapters.diffusers.USABLE,
    "monai": adapters.monai.USABLE,
    "scvi": adapters.scvi.USABLE,
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The files that the README takes for granted."""
    folder = tmp_path_factory.mktemp("readme")
    images = digit_images()[:400]
    np.save(folder / "images.npy", images.numpy())
    pythae.train_pythae("BetaVAE", images, n_epochs=15, folder=folder / "trained")
    (folder / "my_vae").mkdir()
    next((folder / "trained").glob("*/final_model")).rename(folder / "my_vae" / "final_model")
    diffusers.MODELS["AutoencoderKL"]().model.save_pretrained(folder / "my_autoencoder")
    net = monai.make_monai("VarAutoEncoder", latent_size=8)
    train(net, net.encode_forward, net.decode_forward, images, n_epochs=5, beta=0.02)
    torch.save(net.state_dict(), folder / "my_net.pt")
    modules.train_with_lightning(images, checkpoint=folder / "my_vae.ckpt")
    return folder


@pytest.fixture(scope="module")
def names():
    """What it takes for granted beside them: trained models, their data, and two functions."""
    vae, images = make_digits_vae(latent_dim=2, epochs=10)
    scvi_model, adata = scvi.MODELS["SCVI"]()

    def my_encode(x):
        output = vae.encoder(x)
        return output.embedding, (0.5 * output.log_covariance).exp()

    def my_decode(z):
        return vae.decoder(z).reconstruction

    data = {"train_images": images[:400], "train_photos": 2 * images[:400] - 1, "adata": adata}
    measurements, tumours = load_breast_cancer(return_X_y=True)
    data |= {"X": measurements[:60], "y": tumours[:60]}
    functions = {"my_encode": my_encode, "my_decode": my_decode}
    return {"vae": vae, "scvi_model": scvi_model, "LitVAE": modules.LightningVAE, **data, **functions}


def test_it_opens_with_four_lines():
    assert len(BLOCKS[0].strip().splitlines()) <= 4


@pytest.mark.filterwarnings("ignore:`isinstance.treespec, LeafSpec.:FutureWarning")  # Lightning's own, on loading
def test_its_code_runs(names, folder, monkeypatch, capsys):
    monkeypatch.chdir(folder)
    namespace = dict(names)
    with torch.random.fork_rng(devices=[]):  # new nets are drawn, and counts
        for block in BLOCKS:
            code = block.replace("latent_dim=16", "latent_dim=2")  # the VAE of this test is a small one
            exec(compile(code, "README.md", "exec"), namespace)
    assert namespace["images"].shape == (16, 1, 8, 8)
    assert namespace["photos"].shape == (16, 1, 8, 8)
    assert namespace["counts"].shape == (100, 765)
    assert len(list((folder / "pictures").glob("*.png"))) == 64
    assert np.ptp(np.bincount(namespace["y_more"])) == 0 < np.ptp(np.bincount(namespace["y"]))
    assert isinstance(namespace["sampler"], RiemannianUniformSampler)
    assert torch.isfinite(namespace["sampler"].sample(3)).all()
    assert "temperature" in capsys.readouterr().out


def test_two_lines_sample_a_trained_folder(names, folder, monkeypatch):
    monkeypatch.chdir(folder)
    (block,) = [block for block in BLOCKS if "load_pythae" in block]
    namespace = dict(names) | {"RiemannianUniformSampler": RiemannianUniformSampler}
    exec(compile(block, "README.md", "exec"), namespace)
    assert namespace["images"].shape == (64, 1, 8, 8)
    assert len(block.strip().splitlines()) <= 4


def test_its_commands_run(folder, monkeypatch, capsys):
    monkeypatch.chdir(folder)
    for command in COMMANDS:
        program, *arguments = shlex.split(command)
        assert program == "riemann-sampler"
        assert main(arguments) == 0
    assert "calibrated" in COMMANDS[0]
    assert "wrote 64 samples of shape (1, 8, 8) to samples" in capsys.readouterr().out
    assert len(list((folder / "samples").glob("*.png"))) == 64


def test_it_lists_the_models_that_have_an_adapter():
    refused = {"generative.networks", "multivae"}
    assert {*LIBRARIES, *refused} == set(adapters.as_latent_model.names)
    rows = [line for line in README.splitlines() if line.startswith("|") and "` |" in line]
    listed = [set(re.findall(r"`(\w+)`", row.split("|")[2])) for row in rows]
    for usable in LIBRARIES.values():
        assert set(usable) in listed
    assert all(word in README for word in ("MultiVae", "`generative`"))


def test_it_names_the_extras():
    extras = metadata("riemann-sampler").get_all("Provides-Extra")
    named = set(re.findall(r"\| `\[(\w+)\]` \|", README))
    assert named == {"pythae", "diffusers", "monai", "scvi"} < set(extras)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_tables_are_those_of_the_committed_results(document):
    text = document.read_text()
    assert filled(text, DOCUMENTS[document]) == text


def test_its_pictures_are_there():
    pictures = re.findall(r"!\[.*?\]\((.*?)\)", README)
    assert len(pictures) >= 2
    for picture in pictures:
        assert (RESULTS.parent.parent / picture).stat().st_size > 10_000


def test_it_names_every_preset():
    assert all(f'`"{preset}"`' in README for preset in PRESETS)
