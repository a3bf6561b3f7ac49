"""The command line in shards: codes by `encode`, a fit on them, samples and latents in arrays."""

import re
from pathlib import Path

import numpy as np
import pytest
import torch

from riemann_sampler import RiemannianUniformSampler
from riemann_sampler.cli.parser import make_parser
from riemann_sampler.compute.seeds import derive_seed
from riemann_sampler.sharding.tasks import encode_shards, read_codes, sample_shards
from tests.helpers.builders import TwoHalves, data
from tests.helpers.command_line import SMALL, Shell
from tests.helpers.shard_tasks import contents

PAGE = (Path(__file__).parents[2] / "docs" / "how-to" / "many-machines.md").read_text()
ENCODE = ("encode", "--model", "my_models:two_halves", "--data", "x.npy", "--out", "codes")
SETTINGS = tuple(word for name, value in SMALL.items() for word in ("--set", f"{name}={value}"))


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Shell:
    return Shell(tmp_path, monkeypatch, capsys)


def test_encode_makes_what_python_makes(shell: Shell) -> None:
    status, out, err = shell(*ENCODE, "--shard-size", 25, "--batch-size", 7, "--device", "cpu")
    assert (status, err) == (0, "")
    assert out.startswith("read x.npy: shape (60, 4), float32, ")
    assert out.endswith("encoded on cpu into codes\n")
    encode_shards(TwoHalves(), data(), "wanted", shard_size=25, batch_size=7)
    assert contents(Path("codes")) == contents(Path("wanted"))
    assert len(contents(Path("codes"))) == 4


def test_data_that_are_not_finite(shell: Shell) -> None:
    x = data().numpy()
    x[42, 1] = np.nan
    np.save("x.npy", x)
    status, _, err = shell(*ENCODE, "--shard-size", 20)
    assert status == 2
    assert re.fullmatch(r"riemann-sampler: error: rows 40 to 59 of the data.* row 2 holds NaN or infinity\.\n", err)
    assert sorted(path.name for path in Path("codes").iterdir()) == [
        "codes-00000-of-00003.safetensors",
        "codes-00001-of-00003.safetensors",
        "manifest.json",
    ]


def test_a_fit_on_codes_is_that_on_the_data(shell: Shell) -> None:
    shell(*ENCODE)
    for labels in ((), ("--labels", "y.npy")):
        assert shell.fit(*labels)[0] == 0
        status, out, _ = shell("fit", "--codes", "codes", "--out", "of_codes", *SETTINGS, *labels)
        assert status == 0
        assert "read codes: 60 codes in 2 latent dimensions\n" in out
        assert contents(Path("of_codes")) == contents(Path("sampler"))


def test_samples_in_shards(shell: Shell) -> None:
    shell.fit("--labels", "y.npy")
    arguments = ("-n", 25, "--seed", 3, "--shard-size", 10, "--label", 8, "--batch-size", 4, "--out", "found")
    status, out, _ = shell.sample(*arguments)
    assert (status, out) == (0, "wrote 25 samples to found\n")
    sampler = RiemannianUniformSampler.load("sampler", TwoHalves())
    sample_shards(sampler, 25, "wanted", seed=3, shard_size=10, label=8)
    assert contents(Path("found")) == contents(Path("wanted"))
    before = Path("found/samples-00001-of-00003.npy").stat()
    assert shell.sample(*arguments)[0] == 0
    assert Path("found/samples-00001-of-00003.npy").stat() == before
    status, _, err = shell.sample(*arguments, "--seed", 4)
    assert status == 2
    assert "found holds shards of another run: seed is 3 there, 4 here." in err


def test_latents_need_no_model(shell: Shell) -> None:
    shell.fit()
    latents = ("sample", "--sampler", "sampler", "-n", 15, "--seed", 3, "--latents", "--out")
    assert shell(*latents, "z.npy")[0] == 0
    assert shell(*latents, "z", "--shard-size", 10)[0] == 0
    sampler = RiemannianUniformSampler.load("sampler")
    assert np.array_equal(np.load("z.npy"), sampler.sample_latents(15, seed=3).z.numpy())
    wanted = sampler.sample_latents(5, seed=derive_seed(3, 1)).z
    assert np.array_equal(np.load("z/latents-00001-of-00002.npy"), wanted.numpy())


def test_the_page_shows_commands_that_parse() -> None:
    commands = re.findall(r"riemann[-_]sampler ((?:encode|fit|sample) .*)$", PAGE.replace("\\\n", ""), re.MULTILINE)
    parsed = [make_parser("0").parse_args(command.split()) for command in commands]
    assert {options.command for options in parsed} == {"encode", "fit", "sample"}


def test_the_code_of_the_page_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names = {"model": TwoHalves(), "images": data(), "group": None}
    (block,) = [block for block in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL) if "group=group" in block]
    exec(compile(block.replace("1_000_000", "100"), "many-machines.md", "exec"), names)
    assert torch.equal(read_codes("my_codes").mean, data()[:, :2])
    assert np.load("my_samples/samples-00000-of-00001.npy").shape == (100, 1, 4)
