"""The command line: fit a sampler on files, sample into files, describe what was saved."""

import argparse
import math
import sys
import warnings
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, TextIO

import torch

from . import __version__
from .datafiles import describe, read_data, read_labels, write_array
from .diagnostics import Diagnostics
from .errors import ArgumentError, RiemannSamplerError, RiemannSamplerWarning
from .imagefiles import write_images
from .modelspecs import load_model
from .options import PROGRAM, json_or_text, make_parser
from .sampler import RiemannianUniformSampler
from .settings import Settings

__all__ = ["main"]

FIGURES = ("n_codes", "n_centroids", "temperature", "island_scale", "relative_ess", "floor_share", "step_size")
"""Diagnostics of a fit, in the order of the columns that show them."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        arguments: What follows the program's name; None takes it from ``sys.argv``.

    Returns:
        The exit status: 0, 2 after one line on standard error about what was given, or 130 when interrupted.

    Example:
        >>> main(["info", "my_sampler"])
    """
    commands = {"fit": _fit, "sample": _sample, "info": _info}
    with warnings.catch_warnings():
        warnings.simplefilter("always", RiemannSamplerWarning)
        _show_own_warnings_in_a_line()
        try:
            options = make_parser(__version__).parse_args(arguments)
            commands[options.command](options)
        except RiemannSamplerError as error:
            return _failed(str(error))
        except OSError as error:
            return _failed(f"{error.filename}: {error.strerror}" if error.filename else str(error))
        except KeyboardInterrupt:
            _complain(f"{PROGRAM}: interrupted")
            return 130
    return 0


def _fit(options: argparse.Namespace) -> None:
    _check_folder(options.out)
    data = read_data(options.data)
    taken = "" if data.values is data.stored else f"; taken as {describe(data.values)}"
    _say(f"read {options.data}: {describe(data.stored)}{taken}")
    labels = None
    if options.labels:
        labels = read_labels(options.labels)
        _say(f"read {options.labels}: shape {labels.shape}, {labels.dtype}")
    model = load_model(options.model, options.device, allow_pickle=options.allow_pickle)
    arguments = {"device": _geometry_device(options.device), **dict(options.settings)}
    if options.batch_size is not None:
        arguments["batch_size"] = options.batch_size
    sampler = RiemannianUniformSampler.from_preset(options.preset, model, **arguments)
    sampler.fit(data.values, labels, seed=options.seed)
    _say(f"fitted on {options.device}")
    _say(_summary(sampler))
    sampler.save(options.out)
    _say(f"saved to {options.out}")


def _sample(options: argparse.Namespace) -> None:
    as_array = options.out.suffix == ".npy"
    if as_array and options.out.is_dir():
        msg = f"--out {options.out} is a folder; name a .npy file that can be written."
        raise ArgumentError(msg)
    if not as_array:
        _check_folder(options.out, empty=True)
    model = load_model(options.model, options.device, allow_pickle=options.allow_pickle)
    sampler = RiemannianUniformSampler.load(options.sampler, model, device=_geometry_device(options.device))
    label = None if options.label is None else _label(sampler, options.label)
    samples = sampler.sample(options.n_samples, label=label, seed=options.seed, batch_size=options.batch_size)
    if as_array:
        write_array(options.out, samples.float().cpu().numpy())
    else:
        write_images(options.out, samples)
    _say(f"wrote {len(samples):,} samples of shape {tuple(samples.shape[1:])} to {options.out}")


def _info(options: argparse.Namespace) -> None:
    _say(_summary(RiemannianUniformSampler.load(options.sampler)))


def _summary(sampler: RiemannianUniformSampler) -> str:
    """What a fitted sampler is, and a row of figures for each label."""
    settings, defaults = asdict(sampler.settings), asdict(Settings())
    changed = [f"{name}={value}" for name, value in settings.items() if name != "law" and value != defaults[name]]
    n_codes, dim = sampler.posterior_.mean.shape
    lines = [
        f"codes       {n_codes:,} in {dim} latent dimensions",
        f"law         {sampler.settings.law}",
        f"settings    {', '.join(changed) or 'all at their defaults'}",
        f"geometry    {str(sampler.dtype).removeprefix('torch.')}, batch size {sampler.batch_size:,}",
    ]
    parts = sampler.diagnostics_
    rows = [["label", *(name.replace("_", " ") for name in FIGURES)]]
    for label, part in {"all": parts}.items() if isinstance(parts, Diagnostics) else parts.items():
        rows.append([str(label), *(_readable(getattr(part, name)) for name in FIGURES)])
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    table = ["  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
    return "\n".join([*lines, "", *table])


def _readable(value: int | float) -> str:
    if isinstance(value, int):
        return f"{value:,}"
    return "–" if math.isnan(value) else f"{value:.4g}"


def _label(sampler: RiemannianUniformSampler, text: str) -> Any:
    """The label of the fit that a text stands for; the text itself, if it stands for none."""
    metrics = sampler.metric_
    known = list(metrics) if isinstance(metrics, dict) else []
    return next((label for label in known for value in (text, json_or_text(text)) if label == value), text)


def _geometry_device(device: torch.device) -> torch.device:
    """Where the geometry is computed: with the model, but Apple's mps has no float64."""
    return torch.device("cpu") if device.type == "mps" else device


def _check_folder(path: Path, *, empty: bool = False) -> None:
    """Raise an `ArgumentError` if a path cannot be a folder to write to, before there is anything to write."""
    if path.exists() and not path.is_dir():
        msg = f"--out {path} is a file; name a folder."
        raise ArgumentError(msg)
    if empty and path.is_dir() and any(path.iterdir()):
        msg = f"--out {path} is not empty; name a folder that is empty or not there yet, or a .npy file."
        raise ArgumentError(msg)


def _show_own_warnings_in_a_line() -> None:
    show = warnings.showwarning

    def show_in_a_line(
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: TextIO | None = None,
        line: str | None = None,
    ) -> None:
        if issubclass(category, RiemannSamplerWarning):
            _complain(f"warning: {message}")
        else:
            show(message, category, filename, lineno, file, line)

    warnings.showwarning = show_in_a_line


def _failed(message: str) -> int:
    _complain(f"{PROGRAM}: error: {message}")
    return 2


def _complain(message: str) -> None:
    """Write a message to standard error, as one line."""
    sys.stderr.write(" ".join(line.strip() for line in message.splitlines()) + "\n")


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
