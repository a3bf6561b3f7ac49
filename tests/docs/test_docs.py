"""The pages are true: their code and commands run, every public name is on them, scripts compile."""

import ast
import importlib
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from sklearn.datasets import load_breast_cancer, load_digits
from torch import Tensor, nn

import riemann_sampler
from benchmarks.models.zoo import diffusers, modules, monai, scvi
from benchmarks.models.zoo.training import train
from riemann_sampler import RiemannianUniformSampler, adapters
from riemann_sampler.adapters import AdapterRegistry, registry
from riemann_sampler.cli import main
from riemann_sampler.settings import PRESETS
from tests.helpers.documents import (
    DOCS,
    ROOT,
    code_blocks,
    commands,
    common_names,
    run,
    take_few_steps,
    trained_vae,
    write_trained_folder,
)
from tests.helpers.models import PlainVAE, digit_images, make_plain_vae

PAGES = [path for path in DOCS.rglob("*.md") if not {"_build", "auto_tutorials", "auto_explanation"} & {*path.parts}]
SCRIPTS = sorted([*DOCS.glob("tutorials/*.py"), *DOCS.glob("explanation/*.py"), *ROOT.glob("examples/*.py")])
LIBRARIES = {
    "pythae": adapters.pythae.USABLE,
    "diffusers.models.autoencoders": adapters.diffusers.USABLE,
    "monai": adapters.monai.USABLE,
    "scvi": adapters.scvi.USABLE,
}


def page(name: str) -> str:
    return (DOCS / f"{name}.md").read_text()


@pytest.fixture(scope="module")
def names() -> dict[str, Any]:
    return common_names()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files that pages take for granted."""
    folder = tmp_path_factory.mktemp("pages")
    write_trained_folder(folder)
    return folder


def few(names: dict[str, Any]) -> dict[str, Any]:
    """The same names, with so few images that chains are quick."""
    return {**names, "train_images": names["train_images"][:80], "train_labels": names["train_labels"][:80] < 5}


# Code


@pytest.mark.parametrize(
    "name", ["index", "how-to/choose-a-preset", "how-to/check-for-copies", "how-to/gpu-and-float32", "how-to/seeds"]
)
def test_code_of_short_pages_runs(name: str, names: dict[str, Any]) -> None:
    found = run(page(name), few(names))
    assert isinstance(found["sampler"], RiemannianUniformSampler)
    assert len(found["images"]) in (64, 200)
    if name.endswith("copies"):
        assert found["pairs"].shape == (8, 2, 1, 8, 8)
        assert 0 < len(found["fresh"]) < 200


def test_the_summary_has_the_lines_that_the_page_explains(
    names: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    text = page("how-to/read-the-summary")
    run(text, few(names))
    heading, figures, verdict, heading_of_two, figures_of_two, verdict_of_two = (
        capsys.readouterr().out.replace("\npreset", "\n\npreset").split("\n\n")
    )
    printed = [line.split("  ")[0] for line in figures.splitlines()]
    (example,) = re.findall(r"```text\n(.*?)```", text, re.DOTALL)
    assert printed == [line.split("  ")[0] for line in example.split("\n\n")[1].splitlines()]
    table = text.split("## The figures")[1].split("## Warnings")[0]
    assert printed == re.findall(r"^\| `([^`]+)` \|", table, re.MULTILINE)
    assert heading.splitlines()[0] == example.splitlines()[0]
    assert "\nlabel " in "\n" + figures_of_two
    sentences = re.findall(r'^\| "(?:… )?([^"]+)" \|', text, re.MULTILINE)
    for line in [*verdict.splitlines(), *verdict_of_two.splitlines()]:
        assert any(sentence in line for sentence in sentences), line
    assert heading_of_two.startswith("preset 'local'\n")


@pytest.mark.filterwarnings("ignore:`isinstance.treespec, LeafSpec.:FutureWarning")  # Lightning's own, on loading
def test_the_page_on_models_runs(names: dict[str, Any], folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    images = digit_images()[:200]
    diffusers.MODELS["AutoencoderKL"]().model.save_pretrained(folder / "my_autoencoder")
    net = monai.make_monai("VarAutoEncoder", latent_size=8)
    train(net, net.encode_forward, net.decode_forward, images, n_epochs=2, beta=0.02)
    torch.save(net.state_dict(), folder / "my_net.pt")
    modules.train_with_lightning(images, checkpoint=folder / "my_vae.ckpt")
    adata = scvi.cells().copy()
    scvi_model = scvi.make_scvi(adata)
    posterior = adapters.as_latent_model(names["vae"]).encode(images[:100])
    given = {"train_photos": 2 * images - 1, "adata": adata, "scvi_model": scvi_model, "LitVAE": modules.LightningVAE}
    given |= {"autoencoder": names["vae"], "means": posterior.mean, "log_variances": posterior.log_variance}
    monkeypatch.chdir(folder)
    found = run(page("how-to/models"), {**few(names), **given})
    assert found["images"].shape == (16, 1, 8, 8)
    assert found["photos"].shape == (16, 1, 8, 8)
    assert found["counts"].shape == (100, 765)
    assert found["latents"].z.shape == (100, 2)
    assert len(list((folder / "pictures").glob("*.png"))) == 64


class Gaussian(NamedTuple):
    mu: Tensor
    sigma: Tensor


class Net(nn.Module):
    """A model of a library that calls its methods otherwise."""

    def __init__(self, vae: PlainVAE) -> None:
        super().__init__()
        self.vae = vae

    def posterior(self, x: Tensor) -> Gaussian:
        mean, log_variance = self.vae.encode(x)
        return Gaussian(mean, (log_variance / 2).exp())

    def generate(self, z: Tensor) -> Tensor:
        return self.vae.decode(z)


Net.__module__ = "mylibrary.nets"


@pytest.mark.filterwarnings("ignore::riemann_sampler.CollapseWarning")  # the net is not trained
def test_the_page_on_adapters_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    known = AdapterRegistry({})
    monkeypatch.setattr("riemann_sampler.sampler.as_latent_model", known)
    monkeypatch.setattr("riemann_sampler.adapters.as_latent_model", known)
    names = {"net": Net(make_plain_vae(2)).eval(), "images": digit_images()[:200]}
    samplers = []
    for block in code_blocks(page("how-to/write-an-adapter")):
        exec(compile(block, "write-an-adapter.md", "exec"), names)
        samplers.append(names["sampler"])
    assert known.names == ("mylibrary",)
    names["net"].eval()
    for sampler in samplers:
        assert isinstance(sampler, RiemannianUniformSampler)
        assert sampler.sample(3, seed=0).shape == (3, 1, 8, 8)
    torch.testing.assert_close(samplers[0].sample(3, seed=0), samplers[1].sample(3, seed=0))
    assert f'[project.entry-points."{registry.ENTRY_POINT_GROUP}"]' in page("how-to/write-an-adapter")


def test_the_page_on_benchmarks_has_a_sampler_that_runs(names: dict[str, Any]) -> None:
    (block,) = code_blocks(page("how-to/benchmark-your-sampler"))
    exec(compile(block, "benchmark-your-sampler.md", "exec"), names := dict(names))
    from benchmarks.samplers.interface import Task

    latent = adapters.as_latent_model(names["vae"])
    x = names["train_images"]
    task = Task(names["vae"], latent, latent.encode(x), x, np.zeros(len(x), dtype=int), x[:10])
    sampler = names["Mine"]()
    assert sampler.fit(task, 0) is sampler
    assert torch.equal(sampler.sample(5, seed=1), sampler.sample(5, seed=1))
    assert sampler.sample(5, seed=1).shape == (5, 1, 8, 8)
    described = re.findall(r"^\| `task\.(\w+)` \|", page("how-to/benchmark-your-sampler"), re.MULTILINE)
    assert tuple(described) == Task._fields


def test_the_page_on_geometry_runs(capsys: pytest.CaptureFixture[str]) -> None:
    vae, images = trained_vae()
    names = run(page("geometry"), {"vae": vae, "images": images[:104]}, n_steps=2, n_points=12)
    assert names["decoded"].shape == (4, 16, 1, 8, 8)
    assert names["curves"].points.shape == (4, 12, 2)
    assert names["far"].shape == (4, 4)
    torch.testing.assert_close(names["there"], names["a"] + 0.1, rtol=0, atol=1e-3)
    assert names["walks"].points.shape == (8, 3, 2)
    assert names["clusters"].labels_.shape == (100,)
    assert torch.isfinite(names["mean"].point).all()
    assert names["around"].z.shape == (8, 2)
    assert "noise" in capsys.readouterr().out


@pytest.mark.filterwarnings("ignore::riemann_sampler.CollapseWarning")  # the net is hardly trained
def test_the_page_on_augmentation_runs(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("imblearn")
    take_few_steps(monkeypatch)
    vae, images = trained_vae()
    measurements, y = load_breast_cancer(return_X_y=True)
    rows = np.r_[np.flatnonzero(y == 0)[:40], np.flatnonzero(y == 1)[:90]]
    given = {
        "vae": vae,
        "images": images[:400],
        "digits": load_digits().target[:400],
        "X": measurements[rows],
        "y": y[rows],
    }
    names = run(page("augmentation"), given)
    assert len(names["scores"]) == 3
    assert np.bincount(names["y_more"]).tolist() == [200, 200]
    assert names["sevens"].shape == (20, 1, 8, 8)
    assert names["some"].shape == (15, 1, 8, 8)
    assert names["paired"].shape == (32, 1, 8, 8)
    assert names["dataset"].n_synthetic == 800
    assert names["x"].shape[1:] == (1, 8, 8)
    assert len(names["fresh"]) <= 20
    assert capsys.readouterr().out.count("kept") == 3


def test_commands_of_the_page_run(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(folder)
    for command in commands(page("how-to/command-line")):
        program, *arguments = shlex.split(command)
        assert program == "riemann-sampler"
        assert main(arguments) == 0
    assert "wrote 64 samples" in capsys.readouterr().out
    assert (folder / "my_wider_fit" / "config.json").exists()


def test_pages_whose_code_is_not_run_have_none() -> None:
    """A new page with code needs a test above."""
    run_here = {
        *("index", "geometry", "augmentation"),
        *(f"how-to/{name}" for name in ("choose-a-preset", "check-for-copies", "gpu-and-float32", "seeds", "models")),
        *(f"how-to/{name}" for name in ("read-the-summary", "write-an-adapter", "benchmark-your-sampler")),
        "how-to/many-machines",  # in test_cli_shards.py
    }
    with_code = {str(path.relative_to(DOCS).with_suffix("")) for path in PAGES if code_blocks(path.read_text())}
    assert with_code == run_here


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_scripts_compile_and_use_public_names(script: Path) -> None:
    """``make docs`` runs those of the documentation."""
    tree = ast.parse(script.read_text())
    compile(tree, str(script), "exec")
    if script.is_relative_to(DOCS):
        assert ast.get_docstring(tree).splitlines()[0 if ast.get_docstring(tree)[0] != "\n" else 1]
        for module, name in _imports(tree):
            assert name in importlib.import_module(module).__all__, f"{module}.{name}"


def _imports(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Names that are imported from this package."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("riemann_sampler"):
            yield from ((node.module, alias.name) for alias in node.names)


# What pages must say


def test_the_island_is_defined_once() -> None:
    texts = [path.read_text() for path in [*PAGES, *SCRIPTS]]
    assert sum(text.count(".. _island:") for text in texts) == 1
    assert sum("*island* of a code is" in text for text in texts) == 1


def test_every_preset_is_explained() -> None:
    rows = re.findall(r"^\| [^|]+ \| `\"(\w+)\"` \|", page("how-to/choose-a-preset"), re.MULTILINE)
    assert rows[0] == "local"
    assert {*rows} == {*PRESETS}


def test_every_warning_has_a_cure() -> None:
    warnings = {name for name in riemann_sampler.__all__ if name.endswith("Warning")} - {"RiemannSamplerWarning"}
    assert {*re.findall(r"^\| `(\w+Warning)` \|", page("how-to/read-the-summary"), re.MULTILINE)} == warnings


def test_models_with_an_adapter_are_listed() -> None:
    text = page("how-to/models")
    refused = {"generative.networks", "multivae"}
    assert {*LIBRARIES, *refused} == set(adapters.as_latent_model.names)
    rows = [line for line in text.splitlines() if line.startswith("|") and "` |" in line]
    listed = [set(re.findall(r"`(\w+)`", row.split("|")[2])) for row in rows]
    for usable in LIBRARIES.values():
        assert set(usable) in listed
    assert all(word in text for word in ("MultiVae", "`generative`"))


@pytest.mark.parametrize(
    "package",
    ["", ".adapters", ".augmentation", ".geometry", ".geometry.plots", ".pythae", ".sharding"],
)
def test_every_public_name_is_in_the_api(package: str) -> None:
    face = importlib.import_module(f"riemann_sampler{package}")
    text = "".join(path.read_text() for path in DOCS.glob("api/*.md"))
    if f"automodule:: {face.__name__}\n   :members:" in text:
        return
    described = set(re.findall(r"auto(?:class|exception|function):: (\w+)", text))
    assert {*face.__all__} <= described
