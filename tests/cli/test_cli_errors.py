"""What the command line says when it cannot do, or is not asked to do, its work."""

import re
import shutil
import warnings
from pathlib import Path

import numpy as np
import pytest

import riemann_sampler
from riemann_sampler import RiemannianUniformSampler, RiemannSamplerWarning
from riemann_sampler.cli.main import main
from riemann_sampler.cli.parser import make_parser
from tests.helpers.builders import data
from tests.helpers.command_line import Shell, fitted


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Shell:
    return Shell(tmp_path, monkeypatch, capsys)


@pytest.fixture(scope="module")
def labelled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sampler fitted with labels."""
    folder = tmp_path_factory.mktemp("labelled")
    fitted([3] * 40 + [8] * 20).save(folder)
    return folder


def test_our_warnings_are_one_line_each(shell: Shell) -> None:
    status, _, err = shell.fit("--preset", "paper")
    assert status == 0
    assert len(err.splitlines()) == 2
    assert all(re.fullmatch(r"warning: .*\.", line) for line in err.splitlines())


def test_other_warnings_are_left_alone(shell: Shell) -> None:
    text = "import warnings\nfrom tests.helpers.builders import TwoHalves\n"
    text += "def two_halves():\n    warnings.warn('theirs', UserWarning)\n    return TwoHalves()\n"
    Path("my_models.py").write_text(text)
    with pytest.warns(UserWarning, match="theirs") as caught:
        _, _, err = shell.fit()
    assert err == ""
    assert not [warning for warning in caught if issubclass(warning.category, RiemannSamplerWarning)]


def test_the_filters_of_warnings_are_put_back(shell: Shell) -> None:
    before = (warnings.showwarning, [*warnings.filters])
    shell.fit()
    assert (warnings.showwarning, [*warnings.filters]) == before


FIT = ["fit", "--model", "my_models:two_halves", "--data", "x.npy", "--out", "out"]
SAMPLE = ["sample", "--model", "my_models:two_halves", "--sampler", "sampler", "-n", "2", "--out", "out"]
BAD: dict[str, tuple[list[str], str]] = {
    "no command": ([], r"the following arguments are required: COMMAND \(see riemann-sampler --help\)"),
    "unknown command": (["draw"], r"argument COMMAND: invalid choice: 'draw'"),
    "no output": (["encode", "--model", "m:f", "--data", "x.npy"], r"required: --out \(see riemann-sampler encode --h"),
    "no data": (["fit", "--model", "m:f", "--out", "out"], r"--model and --data are both needed, or --codes"),
    "no model for the data": (["fit", "--data", "x.npy", "--out", "out"], r"--model and --data are both needed"),
    "data and codes": ([*FIT, "--codes", "empty"], r"--codes are encoded already: leave out --model and --data\."),
    "no codes": (["fit", "--codes", "empty", "--out", "out"], r"empty holds no shards: there is no manifest\.json"),
    "codes into a file": (["encode", *FIT[1:-1], "x.npy"], r"--out x\.npy is a file; name a folder\."),
    "codes below a file": (["encode", *FIT[1:-1], "x.npy/a"], r"x\.npy/a/manifest\.json cannot be written: "),
    "shard size of 0": (["encode", *FIT[1:], "--shard-size", "0"], r"shard_size must be at least 1, got 0\."),
    "shortened option": ([*FIT, "--see", "3"], r"unrecognized arguments: --see 3"),
    "missing data": ([*FIT, "--data", "nowhere.npy"], r"nowhere\.npy: No such file or directory"),
    "missing IDX file": ([*FIT, "--data", "nowhere-ubyte"], r"nowhere-ubyte: No such file or directory"),
    "a folder without images": ([*FIT, "--data", "empty"], r"empty holds no images"),
    "not an array": ([*FIT, "--data", "my_models.py"], r"my_models\.py is not a \.npy, \.npz or IDX file"),
    "empty data": ([*FIT, "--data", "none.npy"], r"data is empty"),
    "not finite": ([*FIT, "--data", "nan.npy"], r"row 2 holds NaN or infinity"),
    "data of another shape": ([*FIT, "--data", "odd.npy"], r"posteriors have 3 dimensions\."),
    "labels of another number": ([*FIT, "--labels", "short.npy"], r"one label for each of the 60 data points, got 7\."),
    "labels of another shape": ([*FIT, "--labels", "x.npy"], r"labels must be numbers or strings of shape \(n,\)\."),
    "missing labels": ([*FIT, "--labels", "nowhere.npy"], r"nowhere\.npy: No such file or directory"),
    "missing model": ([*FIT, "--model", "nowhere"], r"--model 'nowhere' is neither a folder nor"),
    "folder without a model": ([*FIT, "--model", "empty"], r"empty holds no model of pythae"),
    "no model": ([*FIT, "--model", "my_models:something"], r"No adapter for a model of type str\. .* spread="),
    "unknown preset": ([*FIT, "--preset", "best"], r"argument --preset: invalid choice: 'best'"),
    "setting without a value": ([*FIT, "--set", "law"], r"argument --set: expected NAME=VALUE, got 'law' "),
    "unknown setting": ([*FIT, "--set", "rho=1"], r"unknown 'rho'; known are centroid_covariance, .*volume_exponent "),
    "setting of an option": ([*FIT, "--set", "device=cpu"], r"argument --set: unknown 'device'; known are "),
    "setting of no meaning": ([*FIT, "--set", "law=best"], r"law must be one of 'volume', 'islands'; got 'best'\."),
    "setting of another type": ([*FIT, "--set", "n_steps=2.5"], r"n_steps must be a whole number, got 2\.5 of type"),
    "not true or false": ([*FIT, "--set", "global_moves=no"], r"global_moves must be one of True, False; got 'no'\."),
    "unknown dtype": ([*FIT, "--set", "dtype=int8"], r"dtype must be one of float32, float64; got 'int8' "),
    "dtype that is a list": ([*FIT, "--set", "dtype=[1]"], r"dtype must be one of float32, float64; got '\[1\]' "),
    "unknown device": ([*FIT, "--device", "gpu"], r"argument --device: 'gpu' is not a device that torch can use here"),
    "device without numbers": ([*FIT, "--device", "meta"], r"argument --device: 'meta' is not a device"),
    "seed that is no number": ([*FIT, "--seed", "one"], r"argument --seed: invalid int value: 'one'"),
    "negative seed": ([*FIT, "--seed", "-1"], r"seed must be at least 0, got -1\."),
    "batch size of 0": ([*FIT, "--batch-size", "0"], r"batch_size must be at least 1, got 0\."),
    "sampler into a file": ([*FIT, "--out", "x.npy"], r"--out x\.npy is a file; name a folder\."),
    "no sampler": ([*SAMPLE, "--sampler", "nowhere"], r"nowhere holds no saved sampler"),
    "sampler of another model": ([*SAMPLE, "--model", "my_models:three"], r"has latent_dim=3\."),
    "unknown label": ([*SAMPLE, "--label", "5"], r"label '5' is unknown: known are \[3, 8\]\."),
    "label that is a list": ([*SAMPLE, "--label", "[3]"], r"label '\[3\]' is unknown"),
    "negative number": ([*SAMPLE, "-n", "-1"], r"n_samples must be at least 0, got -1\."),
    "no pictures": (SAMPLE, r"got \(2, 1, 4\); write them to a \.npy file"),
    "nothing to decode with": ([SAMPLE[0], *SAMPLE[3:]], r"--model is missing: .* --latents"),
    "latents as pictures": ([*SAMPLE, "--latents"], r"--latents are no images: --out out must be a \.npy file"),
    "shards without a seed": ([*SAMPLE, "--shard-size", "9"], r"--shard-size needs --seed"),
    "shards into a file": ([*SAMPLE, "--shard-size", "9", "--seed", "1", "--out", "x.npy"], r"--out x\.npy is a file"),
    "full folder": ([*SAMPLE, "--out", "full"], r"--out full is not empty; name a folder that is empty"),
    "pictures into a file": ([*SAMPLE, "--out", "my_models.py"], r"--out my_models\.py is a file; name a folder\."),
    "array into a folder": ([*SAMPLE, "--out", "folder.npy"], r"--out folder\.npy is a folder"),
    "below a file": ([*SAMPLE, "--out", "x.npy/a.npy"], r"x\.npy: (File exists|Not a directory)"),
    "info of nothing": (["info", "nowhere"], r"nowhere holds no saved sampler"),
}


@pytest.mark.parametrize(("arguments", "message"), BAD.values(), ids=BAD)
@pytest.mark.usefixtures("without_type_checks")
def test_bad_input_is_one_clear_line(arguments: list[str], message: str, labelled: Path, shell: Shell) -> None:
    shutil.copytree(labelled, "sampler")
    for folder in ("empty", "full", "folder.npy"):
        Path(folder).mkdir()
    Path("full/00000000.png").touch()
    x = data().numpy()
    x[2, 1] = np.nan
    for name, array in (("nan", x), ("none", x[:0]), ("odd", data(dim=3).numpy()), ("short", np.arange(7))):
        np.save(f"{name}.npy", array)
    status, _, err = shell(*arguments)
    assert status == 2
    assert re.fullmatch(rf"riemann-sampler: error: [^\n]*{message}[^\n]*\n", err)
    assert not Path("out").exists()


def test_an_interruption_ends_in_130(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(RiemannianUniformSampler, "fit", interrupt)
    status, _, err = shell.fit()
    assert (status, err) == (130, "riemann-sampler: interrupted\n")
    assert not Path("sampler").exists()


def test_a_bug_keeps_its_traceback(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    def crash(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(RiemannianUniformSampler, "fit", crash)
    with pytest.raises(ZeroDivisionError):
        shell.fit()


@pytest.mark.parametrize("command", [(), ("encode",), ("fit",), ("sample",), ("info",)])
def test_help_shows_an_example_that_parses(command: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main([*command, "--help"])
    assert end.value.code == 0
    text = capsys.readouterr().out.replace("\\\n", "")
    examples = re.findall(r"^  (?:riemann-sampler|torchrun .* -m riemann_sampler) ([a-z].*)$", text, re.MULTILINE)
    assert {example.split()[0] for example in examples} >= (set(command) or {"fit", "sample", "info"})
    for example in examples:
        assert make_parser("0").parse_args(example.split()).command == example.split()[0]


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["--version"])
    assert end.value.code == 0
    assert capsys.readouterr().out == f"riemann-sampler {riemann_sampler.__version__}\n"
