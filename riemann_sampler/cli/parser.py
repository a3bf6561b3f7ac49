"""The options of the command line, and the help that teaches them."""

import argparse
import json
from dataclasses import fields
from pathlib import Path
from typing import Any, NoReturn

import torch

from ..errors import ArgumentError
from ..sampler import RiemannianUniformSampler
from ..settings import PRESETS

__all__ = ["PROGRAM", "json_or_text", "make_parser"]

PROGRAM = "riemann-sampler"

DTYPES = {"float32": torch.float32, "float64": torch.float64}
KNOWN = sorted({field.name for field in fields(RiemannianUniformSampler)} - {"model", "device", "batch_size"})
"""What ``--set`` knows; model, device and batch size have options of their own."""

DESCRIPTION = """\
Sample a trained variational autoencoder by the Riemannian geometry of its latent space (arXiv:2209.07370): fit a
sampler on the training data once, then draw from it as often as you like."""

TORCHRUN = """\
Processes that torchrun starts share the work, on one machine or on many that share a folder; they write what one would:
  torchrun --nproc-per-node 4 -m riemann_sampler COMMAND ...
With GPUs each takes one of its own. A run that was cut short is given again, and does what is missing."""

EPILOG = f"""\
example, from a trained model to a folder of pictures:
  riemann-sampler fit --model my_vae/final_model --data train-images-idx3-ubyte.gz --out my_sampler --preset calibrated
  riemann-sampler info my_sampler
  riemann-sampler sample --sampler my_sampler --model my_vae/final_model -n 64 --out pictures --seed 1

{TORCHRUN}

Each command has a --help of its own with the forms that models and data may have. Exit status: 0; 2 with one line on
standard error if something given cannot be used; 130 when interrupted. TQDM_DISABLE=1 silences progress bars."""

MODEL = """\
MODEL is either
  FOLDER           a trained model that pythae saved, such as my_vae/final_model. Folders with pickled networks of your
                   own (encoder.pkl, decoder.pkl) run code when they are opened: they need --allow-pickle.
  module:function  a Python function without arguments that returns the trained model, of any kind that
                   RiemannianUniformSampler takes. The current directory is searched first. With a file my_vae.py:
                       def trained():
                           model = MyVAE()
                           model.load_state_dict(torch.load("my_vae.pt", weights_only=True))
                           return model
                   the model is my_vae:trained"""

DATA = """\
DATA is one of
  FILE.npy         one array, the first axis running over the data points
  FILE.npz         the only array in it, or the one named 'data'
  IDX file         as MNIST's train-images-idx3-ubyte, plain or gzipped; images (n, height, width) become
                   (n, 1, height, width)
  FOLDER           of images (png, jpg, bmp, tif, webp, ...), in order of their names, all of one size and all grey or
                   all RGB: shape (n, 1 or 3, height, width). Needs Pillow: pip install "riemann-sampler[images]"
8-bit numbers (uint8) from any of these are divided by 255 and become float32 in [0, 1]; everything else is taken as it
is. What was read is printed. Give the data as the model was trained on them."""

ENCODE_EPILOG = f"""\
example, by two processes, and a fit on what they wrote:
  torchrun --nproc-per-node 2 -m riemann_sampler encode --model my_vae:trained --data train.npy --out my_codes
  riemann-sampler fit --codes my_codes --out my_sampler

{MODEL}

{DATA}

The folder --out gets a manifest.json and codes-00000-of-00012.safetensors and on, of N rows each, with a mean and a
log_variance. Shards that are there are kept, if model and data are the same.

{TORCHRUN}"""

FIT_EPILOG = f"""\
example:
  riemann-sampler fit --model my_vae:trained --data train.npy --labels classes.npy --out my_sampler \\
      --preset uniform --set n_centroids=500 --set temperature=1.5

With --codes, a folder that the command encode filled, neither --model nor --data is needed.

{MODEL}

{DATA}

The folder --out gets two files, config.json and one of tensors, among them the latent codes of the data; an older
sampler there is replaced. The same seed gives the same sampler on the same kind of device.

{TORCHRUN}
Let them encode first, and fit --codes: from --data each of them encodes all."""

SAMPLE_EPILOG = f"""\
example, 64 pictures of class 7 as pictures/00000000.png and on, then 10,000 samples of all classes in one array, then a
million in arrays of 10,240, by four processes:
  riemann-sampler sample --sampler my_sampler --model my_vae:trained -n 64 --label 7 --seed 1 --out pictures
  riemann-sampler sample --sampler my_sampler --model my_vae:trained -n 10000 --out samples.npy
  torchrun --nproc-per-node 4 -m riemann_sampler sample --sampler my_sampler --model my_vae:trained -n 1000000 \\
      --seed 1 --shard-size 10240 --out my_samples

{MODEL}

Values in a .npy file are float32 as the model decodes them. PNG files need samples of shape (n, 1 or 3, height, width),
clamped to [0, 1], and a folder that is empty or not there yet. The same seed gives the same samples on the same kind of
device, for any batch size; --shard-size draws others, the same for any number of processes.

With --shard-size the folder --out gets a manifest.json and samples-00000-of-00098.npy and on (latents-… with
--latents). Shards that are there are kept, if sampler, model, label, seed and sizes are the same.

{TORCHRUN}"""

INFO_EPILOG = """\
example:
  riemann-sampler info my_sampler"""


class Parser(argparse.ArgumentParser):
    """A parser whose errors are ours, and whose options cannot be shortened."""

    def __init__(self, **arguments: Any) -> None:
        super().__init__(allow_abbrev=False, formatter_class=argparse.RawDescriptionHelpFormatter, **arguments)

    def error(self, message: str) -> NoReturn:
        """Raise the message as an `ArgumentError`."""
        msg = f"{message} (see {self.prog} --help)"
        raise ArgumentError(msg)


def make_parser(version: str) -> argparse.ArgumentParser:
    """The parser of the whole command line; its result has a ``command``, and an attribute for each option."""
    parser = Parser(prog=PROGRAM, description=DESCRIPTION, epilog=EPILOG)
    parser.add_argument("--version", action="version", version=f"%(prog)s {version}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, purpose, epilog, add_options in (
        ("encode", "encode data into a folder of shards", ENCODE_EPILOG, _add_encode),
        ("fit", "fit a sampler on training data and save it", FIT_EPILOG, _add_fit),
        ("sample", "draw from a saved sampler and decode", SAMPLE_EPILOG, _add_sample),
        ("info", "describe a saved sampler", INFO_EPILOG, _add_info),
    ):
        add_options(commands.add_parser(name, help=purpose, description=f"{purpose.capitalize()}.", epilog=epilog))
    return parser


def json_or_text(text: str) -> Any:
    """The value that a text has as JSON, or else the text itself."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def _add_encode(parser: argparse.ArgumentParser) -> None:
    _add_model(parser, required=True)
    parser.add_argument("--data", type=Path, required=True, help="data: a file or a folder, see below")
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="where the shards go")
    parser.add_argument("--shard-size", type=int, metavar="N", help="data points in a shard (65,536)")


def _add_fit(parser: argparse.ArgumentParser) -> None:
    _add_model(parser)
    parser.add_argument("--data", type=Path, help="training data: a file or a folder, see below")
    parser.add_argument(
        "--codes", type=Path, metavar="FOLDER", help="codes of the data, in place of --model and --data"
    )
    parser.add_argument("--labels", type=Path, metavar="FILE", help=".npy, .npz or IDX file, one label per data point")
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="where the sampler is saved")
    parser.add_argument("--preset", choices=PRESETS, default="uniform", help="set-up to start from (%(default)s)")
    parser.add_argument(
        "--set",
        type=_setting,
        action="append",
        default=[],
        dest="settings",
        metavar="NAME=VALUE",
        help="override an argument of RiemannianUniformSampler; VALUE is JSON (1.5, null, true) or else text; known "
        f"are {', '.join(KNOWN)}",
    )
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="seed of the fit (%(default)s)")


def _add_sample(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--sampler", type=Path, required=True, metavar="FOLDER", help="where fit saved it")
    _add_model(parser)
    parser.add_argument("-n", "--n-samples", type=int, required=True, metavar="N", help="how many samples")
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER|FILE.npy", help="PNG files or one array")
    parser.add_argument("--shard-size", type=int, metavar="N", help="write arrays of N samples each; needs --seed")
    parser.add_argument("--latents", action="store_true", help="write latent positions; needs no --model")
    parser.add_argument("--label", metavar="L", help="draw this class only, after a fit with labels")
    parser.add_argument("--seed", type=int, metavar="N", help="seed of the draws (a fresh one)")


def _add_info(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("sampler", type=Path, metavar="FOLDER", help="where fit saved it")


def _add_model(parser: argparse.ArgumentParser, *, required: bool = False) -> None:
    parser.add_argument(
        "--model",
        required=required,
        metavar="MODEL",
        help="trained model: a pythae folder or module:function, see below",
    )
    parser.add_argument("--allow-pickle", action="store_true", help="open pythae folders whose pickles can run code")
    parser.add_argument(
        "--device",
        type=_device,
        default="cuda" if torch.cuda.is_available() else "cpu",
        help="where the model and the geometry are computed: cpu, cuda, cuda:1, ... (cuda if there is one, else cpu)",
    )
    parser.add_argument("--batch-size", type=int, metavar="N", help="data points or samples at a time (256)")


def _device(name: str) -> torch.device:
    try:
        device = torch.device(name)
        torch.zeros(1, device=device).item()
    except (RuntimeError, AssertionError, NotImplementedError) as error:  # torch raises any of these
        msg = f"{name!r} is not a device that torch can use here"
        raise argparse.ArgumentTypeError(msg) from error
    return device


def _setting(text: str) -> tuple[str, Any]:
    """Name and value of a NAME=VALUE; but for a dtype, what the value may be is checked where it is used."""
    name, equals, written = text.partition("=")
    if not equals:
        msg = f"expected NAME=VALUE, got {text!r}"
    elif name not in KNOWN:
        msg = f"unknown {name!r}; known are {', '.join(KNOWN)}"
    elif name == "dtype" and written not in DTYPES:
        msg = f"dtype must be one of {', '.join(DTYPES)}; got {written!r}"
    else:
        return name, DTYPES[written] if name == "dtype" else json_or_text(written)
    raise argparse.ArgumentTypeError(msg)
