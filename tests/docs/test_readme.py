"""The README is short and true: its code runs as it stands, and what it claims is that of the committed results."""

import re
import shlex
from importlib.metadata import metadata

import numpy as np
import pytest
import torch

from benchmarks.readme import DOCUMENTS, filled
from riemann_sampler import RiemannianUniformSampler
from riemann_sampler.cli import main
from riemann_sampler.settings import PRESETS
from tests.helpers.documents import ROOT, code_blocks, commands, common_names, run, take_few_steps, write_trained_folder

README = (ROOT / "README.md").read_text()
MOST_LINES = 150


def test_it_is_short():
    assert len(README.splitlines()) <= MOST_LINES


def test_it_leads_with_what_it_is_and_shows():
    title, sentence, picture = [block for block in README.split("\n\n") if block][:3]
    assert title == "# riemann_sampler"
    assert "\n" not in sentence
    assert picture.startswith("![")
    assert len(code_blocks(README)[0].strip().splitlines()) <= 4


def test_it_recommends_local_first():
    assert 'from_preset("local", vae)' in code_blocks(README)[0]
    (first_row,) = re.findall(r"\| \*\*to start here\*\* \| `\"(\w+)\"`", README)
    assert first_row == "local"
    assert all(f'`"{preset}"`' in README for preset in PRESETS)


def test_its_code_runs(tmp_path, monkeypatch, capsys):
    take_few_steps(monkeypatch)
    monkeypatch.chdir(tmp_path)
    names = run(README, common_names())
    assert names["images"].shape == (64, 1, 8, 8)
    assert (tmp_path / "samples.png").stat().st_size > 1_000
    again = RiemannianUniformSampler.load("my_sampler", names["vae"])
    assert again.sample(3, seed=0).shape == (3, 1, 8, 8)
    assert np.ptp(np.bincount(names["y_more"])) == 0 < np.ptp(np.bincount(names["y"]))
    assert torch.isfinite(names["sampler"].sample(3)).all()
    assert "island scale" in capsys.readouterr().out


def test_its_commands_run(tmp_path, monkeypatch, capsys):
    write_trained_folder(tmp_path)
    monkeypatch.chdir(tmp_path)
    for command in commands(README):
        program, *arguments = shlex.split(command)
        assert program == "riemann-sampler"
        assert main(arguments) == 0
    assert "--preset local" in commands(README)[0]
    assert "wrote 64 samples of shape (1, 8, 8) to samples" in capsys.readouterr().out
    assert len(list((tmp_path / "samples").glob("*.png"))) == 64


def test_it_names_the_targets_and_the_extras():
    targets = re.findall(r"^(\w+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert {"demo", "test", "docs"} <= set(targets) & set(re.findall(r"make (\w+)", README))
    extras = metadata("riemann-sampler").get_all("Provides-Extra")
    assert {"pythae", "diffusers", "monai", "scvi"} == set(re.findall(r"`\[(\w+)\]` \|", README)) < set(extras)


def test_its_links_lead_somewhere():
    links = [link for link in re.findall(r"\]\(([^)]+)\)", README) if "://" not in link]
    assert len(links) > 10
    for link in links:
        assert (ROOT / link.partition("#")[0]).exists(), link


def test_its_pictures_are_there():
    pictures = re.findall(r"!\[.*?\]\((.*?)\)", README)
    assert len(pictures) == 2
    sizes = [(ROOT / picture).stat().st_size for picture in pictures]
    assert min(sizes) > 10_000
    assert sizes[0] < 150_000


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_documents_are_those_of_the_committed_results(document):
    text = document.read_text()
    assert filled(text, DOCUMENTS[document]) == text


def test_its_evidence_counts_the_models(monkeypatch):
    """The claim is made anew from the results: a worse preset would be seen."""
    (claim,) = re.findall(r"On (\d+) of (\d+) models preset `\"local\"`", README)
    monkeypatch.setattr("benchmarks.readme.RECOMMENDED", "ours: uniform")
    text = filled(README, DOCUMENTS[ROOT / "README.md"])
    (other,) = re.findall(r"On (\d+) of (\d+) models preset `\"local\"`", text)
    assert claim[1] == other[1]
    assert int(claim[0]) > int(other[0])
