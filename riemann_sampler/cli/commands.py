"""What each command of the command line does; under torchrun the first process alone talks."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..adapters import load_model
from ..compute import Communicator
from ..encoding import MEMORY_BUDGET, precise
from ..errors import ArgumentError
from ..files import describe, read_data, read_labels, write_array, write_images
from ..sampler import RiemannianUniformSampler
from ..sharding import encode_shards, read_codes, sample_shards
from .parser import json_or_text

__all__ = ["COMMANDS"]

N_JUDGED = 1_000
"""Latent positions that ``info`` draws for its verdict."""


def _encode(options: argparse.Namespace, communicator: Communicator) -> None:
    _check_folder(options.out)
    data = communicator.each(lambda: _data(options, communicator))
    model = communicator.each(lambda: _model(options))
    sizes = _given(options, "shard_size", "batch_size")
    encode_shards(model, data, options.out, group=communicator.group, **sizes)
    _say(communicator, f"encoded on {options.device} into {options.out}")


def _fit(options: argparse.Namespace, communicator: Communicator) -> None:
    _check_folder(options.out)
    data = communicator.each(lambda: _codes_or_data(options, communicator))
    labels = communicator.each(lambda: _labels(options, communicator))
    model = None if options.model is None else communicator.each(lambda: _model(options))
    arguments = {"device": precise(options.device), **dict(options.settings), **_given(options, "batch_size")}
    sampler = RiemannianUniformSampler.from_preset(options.preset, model, **arguments)
    sampler.fit(data, labels, seed=options.seed, group=communicator.group)
    _say(communicator, f"fitted on {options.device}")
    _say(communicator, sampler.summary())
    communicator.first(lambda: sampler.save(options.out))
    _say(communicator, f"saved to {options.out}")


def _sample(options: argparse.Namespace, communicator: Communicator) -> None:
    _check_sample(options, communicator)
    sampler = communicator.each(lambda: _sampler(options))
    label = None if options.label is None else _label(sampler, options.label)
    if options.shard_size is not None:
        sample_shards(
            sampler,
            options.n_samples,
            options.out,
            seed=options.seed,
            label=label,
            decode=not options.latents,
            group=communicator.group,
            **_given(options, "shard_size", "batch_size"),
        )
        _say(communicator, f"wrote {options.n_samples:,} samples to {options.out}")
        return
    if options.latents:
        samples = sampler.sample_latents(options.n_samples, label=label, seed=options.seed).z
    else:
        samples = sampler.sample(options.n_samples, label=label, seed=options.seed, batch_size=options.batch_size)
    if options.out.suffix == ".npy":
        write_array(options.out, samples.float().cpu().numpy())
    else:
        write_images(options.out, samples)
    _say(communicator, f"wrote {len(samples):,} samples of shape {tuple(samples.shape[1:])} to {options.out}")


def _info(options: argparse.Namespace, communicator: Communicator) -> None:
    sampler = RiemannianUniformSampler.load(options.sampler)
    sampler.sample_latents(N_JUDGED, seed=0)
    _say(communicator, sampler.summary())


COMMANDS: dict[str, Callable[[argparse.Namespace, Communicator], None]] = {
    "encode": _encode,
    "fit": _fit,
    "sample": _sample,
    "info": _info,
}
"""By name, what runs a command with its options."""


def _given(options: argparse.Namespace, *names: str) -> dict[str, Any]:
    """Those of some options that were given."""
    return {name: getattr(options, name) for name in names if getattr(options, name) is not None}


def _model(options: argparse.Namespace) -> Any:
    return load_model(options.model, options.device, allow_pickle=options.allow_pickle)


def _sampler(options: argparse.Namespace) -> RiemannianUniformSampler:
    model = None if options.latents else _model(options)
    return RiemannianUniformSampler.load(options.sampler, model, device=precise(options.device))


def _data(options: argparse.Namespace, communicator: Communicator) -> Any:
    data = read_data(options.data)
    if communicator.rank == 0:
        taken = "" if data.values is data.stored else f"; taken as {describe(data.values)}"
        _say(communicator, f"read {options.data}: {describe(data.stored)}{taken}")
    return data.values


def _codes_or_data(options: argparse.Namespace, communicator: Communicator) -> Any:
    if options.codes is None:
        if options.model is None or options.data is None:
            msg = "--model and --data are both needed, or --codes in their place."
            raise ArgumentError(msg)
        return _data(options, communicator)
    if options.model is not None or options.data is not None:
        msg = "--codes are encoded already: leave out --model and --data."
        raise ArgumentError(msg)
    budget = dict(options.settings).get("memory_budget", MEMORY_BUDGET)
    codes = read_codes(options.codes, memory_budget=budget)
    _say(communicator, f"read {options.codes}: {len(codes.mean):,} codes in {codes.mean.shape[1]} latent dimensions")
    return codes


def _labels(options: argparse.Namespace, communicator: Communicator) -> Any:
    if options.labels is None:
        return None
    labels = read_labels(options.labels)
    _say(communicator, f"read {options.labels}: shape {labels.shape}, {labels.dtype}")
    return labels


def _label(sampler: RiemannianUniformSampler, text: str) -> Any:
    """The label of the fit that a text stands for; the text itself, if it stands for none."""
    metrics = sampler.metric_
    known = list(metrics) if isinstance(metrics, dict) else []
    return next((label for label in known for value in (text, json_or_text(text)) if label == value), text)


def _check_sample(options: argparse.Namespace, communicator: Communicator) -> None:
    """Raise an `ArgumentError` if samples cannot be drawn or written as asked, before there are any."""
    if options.model is None and not options.latents:
        msg = "--model is missing: name the one to decode with, or give --latents to write latent positions."
        raise ArgumentError(msg)
    if options.shard_size is None and communicator.size > 1:
        msg = "--shard-size is missing: without it there is nothing for torchrun's processes to share."
        raise ArgumentError(msg)
    if options.shard_size is not None:
        if options.seed is None:
            msg = "--shard-size needs --seed: a run that completes another one must draw what that one would."
            raise ArgumentError(msg)
        _check_folder(options.out)
    elif options.out.suffix != ".npy":
        if options.latents:
            msg = f"--latents are no images: --out {options.out} must be a .npy file, or --shard-size be given."
            raise ArgumentError(msg)
        _check_folder(options.out, empty=True)
    elif options.out.is_dir():
        msg = f"--out {options.out} is a folder; name a .npy file that can be written."
        raise ArgumentError(msg)


def _check_folder(path: Path, *, empty: bool = False) -> None:
    """Raise an `ArgumentError` if a path cannot be a folder to write to, before there is anything to write."""
    if path.exists() and not path.is_dir():
        msg = f"--out {path} is a file; name a folder."
        raise ArgumentError(msg)
    if empty and path.is_dir() and any(path.iterdir()):
        msg = f"--out {path} is not empty; name a folder that is empty or not there yet, or a .npy file."
        raise ArgumentError(msg)


def _say(communicator: Communicator, text: str) -> None:
    if communicator.rank == 0:
        sys.stdout.write(f"{text}\n")
