"""The command line draws what Python draws."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from riemann_sampler import RiemannianUniformSampler
from riemann_sampler.files.images import read_images
from riemann_sampler.settings import PRESETS, Settings
from tests.helpers.builders import TwoHalves, data
from tests.helpers.command_line import SMALL, Shell, fitted
from tests.helpers.models import make_pythae


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Shell:
    return Shell(tmp_path, monkeypatch, capsys)


@pytest.fixture(scope="module")
def labelled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("labelled")
    fitted([3] * 40 + [8] * 20).save(folder)
    return folder


@pytest.fixture
def saved(labelled: Path, shell: Shell) -> str:  # noqa: ARG001 (it chooses the current directory)
    """A sampler fitted with labels, in the current directory."""
    shutil.copytree(labelled, "sampler")
    return "sampler"


class TestFit:
    def test_it_makes_what_python_makes(self, shell: Shell) -> None:
        assert shell.fit()[0] == 0
        loaded = RiemannianUniformSampler.load("sampler", TwoHalves())
        assert torch.equal(loaded.sample(9, seed=3), fitted().sample(9, seed=3))

    @pytest.mark.parametrize("preset", PRESETS)
    def test_presets_and_what_overrides_them(self, preset: str, shell: Shell) -> None:
        arguments = ["--preset", preset, "--set", "floor_share=0.002", "--set", "dtype=float32"]
        status, _, err = shell("fit", "--model", "my_models:two_halves", "--data", "x.npy", "--out", "s", *arguments)
        assert status == 0
        assert bool(err) is (preset == "paper")
        loaded = RiemannianUniformSampler.load("s")
        wanted = {**PRESETS[preset], "floor_share": 0.002}
        assert loaded.settings == Settings(**wanted)
        assert loaded.dtype == torch.float32

    @pytest.mark.parametrize(
        ("setting", "value"),
        [
            ("n_centroids=null", None),
            ("n_centroids=7", 7),
            ("temperature=1.5", 1.5),
            ("temperature=nearest", "nearest"),
            ('law="islands"', "islands"),
            ("law=islands", "islands"),
            ("global_moves=false", False),
        ],
    )
    def test_settings_are_json_or_text(self, setting: str, value: object, shell: Shell) -> None:
        settings = {"n_centroids": 20} if "islands" in setting else SMALL
        assert shell.fit("--set", setting, settings=settings)[0] == 0
        assert getattr(RiemannianUniformSampler.load("sampler").settings, setting.partition("=")[0]) == value

    def test_labels(self, shell: Shell) -> None:
        status, out, _ = shell.fit("--labels", "y.npy")
        assert status == 0
        assert "read y.npy: shape (60,), int64\n" in out
        loaded, wanted = RiemannianUniformSampler.load("sampler"), fitted([3] * 40 + [8] * 20)
        for label in (3, 8, None):
            assert torch.equal(
                loaded.sample_latents(9, label=label, seed=3).z, wanted.sample_latents(9, label=label, seed=3).z
            )

    def test_what_was_read_is_told_before_and_after_scaling(self, shell: Shell) -> None:
        np.save("x.npy", (data().numpy() * 20 + 128).clip(0, 250).astype(np.uint8))
        _, out, _ = shell.fit()
        low, high = np.load("x.npy").min(), np.load("x.npy").max()
        line = f"read x.npy: shape (60, 4), uint8, from {low} to {high}; taken as shape (60, 4), float32, "
        assert out.startswith(f"{line}from {low / 255:.4g} to {high / 255:.4g}\n")

    def test_an_older_sampler_is_replaced(self, shell: Shell) -> None:
        shell.fit()
        assert shell.fit("--set", "n_centroids=9")[0] == 0
        assert RiemannianUniformSampler.load("sampler").settings.n_centroids == 9
        assert len(list(Path("sampler").iterdir())) == 2

    def test_the_seed_is_that_of_the_fit(self, shell: Shell) -> None:
        drawn = []
        for seed in (0, 0, 1):
            assert shell.fit("--seed", seed)[0] == 0
            drawn.append(RiemannianUniformSampler.load("sampler").sample_latents(5, seed=0).z)
        assert torch.equal(drawn[0], drawn[1])
        assert not torch.equal(drawn[0], drawn[2])


class TestSample:
    @pytest.mark.parametrize(("label", "batch"), [(None, None), (3, None), (8, 2)])
    def test_it_draws_what_python_draws(self, label: int | None, batch: int | None, saved: str, shell: Shell) -> None:
        more = (["--label", label] if label else []) + (["--batch-size", batch] if batch else [])
        assert shell.sample("-n", 7, "--seed", 4, "--out", "new/a.npy", *more)[0] == 0
        wanted = RiemannianUniformSampler.load(saved, TwoHalves()).sample(7, label=label, seed=4)
        found = np.load("new/a.npy")
        assert found.dtype == np.float32
        assert np.array_equal(found, wanted.numpy())

    @pytest.mark.usefixtures("saved")
    def test_without_a_seed_the_draws_are_fresh(self, shell: Shell) -> None:
        for name in ("a.npy", "b.npy"):
            assert shell.sample("-n", 3, "--out", name)[0] == 0
        assert not np.array_equal(np.load("a.npy"), np.load("b.npy"))

    @pytest.mark.parametrize(
        ("labels", "text", "label"),
        [
            (["a", "b"], "b", "b"),
            (["7", "b"], "7", "7"),
            ([1.0, 2.0], "2", 2.0),
            ([1.5, 2.5], "2.5", 2.5),
            ([0, 7], "7", 7),
        ],
    )
    def test_labels_of_any_kind(self, labels: list[Any], text: str, label: Any, shell: Shell) -> None:
        np.save("y.npy", np.array([labels[0]] * 40 + [labels[1]] * 20))
        command = ("fit", "--model", "my_models:two_halves", "--data", "x.npy", "--labels", "y.npy", "--out", "sampler")
        assert shell(*command, "--preset", "calibrated")[0] == 0
        assert shell.sample("-n", 5, "--seed", 1, "--label", text, "--out", "a.npy")[0] == 0
        wanted = RiemannianUniformSampler.load("sampler", TwoHalves()).sample(5, label=label, seed=1)
        assert np.array_equal(np.load("a.npy"), wanted.numpy())

    @pytest.mark.usefixtures("saved")
    def test_values_of_pictures_are_clamped(self, shell: Shell) -> None:
        arguments = ("-n", 30, "--seed", 1, "--out")
        assert shell.sample(*arguments, "pictures", model="my_models:pictures")[0] == 0
        assert shell.sample(*arguments, "a.npy", model="my_models:pictures")[0] == 0
        decoded = np.load("a.npy")
        assert decoded.min() < -0.1
        assert decoded.max() > 1.1
        assert np.array_equal(read_images(Path("pictures")), np.round(decoded.clip(0, 1) * 255).astype(np.uint8))

    @pytest.mark.usefixtures("saved")
    def test_none_at_all(self, shell: Shell) -> None:
        assert shell.sample("-n", 0, "--out", "a.npy")[0] == 0
        assert np.load("a.npy").shape == (0, 1, 4)
        assert shell.sample("-n", 0, "--out", "pictures", model="my_models:pictures")[0] == 0
        assert list(Path("pictures").iterdir()) == []


def test_info_is_the_summary_of_a_thousand_draws(saved: str, shell: Shell) -> None:
    status, out, err = shell("info", saved)
    assert (status, err) == (0, "")
    sampler = RiemannianUniformSampler.load(saved)
    sampler.sample_latents(1000, seed=0)
    assert out == f"{sampler.summary()}\n"
    lines = out.splitlines()
    assert lines[:2] == [
        "preset 'uniform' with n_centroids=20, n_steps=4, n_warmup=10",
        "law 'volume', 60 codes in 2 dimensions, float64",
    ]
    assert [line.split() for line in lines if line.startswith(("label", "codes "))] == [
        ["label", "3", "8"],
        ["codes", "40", "20"],
    ]


def test_info_without_labels_or_chains(shell: Shell) -> None:
    shell.fit("--preset", "calibrated", "--set", "n_centroids=null", settings={})
    _, out, _ = shell("info", "sampler")
    assert out.startswith("preset 'calibrated'\nlaw 'islands', 60 codes in 2 dimensions, float64\n")
    assert "R-hat" not in out
    assert "Samples are independent, exact draws from their law." in out


def test_a_fit_is_summed_up_before_anything_is_drawn(shell: Shell) -> None:
    _, out, _ = shell.fit("--preset", "calibrated", "--set", "n_centroids=null", settings={})
    assert "Nothing is drawn yet" in out


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_cuda_is_the_default_where_it_is_there(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    assert shell.fit()[1].count("fitted on cpu\n") == 1
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    status, _, err = shell.fit()
    assert status == 2
    assert "argument --device: 'cuda' is not a device that torch can use here" in err


def test_on_any_device(shell: Shell, device: str) -> None:
    make_pythae("VAE").save("vae")
    np.save("x.npy", np.random.default_rng(0).random((60, 1, 8, 8), np.float32))
    status, out, _ = shell.fit("--device", device, model="vae")
    assert status == 0
    assert f"fitted on {device}\n" in out
    for name in ("a.npy", "b.npy"):
        assert shell.sample("--device", device, "-n", 4, "--seed", 1, "--out", name, model="vae")[0] == 0
    assert Path("a.npy").read_bytes() == Path("b.npy").read_bytes()
