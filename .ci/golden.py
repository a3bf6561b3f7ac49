"""Seeded results of the whole package, bit for bit, to tell whether a change of its code has changed what it computes.

    OMP_NUM_THREADS=1 PYTHONPATH=TREE python .ci/golden.py record FILE.json
    OMP_NUM_THREADS=1 PYTHONPATH=TREE python .ci/golden.py compare FILE.json

``record`` writes what the package in TREE gives; ``compare`` says how that in TREE differs from a file. Both take
``--only metrics,laws`` for some of the sections. Only public names are imported, so that one script runs before and
after files move. Equal bits are to be expected of one machine, one environment and one thread only. TQDM_DISABLE=1
silences progress bars.

Tensors, arrays and files are kept as the first digits of the SHA-256 of their bytes, beside type and shape; plain
values as Python writes them.

Texts for people (messages, tables, standard output) are kept as well, as what may change: differences in them are
shown, but are no failure. Results that only the new tree has are shown, and are none either; missing ones are.
"""

import argparse
import dataclasses
import hashlib
import json
import math
import os
import platform
import re
import subprocess
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from scipy import sparse
from sklearn.datasets import load_digits
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

import riemann_sampler
from riemann_sampler import (
    DiagonalMetric,
    FullMetric,
    GaussianPosterior,
    LatentAugment,
    RiemannianUniformSampler,
    SampleFilter,
    SyntheticDataset,
    geometry,
)
from riemann_sampler.adapters import FunctionAdapter, ModuleAdapter, as_latent_model, load_pythae
from riemann_sampler.augmentation import AutoModel
from riemann_sampler.geometry import ConformalMetric, InverseMetric, OwnMetric, RiemannianKMedoids
from riemann_sampler.sharding import encode_shards, read_codes, sample_shards

ROOT = Path(riemann_sampler.__file__).resolve().parent.parent
IMAGE_SHAPE = (1, 8, 8)
FEW_FILES = 6
"""Files of a folder that are recorded one by one; of more, one hash of all."""

SHORT = 4
"""Plain values that are written out; of more, the hash."""


# ---------------------------------------------------------------------------------------------------------------------
# What is recorded, and how


def sha256(content: bytes) -> str:
    """The hash of some bytes, so much of it as is enough: it keeps the file small."""
    return hashlib.sha256(content).hexdigest()[:24]


def digest(value: Any) -> str:
    """One hash of all parts of a value."""
    return sha256(json.dumps(list(described(value))).encode())


def is_plain(value: object) -> bool:
    """Whether a value is written out as it is."""
    return value is None or isinstance(value, bool | int | float | str | np.generic)


def plain(value: Any) -> str:
    """A plain value; the shortest form of a float tells all its bits."""
    return repr(value.item() if isinstance(value, np.generic) else value)


def array_digest(array: np.ndarray, kind: str) -> str:
    """Type, shape and hash of an array; of objects their representations are hashed."""
    content = json.dumps(list(map(repr, array.ravel()))).encode() if array.dtype.kind == "O" else array.tobytes()
    return f"{kind} {'x'.join(map(str, array.shape)) or 'scalar'} {sha256(content)}"


def described(value: Any) -> Iterator[tuple[tuple[str, ...], str]]:
    """The parts of a value: where each is, and what."""
    if isinstance(value, Tensor):
        tensor = value.detach().cpu().contiguous()
        yield (), array_digest(tensor.numpy(), str(tensor.dtype).removeprefix("torch."))
    elif isinstance(value, np.ndarray):
        yield (), array_digest(value, f"numpy {value.dtype}")
    elif sparse.issparse(value):
        yield from described({"format": value.format, "shape": value.shape, "values": value.toarray()})
    elif hasattr(value, "iloc"):  # a DataFrame
        columns = {str(name): value[name] for name in value.columns}
        yield from described(
            {"index": value.index.to_numpy(), "kinds": " ".join(str(c.dtype) for c in columns.values())}
        )
        yield from described({name: np.asarray(column) for name, column in columns.items()})
    elif dataclasses.is_dataclass(value):
        names = (field.name for field in dataclasses.fields(value) if not field.name.startswith("near_copies"))  # new
        yield from described({name: getattr(value, name) for name in names})
    elif hasattr(value, "_asdict"):
        yield from described(value._asdict())
    elif isinstance(value, Mapping):
        for key, part in value.items():
            yield from ((((str(key)), *path), text) for path, text in described(part))
    elif isinstance(value, list | tuple) and all(map(is_plain, value)):
        texts = list(map(plain, value))
        yield (
            (),
            f"[{', '.join(texts)}]" if len(texts) <= SHORT else f"list {len(texts)} {sha256(repr(texts).encode())}",
        )
    elif isinstance(value, list | tuple):
        yield from described(dict(enumerate(value)))
    elif is_plain(value):
        yield (), plain(value)
    else:
        yield (), f"{type(value).__name__} {value!r}"


class Record:
    """Results by name, and apart from them the texts that may change."""

    def __init__(self) -> None:
        self.results: dict[str, str] = {}
        self.may_change: dict[str, str] = {}
        self._path: list[str] = []

    def put(self, name: str, value: Any) -> None:
        """Keep a result."""
        for path, text in described(value):
            key = self._key(name, *path)
            if key in self.results:
                msg = f"{key} is recorded twice"
                raise ValueError(msg)
            self.results[key] = text

    def put_text(self, name: str, text: str) -> None:
        """Keep a text for people, folders of one run left out."""
        self.may_change[self._key(name)] = re.sub(rf"{re.escape(tempfile.gettempdir())}/\w+", "TEMPORARY", text)

    def put_folder(self, name: str, folder: Path) -> None:
        """Keep the files of a folder, JSON files value by value."""
        paths = sorted(path for path in folder.rglob("*") if path.is_file())
        for path in [path for path in paths if path.suffix == ".json"]:
            self.put(f"{name} {path.name}", json.loads(path.read_text()))
        others = {str(path.relative_to(folder)): path.read_bytes() for path in paths if path.suffix != ".json"}
        if len(others) > FEW_FILES:
            self.put(f"{name} files", f"{len(others)} {', '.join([*others][:2])}, ...")
            self.put(f"{name} files hash", sha256("".join(map(sha256, others.values())).encode()))
            return
        for path, content in others.items():
            stem, _, end = path.partition("-") if path.startswith("tensors-") else (path, "", "")
            self.put(f"{name} {stem}{'-' if end else ''}", f"{path} {sha256(content)}")

    @contextmanager
    def case(self, *names: str) -> Iterator[None]:
        """A part of the record: an error in it is its result, and its warnings are, by class and whom they blame."""
        self._path += names
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            try:
                yield
            except Exception as error:
                traceback.print_exc()
                self.put("error", type(error).__name__)
                self.put_text("error message", str(error))
        own = [warning for warning in caught if issubclass(warning.category, riemann_sampler.RiemannSamplerWarning)]
        here = Path(__file__).resolve()
        blamed = {(w.category.__name__, "caller" if Path(w.filename).resolve() == here else "other") for w in own}
        self.put("warnings", ", ".join(f"{name} ({whom})" for name, whom in sorted(blamed)))
        for i, text in enumerate(sorted({str(warning.message) for warning in own})):
            self.put_text(f"warning {i}", text)
        del self._path[-len(names) :]

    def error_of(self, name: str, function: Callable[[], Any]) -> None:
        """The class of the error that a function should raise, and its message."""
        with self.case(name):
            try:
                function()
            except Exception as error:
                self.put("raises", " < ".join(kind.__name__ for kind in type(error).__mro__[:-2]))
                self.put_text("message", str(error))
            else:
                self.put("raises", "nothing")

    def _key(self, *names: str) -> str:
        return "/".join(name.replace("/", "|") for name in (*self._path, *names))


def nested(flat: Mapping[str, str]) -> dict[str, Any]:
    """Names with slashes as objects in objects."""
    tree: dict[str, Any] = {}
    for key, text in flat.items():
        *parents, name = key.split("/")
        node = tree
        for parent in parents:
            node = node.setdefault(parent, {})
        node[name] = text
    return tree


def flattened(tree: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """What `nested` was made of."""
    flat: dict[str, str] = {}
    for name, value in tree.items():
        flat |= flattened(value, f"{prefix}{name}/") if isinstance(value, dict) else {f"{prefix}{name}": value}
    return flat


# ---------------------------------------------------------------------------------------------------------------------
# Data and models, all from seeds


def normal(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> Tensor:
    """Standard normal draws."""
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).to(dtype)


@cache
def images(n: int = 300) -> Tensor:
    """The first of scikit-learn's digits, in [0, 1]."""
    return torch.tensor(load_digits().images[:n], dtype=torch.float32).div(16).unsqueeze(1)


def classes(n: int = 300, rare: int = 3) -> Any:
    """Odd and even digits, and a class of the first few images."""
    labels = load_digits().target[:n] % 2
    labels[:rare] = 9
    return labels


def posterior(
    n: int = 200, dim: int = 2, *, seed: int = 0, dtype: torch.dtype = torch.float32, groups: int = 3
) -> GaussianPosterior:
    """Codes of a few groups, with posteriors of various widths."""
    mean = 2 * normal(groups, dim, seed=seed)[torch.arange(n) % groups] + 0.6 * normal(n, dim, seed=seed + 1)
    return GaussianPosterior(mean.to(dtype), (-3 + 0.3 * normal(n, dim, seed=seed + 2)).to(dtype))


class TinyVAE(nn.Module):
    """A variational autoencoder of digits whose weights are random and fixed."""

    def __init__(self, latent_dim: int = 3, dtype: torch.dtype = torch.float32) -> None:
        super().__init__()
        self.latent_dim = latent_dim
        sizes = {"trunk": (64, 16), "mean": (16, latent_dim), "spread": (16, latent_dim)}
        sizes |= {"lift": (latent_dim, 16), "pixels": (16, 64)}
        for seed, (name, shape) in enumerate(sizes.items()):
            weights = normal(*shape, seed=100 + seed, dtype=dtype) / math.sqrt(shape[0])
            self.register_parameter(name, nn.Parameter(weights, requires_grad=False))

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log-variance of each image's code."""
        hidden = torch.tanh(2 * (x.flatten(1) - 0.3) @ self.trunk)
        return 4 * hidden @ self.mean, 0.5 * hidden @ self.spread - 3.5

    def decode(self, z: Tensor) -> Tensor:
        """Images of codes."""
        return torch.sigmoid(3 * torch.tanh(z @ self.lift) @ self.pixels).view(-1, *IMAGE_SHAPE)


def tiny_vae() -> TinyVAE:
    """The model that the command line is told to use."""
    return TinyVAE()


class Autoencoder(nn.Module):
    """Codes without covariances."""

    latent_dim = 3

    def __init__(self) -> None:
        super().__init__()
        self.vae = TinyVAE()

    def encode(self, x: Tensor) -> Tensor:
        """The code of each image."""
        return self.vae.encode(x)[0]

    def decode(self, z: Tensor) -> Tensor:
        """Images of codes."""
        return self.vae.decode(z)


class Flat:
    """A latent model whose data are rows of numbers."""

    latent_dim = 2

    def encode(self, x: Tensor) -> GaussianPosterior:
        """The first two numbers of each row, with a fixed covariance."""
        return GaussianPosterior(x[:, :2], torch.full_like(x[:, :2], -3.0) + 0.1 * x[:, 2:4])

    def decode(self, z: Tensor) -> Tensor:
        """Rows of four numbers."""
        return torch.cat([z, z.square()], 1)


def pythae_model(name: str = "VAE", **arguments: Any) -> Any:
    """An untrained model of pythae for the digits, its weights from a seed."""
    from pythae import models

    make_config = getattr(models, f"{name}Config", None) or getattr(models, f"{name}_Config")
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = getattr(models, name)(make_config(input_dim=IMAGE_SHAPE, latent_dim=3, **arguments))
        with torch.no_grad():  # untrained encoders give next to nothing
            for layer in (module for module in model.encoder.modules() if isinstance(module, nn.Linear)):
                layer.weight.mul_(4)
        return model.eval()


# ---------------------------------------------------------------------------------------------------------------------
# What is kept of a sampler


def put_sampler(
    record: Record, sampler: RiemannianUniformSampler, *, n: int = 300, seed: int = 1, stored: bool = True
) -> None:
    """What a fitted sampler has and draws, and what it saves."""
    record.put("fitted diagnostics", digest(sampler.diagnostics_))
    for label, metric in by_label(sampler.metric_).items():
        parts = metric_parts(metric)
        wanted = ("kind", "centroids", "precisions") if stored else parts  # what is saved has the numbers
        record.put(f"metric {label}", {name: parts[name] for name in wanted})
    record.put("samples", sampler.sample_latents(n, seed=seed)._asdict())
    record.put("temperature", sampler.temperature_)
    record.put("diagnostics", by_label(sampler.diagnostics_))
    record.put("posterior", sampler.posterior_)
    if sampler.model is not None:
        record.put("decoded", sampler.sample(50, seed=seed + 1))
    record.put_text("summary", sha256(sampler.summary().encode()))
    if stored:
        with tempfile.TemporaryDirectory() as folder:
            sampler.save(folder)
            record.put_folder("saved", Path(folder))
            again = RiemannianUniformSampler.load(folder, sampler.model)
            record.put("loaded samples", digest(again.sample_latents(100, seed=seed + 2)))


def by_label(fitted: Any) -> dict[Any, Any]:
    """What there is for each label; without labels under ``all``."""
    return fitted if isinstance(fitted, dict) else {"all": fitted}


def metric_parts(metric: Any) -> dict[str, Any]:
    """What a metric is made of."""
    scalars = {name: getattr(metric, name) for name in ("temperature", "regularization", "decay", "volume_exponent")}
    return {"kind": type(metric).__name__, "centroids": metric.centroids, "precisions": metric.precisions, **scalars}


def put_fit(
    record: Record,
    name: str,
    data: Any,
    labels: Any = None,
    *,
    preset: str = "uniform",
    model: Any = None,
    fit_seed: int = 0,
    n: int = 300,
    stored: bool = False,
    **arguments: Any,
) -> None:
    """A case: a sampler is fitted and drawn from."""
    with record.case(name):
        sampler = RiemannianUniformSampler.from_preset(preset, model, **arguments)
        put_sampler(record, sampler.fit(data, labels, seed=fit_seed), n=n, stored=stored)


# ---------------------------------------------------------------------------------------------------------------------
# Sections


def metrics(record: Record) -> None:
    """Both metrics, on the data, far from them and cut into blocks."""
    scalars = {"temperature": 1.3, "regularization": 0.05, "decay": 0.1, "volume_exponent": 0.7}
    for dtype in (torch.float32, torch.float64):
        for k, dim, n in ((1, 1, 5), (7, 3, 40), (300, 6, 500)):
            factors = normal(k, dim, dim, seed=2, dtype=dtype)
            matrices = factors @ factors.mT / dim + 0.3 * torch.eye(dim, dtype=dtype)
            precisions = {DiagonalMetric: (0.7 * normal(k, dim, seed=1, dtype=dtype)).exp(), FullMetric: matrices}
            for kind, matrix in precisions.items():
                metric = kind(1.5 * normal(k, dim, dtype=dtype), matrix, **scalars)
                with record.case(f"{kind.__name__} {dtype} K={k} d={dim}"):
                    put_metric(record, metric, n, dtype)
    with record.case("blocks"):
        metric = DiagonalMetric(3 * normal(3000, 4), (0.7 * normal(3000, 4, seed=1)).exp(), **scalars)
        z = 3 * normal(3000, 4, seed=3)
        record.put("log_volume", metric.log_volume(z))
        record.put("grad_log_volume", metric.grad_log_volume(z))
        record.put("overlap", metric.overlap(z))
    record.error_of("shapes", lambda: DiagonalMetric(normal(3, 2), normal(3, 3), **scalars))
    record.error_of("numbers", lambda: DiagonalMetric(normal(3, 2), normal(3, 2).exp(), **{**scalars, "decay": 0.0}))
    record.error_of("not positive definite", lambda: FullMetric(normal(3, 2), -torch.eye(2).expand(3, 2, 2), **scalars))


def put_metric(record: Record, metric: Any, n: int, dtype: torch.dtype) -> None:
    """Every function of a metric."""
    z = torch.cat([2 * normal(n, metric.dim, seed=3, dtype=dtype), 40 * normal(3, metric.dim, seed=4, dtype=dtype)])
    u, v = (normal(len(z), metric.dim, seed=seed, dtype=dtype) for seed in (5, 6))
    for name in ("log_volume", "grad_log_volume", "log_density", "tensor", "overlap"):
        record.put(name, getattr(metric, name)(z))
    record.put("inner", metric.inner(z, u, v))
    record.put("colour", metric.colour(z, u))
    moving = z.clone().requires_grad_()
    record.put("autograd", torch.autograd.grad(metric.log_volume(moving).sum(), moving)[0])
    record.put("no rows", metric.log_volume(z[:0]))


def presets(record: Record) -> None:
    """Every preset, with either structure of the covariances, with and without labels, in either precision."""
    x = images(150)
    for preset in ("uniform", "paper", "calibrated", "clusters", "local"):
        for structure in ("diagonal", "full"):
            for kind, asked in (("no labels", None), ("labels", classes(150))):
                for dtype in (torch.float32, torch.float64):
                    name = f"{preset} {structure} {kind} {str(dtype).removeprefix('torch.')}"
                    arguments: dict[str, Any] = {"covariance_structure": structure, "dtype": dtype}
                    if preset == "paper" and (asked is not None or structure == "full"):
                        arguments["n_steps"] = 25  # its hundred take seconds
                    put_fit(record, name, x, asked, preset=preset, model=tiny_vae(), stored=True, **arguments)


def laws(record: Record) -> None:
    """Settings apart from the presets'."""
    codes = posterior()
    few = {"n_centroids": 40}
    volume: dict[str, dict[str, Any]] = {
        "all codes": {"n_centroids": None},
        "temperature 1.5": {"temperature": 1.5, **few},
        "temperature nearest": {"temperature": "nearest", **few},
        "min_ess": {"min_ess": 0.5, **few},
        "floor_share": {"floor_share": 0.02, **few},
        "floor": {"regularization": 0.003, "decay": 0.2, **few},
        "exponent 0.5": {"volume_exponent": 0.5, **few},
        "exponent 2": {"volume_exponent": 2.0, **few},
        "local moves": {"global_moves": False, "n_steps": 12, **few},
        "steps": {"n_steps": 7, "n_warmup": 12, "n_leapfrog_steps": 4, **few},
        "clusters": {"centroid_covariance": "cluster", "n_centroids": 12},
        "full clusters": {"centroid_covariance": "cluster", "n_centroids": 12, "covariance_structure": "full"},
        "auto clusters": {"centroid_covariance": "cluster", "n_centroids": "auto"},
        "local": {"centroid_covariance": "local", "n_neighbors": 3, **few},
        "full local": {"centroid_covariance": "local", "covariance_structure": "full", **few},
    }
    for name, arguments in volume.items():
        put_fit(record, f"volume, {name}", codes, **arguments)
    islands: dict[str, dict[str, Any]] = {
        "scale 0.5": {"island_scale": 0.5, "n_centroids": None},
        "scale 2": {"island_scale": 2, **few},
        "calibrated, 40": {"island_scale": "calibrated", **few},
        "calibrated, full": {"covariance_structure": "full", "n_centroids": None},
        "exponent 0.5": {"volume_exponent": 0.5, **few},
        "clusters": {"centroid_covariance": "cluster", "n_centroids": 12, "island_scale": 1.2},
        "full clusters, scale 0.8": {
            "centroid_covariance": "cluster",
            "n_centroids": 12,
            "covariance_structure": "full",
            "island_scale": 0.8,
        },
        "auto clusters": {"centroid_covariance": "cluster", "n_centroids": "auto", "island_scale": 1.0},
        "every code a cluster": {"centroid_covariance": "cluster", "n_centroids": None, "covariance_structure": "full"},
        "local": {"centroid_covariance": "local", "n_neighbors": 3, "n_centroids": None},
        "local, 40": {"centroid_covariance": "local", "covariance_structure": "full", **few},
    }
    for name, arguments in islands.items():
        put_fit(record, f"islands, {name}", codes, law="islands", **arguments)
    put_fit(record, "one dimension", posterior(60, 1), n=1100)
    put_fit(record, "six dimensions", posterior(150, 6, dtype=torch.float64), n=1100)
    put_fit(record, "two codes", posterior(2, 2, groups=2))
    for dim, n in ((3, 60), (16, 120)):
        put_fit(record, f"other seeds, d={dim}", posterior(n, dim, seed=20), fit_seed=2**70, n=100)
    doubled = GaussianPosterior(*(torch.cat([part, part[:50]]) for part in codes))
    put_fit(record, "codes twice", doubled, preset="calibrated")
    many = posterior(20_500, 2, groups=7)
    for covariance, structure in (("posterior", "diagonal"), ("cluster", "diagonal"), ("cluster", "full")):
        arguments = {"law": "islands", "island_scale": 1.0, "n_centroids": 50, "centroid_covariance": covariance}
        put_fit(record, f"many codes, {covariance} {structure}", many, covariance_structure=structure, **arguments)
    put_fit(record, "many codes, chains", many, n_centroids=50, global_moves=False, n_steps=5)


def labels(record: Record) -> None:
    """Laws of classes, some of them of one code, and the three ways to ask for them."""
    codes = posterior(200, 3)
    names = ["left" if i % 3 else "right" for i in range(200)]
    names[0], names[5], names[7] = "alone", "pair", "pair"
    arguments: dict[str, dict[str, Any]] = {
        "uniform": {"n_centroids": 30, "n_steps": 10},
        "calibrated": {},
        "clusters": {},
        "local": {},
    }
    for preset, overrides in arguments.items():
        put_fit(record, preset, codes, names, preset=preset, stored=preset in ("uniform", "local"), **overrides)
    sampler = RiemannianUniformSampler.from_preset("calibrated", tiny_vae()).fit(images(), classes())
    asked: dict[str, dict[str, Any]] = {
        "none": {"n_samples": 70},
        "one": {"n_samples": 70, "label": 1},
        "rare": {"n_samples": 70, "label": 9},
        "counts": {"label": {9: 4, 0: 30, 1: 5}},
        "zero": {"label": {9: 0, 0: 3}},
        "list": {"label": [0, 9, 1, 1, 0, 9, 9, 0]},
        "array": {"label": np.array([1, 1, 9, 0])},
        "tensor": {"label": torch.tensor([1, 0, 0, 9]), "n_samples": 4},
        "numpy number": {"n_samples": 5, "label": np.int64(1)},
        "nothing": {"n_samples": 0},
        "large seed": {"n_samples": 20, "seed": 2**80},
    }
    for name, request in asked.items():
        with record.case(f"ask for {name}"):
            request = {"seed": 4, **request}
            record.put("latents", sampler.sample_latents(**request))
            record.put("decoded", sampler.sample(**request))
            record.put("diagnostics", digest(sampler.diagnostics_))
    for kind, values in {
        "tuples": [(i % 2, "x") for i in range(200)],
        "floats": [0.5 * (i % 2) for i in range(200)],
        "numpy": np.array(["a", "b"])[np.arange(200) % 2],
        "tensor": torch.arange(200) % 2,
    }.items():
        put_fit(record, f"labels are {kind}", codes, values, preset="calibrated", n=50)


def data(record: Record) -> None:
    """The forms of data, types, batches, budgets of memory, and a group of processes."""
    rows, model = images(120), tiny_vae()
    forms: dict[str, Any] = {
        "tensor": rows,
        "array": rows.numpy(),
        "dataset": TensorDataset(rows, torch.arange(120)),
        "loader": DataLoader(TensorDataset(rows), batch_size=32),
        "mapping": {"data": rows},
    }
    for name, form in forms.items():
        put_fit(record, f"from {name}", form, preset="calibrated", model=model, n=40)
    for size in (1, 7, 256):
        with record.case(f"batches of {size}"):
            sampler = RiemannianUniformSampler.from_preset("local", model, batch_size=size).fit(rows)
            record.put("samples", sampler.sample(40, seed=1))
            record.put("other batches", sampler.sample(40, seed=1, batch_size=9))
            record.put("posterior", sampler.posterior_)
    put_fit(record, "model of float64", rows.double(), preset="calibrated", model=TinyVAE(dtype=torch.float64), n=40)
    codes = posterior(150, 2)
    put_fit(record, "half precision", GaussianPosterior(*(part.half() for part in codes)), preset="calibrated", n=40)
    budget = {"memory_budget": 1000}
    put_fit(record, "mapped, volume", rows, model=model, n_centroids=30, n_steps=8, stored=True, n=40, **budget)
    put_fit(record, "mapped, islands", rows, classes(120), preset="local", model=model, stored=True, n=40, **budget)
    put_fit(record, "mapped, clusters", rows, preset="clusters", model=model, batch_size=50, n=40, **budget)
    with record.case("interpolate"):
        sampler = RiemannianUniformSampler.from_preset("calibrated", model).fit(rows, classes(120))
        for name, arguments in {
            "plain": {"label": 0},
            "few points": {"label": 1, "n_points": 5, "exponent": 1.0},
            "narrow": {"label": 1, "n_points": 5, "island_scale": 1.5},
        }.items():
            record.put(name, sampler.interpolate(rows[10:13], rows[20:23], **arguments))
        record.put(
            "without labels", RiemannianUniformSampler(model, n_steps=3).fit(rows).interpolate(rows[:2], rows[2:4])
        )
    with record.case("group"), lone_group() as group, tempfile.TemporaryDirectory() as folder:
        encode_shards(model, rows, folder, shard_size=50, group=group)
        record.put_folder("codes", Path(folder))
        sampler = RiemannianUniformSampler(model, n_centroids=30, n_steps=8).fit(read_codes(folder), group=group)
        put_sampler(record, sampler, n=40, stored=False)
    with record.case("group, clusters"), lone_group() as group:
        sampler = RiemannianUniformSampler.from_preset("clusters", model).fit(rows, group=group)
        put_sampler(record, sampler, n=40, stored=False)


@contextmanager
def lone_group() -> Iterator[Any]:
    """A process group of this process alone."""
    dist.init_process_group("gloo", store=dist.HashStore(), rank=0, world_size=1)
    try:
        yield dist.group.WORLD
    finally:
        dist.destroy_process_group()


def geometry_section(record: Record) -> None:
    """Curves, maps, means, walks and clusters by every line element."""
    fits: dict[str, dict[str, Any]] = {
        "diagonal": {"preset": "uniform", "n_centroids": 40, "n_steps": 3},
        "full": {"preset": "local"},
        "float32": {"preset": "calibrated", "dtype": torch.float32},
    }
    for name, arguments in fits.items():
        codes = posterior(80, 2, dtype=torch.float64)
        own = RiemannianUniformSampler.from_preset(**arguments).fit(codes).metric_
        metric = geometry.widen(own)
        a, b = (codes.mean[rows].to(metric.centroids) for rows in (slice(4), slice(4, 8)))
        with record.case(name):
            record.put("widened", metric_parts(metric))
            record.put("widened more", metric_parts(geometry.widen(own, 3.0, floor_share=0.01)))
            with record.case("interpolate"):
                record.put("default", geometry.interpolate(metric, a, b, n_points=12))
                record.put("exponent 1", geometry.interpolate(metric, a.float(), b.float(), exponent=1.0, n_points=5))
            elements = {"own": metric, "inverse": InverseMetric(metric), "conformal": ConformalMetric(metric)}
            for kind, element in elements.items():
                with record.case(kind):
                    put_element(record, element, a, b)
            if name == "diagonal":
                with record.case("mean"):
                    inverse, weights = InverseMetric(metric), torch.linspace(0, 1, 4, dtype=torch.float64)
                    record.put("plain", geometry.frechet_mean(inverse, codes.mean[:6], max_iter=4))
                    record.put("weighted", geometry.frechet_mean(inverse, a, weights=weights, max_iter=2))
            with record.case("walk"):
                start = codes.mean[:1].expand(16, -1)
                record.put("short", geometry.brownian_walk(own, start, n_steps=20, time=0.5, seed=0))
                record.put("long", geometry.brownian_walk(own, codes.mean, n_steps=30, time=4.0, seed=2**70))
            with record.case("gaussian"):
                drawn = geometry.riemannian_gaussian(own, codes.mean[0], 0.3, 6, n_steps=3, seed=0)
                record.put("samples", drawn)
            with record.case("medoids"):
                put_medoids(record, InverseMetric(metric), codes.mean, refine=name == "diagonal")
    with record.case("lines"):
        a, b = normal(5, 3, seed=1), normal(5, 3, seed=2)
        record.put("straight", geometry.straight(a, b, 7))
        record.put("spherical", geometry.spherical(a, b, 7))
    with record.case("calibration of a pullback"):
        found = geometry.pullback_calibration(tiny_vae(), images(60))
        record.put("fitted", found)
        record.put("figures", [found.log_correlation, found.median_error])
        record.put_text("summary", found.summary())
        given = geometry.pullback_calibration(tiny_vae(), images(60), noise_variance=0.02, batch_size=13)
        record.put("given", given)


def put_element(record: Record, element: Any, a: Tensor, b: Tensor) -> None:
    """What a line element measures."""
    record.put("geodesic", geometry.geodesic(element, a, b, n_points=9))
    record.put("pairwise", geometry.distance(element, a[:2], b[:2], pairwise=True))
    ends = [part[:2].clone().requires_grad_() for part in (a, b)]
    distances = geometry.distance(element, *ends)
    record.put("distance", distances)
    record.put("gradient", torch.autograd.grad(distances.sum(), ends))
    near = a + 0.1 * (b - a)
    velocity = geometry.log_map(element, a, near, n_steps=16)
    record.put("log_map", velocity)
    record.put("exponential_map", geometry.exponential_map(element, a, 0.5 * velocity, n_steps=16))
    line = element if isinstance(element, geometry.LineElement) else OwnMetric(element)
    record.put("norms", line.log_norm_and_gradients(a, b - a))
    record.put("dual norms", line.log_dual_norm_and_gradients(a, b - a))


def put_medoids(record: Record, element: Any, points: Tensor, *, refine: bool) -> None:
    """Clusters of positions."""
    cases: dict[str, dict[str, Any]] = {"graph": {}, "cut short": {"max_iter": 1}}
    for name, arguments in (cases | ({"curves": {"refine": True}} if refine else {})).items():
        with record.case(name):
            rows = points[:10] if name == "curves" else points
            found = RiemannianKMedoids(element, n_clusters=3, random_state=0, **arguments).fit(rows)
            record.put("labels", found.labels_)
            record.put("medoids", found.medoid_indices_)
            record.put("inertia", found.inertia_)
            record.put("predicted", found.predict(points[:20].numpy() + 0.01))


def table(n: int = 60) -> Any:
    """Four columns of two factors, and the classes of the rows."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, 2)) @ rng.normal(size=(2, 4)) + 0.3 * rng.normal(size=(n, 4))
    return X, np.repeat(["a", "b", "c"], [n - n // 3 - 6, n // 3, 6])


def mixed_frame() -> Any:
    """A table of numbers, counts and categories."""
    import pandas as pd

    X, y = table()
    rng = np.random.default_rng(1)
    frame = pd.DataFrame(X[:, :2], columns=["u", "v"], index=rng.permutation(len(X)))
    words = pd.Categorical(rng.choice(["yes", "no", "perhaps"], len(X)))
    return frame.assign(
        count=rng.poisson(2.0, len(X)), word=words.tolist(), kind=words, flag=rng.random(len(X)) > 0.5
    ), y


def oversampling(record: Record) -> None:
    """`RiemannianOverSampler` on tables, images and models of one's own."""
    from riemann_sampler import RiemannianOverSampler

    X, y = table()
    frame, _ = mixed_frame()
    pictures = images(60).numpy()[:, 0]
    cases: dict[str, tuple[Any, dict[str, Any]]] = {
        "table": (X, {}),
        "table, calibrated": (X, {"preset": "calibrated", "island_scale": None, "classifier": None, "latent_dim": 2}),
        "table, uniform": (X, {"preset": "uniform", "island_scale": None, "classifier": None}),
        "table, authentic": (X, {"min_distance": "authentic", "sampling_strategy": {"a": 40, "c": 20}}),
        "table, own classifier": (X, {"classifier": LinearDiscriminantAnalysis(), "least_odds": 0.2}),
        "frame": (frame, {}),
        "sparse": (sparse.csr_matrix(np.where(X > 0, X, 0)), {"classifier": None}),
        "images": (pictures, {"classifier": None}),
        "own model": (X.astype(np.float32), {"model": Flat(), "preset": "clusters", "island_scale": 1.5}),
    }
    for name, (rows, arguments) in cases.items():
        with record.case(name):
            training = {} if "model" in arguments else {"n_steps": 20}
            sampler = RiemannianOverSampler(random_state=0, **training, **arguments)
            more, labels_of = sampler.fit_resample(rows, y)
            record.put("rows", more)
            record.put("labels", labels_of)
            record.put("counts", sampler.filter_counts_)
            record.put("strategy", {str(label): int(n) for label, n in sampler.sampling_strategy_.items()})
            record.put("metric", {label: metric_parts(m) for label, m in sampler.sampler_.metric_.items()})


def augmentation(record: Record) -> None:
    """Models of ours, data sets, batches and filters."""
    X, y = table()
    frame, _ = mixed_frame()
    for name, rows in {"table": X, "frame": frame, "images": load_digits().images[:40]}.items():
        with record.case("AutoModel", name):
            targets = y if name == "table" else None
            model = AutoModel.fit(rows, labels=targets, latent_dim=3, n_steps=20, seed=1)
            record.put("posterior", model.encode(rows))
            decoded = model.decode(normal(7, 3, dtype=torch.float32))
            record.put("decoded", decoded)
            record.put("rows", model.rows(decoded, seed=2))
            record.put("rows without noise", model.rows(decoded, seed=2, noise=False))
    x, targets = images(150), classes(150)
    sampler = RiemannianUniformSampler.from_preset("local", tiny_vae(), island_scale=2.0).fit(x, targets)
    plain_sampler = RiemannianUniformSampler.from_preset("calibrated", tiny_vae()).fit(x)
    parity = classes(150, rare=0)
    parity_sampler = RiemannianUniformSampler.from_preset("calibrated", tiny_vae()).fit(x, parity)
    variants: dict[str, dict[str, Any]] = {
        "plain": {},
        "balanced": {"balanced": True, "ratio": 0.5},
        "not cached": {"cached": False, "ratio": 0.4},
        "authentic": {"min_distance": "authentic", "ratio": 0.4, "seed": 3},
        "classifier": {"classifier": OddOrEven(), "ratio": 0.4, "cached": False},
    }
    for name, arguments in variants.items():
        with record.case("SyntheticDataset", name):
            source, own = (parity_sampler, parity) if name == "classifier" else (sampler, targets)
            dataset = SyntheticDataset(source, x, own, **arguments)
            put_items(record, "first epoch", dataset)
            dataset.set_epoch(1)
            put_items(record, "second epoch", dataset)
            record.put("counts", dataset.filter_counts)
            record.put("sizes", [len(dataset), dataset.n_real, dataset.n_synthetic])
    with record.case("SyntheticDataset", "without labels"):
        dataset = SyntheticDataset(plain_sampler, x, ratio=0.3)
        record.put("items", torch.stack([dataset[i] for i in range(len(dataset))]))
        record.put("batch", next(iter(DataLoader(dataset, batch_size=190))))
    batch = (x[:32], torch.as_tensor(targets[:32]))
    for name, arguments in {
        "walk": {},
        "resample": {"method": "resample"},
        "near": {"radius": 0.3, "n_steps": 3},
    }.items():
        with record.case("LatentAugment", name):
            augment = LatentAugment(sampler, seed=5, **arguments)
            record.put("first", augment(batch))
            record.put("second", augment({"data": batch[0], "labels": batch[1]}))
            augment.set_epoch(2)
            record.put("collated", augment([(row, int(label)) for row, label in zip(*batch, strict=True)]))
            record.put("without labels", LatentAugment(plain_sampler, seed=5, probability=0.8, **arguments)(x[:20]))
    for structure in ("diagonal", "full"):
        with record.case("LatentAugment", f"volume, {structure}"):
            volume = RiemannianUniformSampler(
                tiny_vae(), covariance_structure=structure, n_centroids=30, n_steps=3
            ).fit(x)
            record.put("walk", LatentAugment(volume, seed=5)(x[:20]))
    drawn = sampler.sample(label={0: 60, 1: 60}, seed=7)
    asked = [0] * 60 + [1] * 60
    judge = LinearDiscriminantAnalysis().fit(x.flatten(1).numpy(), targets)
    filters: dict[str, dict[str, Any]] = {
        "distance": {"min_distance": 1.2},
        "authentic": {"min_distance": "authentic"},
        "classifier": {"classifier": OddOrEven()},
        "scores": {"classifier": lambda rows: torch.stack([rows.mean((1, 2, 3)), rows.std((1, 2, 3))], 1)},
        "odds": {"classifier": judge, "least_odds": 0.1},
        "odds by label": {"classifier": judge, "least_odds": {0: 0.5, 1: 0.01}, "min_distance": 0.5},
    }
    for name, arguments in filters.items():
        with record.case("SampleFilter", name):
            sample_filter = SampleFilter(x.flatten(1), **arguments)
            rows = drawn if name in ("classifier", "scores") else drawn.flatten(1).numpy()
            record.put("kept", sample_filter.keep(rows, asked))
            record.put("counts", sample_filter.counts)
            record.put_text("summary", sample_filter.counts.summary())


class OddOrEven:
    """A classifier of images by their brightness."""

    def predict(self, x: Any) -> Any:
        """1 for bright images."""
        rows = np.asarray(x).reshape(len(x), -1)
        return (rows.mean(1) > np.median(rows.mean(1))).astype(int)


def put_items(record: Record, name: str, dataset: SyntheticDataset) -> None:
    """All items of a data set."""
    items = [dataset[i] for i in range(len(dataset))]
    record.put(f"{name}, data", torch.stack([item[0] for item in items]))
    record.put(f"{name}, labels", [int(item[1]) for item in items])


def adapters(record: Record) -> None:
    """Models of torch and of pythae, functions, and covariances from a decoder."""
    x, vae = images(60), tiny_vae()
    z = normal(20, 3, dtype=torch.float32)
    made: dict[str, Callable[[], Any]] = {
        "module": lambda: as_latent_model(vae),
        "module in training": lambda: as_latent_model(
            Wrapped(lambda x: dict(zip(("mu", "logvar"), vae.encode(x), strict=True)))
        ),
        "std": lambda: as_latent_model(Wrapped(lambda x: {"mean": vae.encode(x)[0], "std": vae.encode(x)[1].exp()})),
        "normal": lambda: as_latent_model(
            Wrapped(lambda x: torch.distributions.Normal(vae.encode(x)[0], vae.encode(x)[1].exp()))
        ),
        "shaped": lambda: ModuleAdapter(Wrapped(lambda x: tuple(part[:, :, None] for part in vae.encode(x)))),
        **{
            spread: lambda spread=spread: FunctionAdapter(
                encode=lambda x: (vae.encode(x)[0], vae.encode(x)[1].exp()),
                decode=vae.decode,
                latent_dim=3,
                spread=spread,
            )
            for spread in ("log_variance", "variance", "std")
        },
        "pullback": lambda: as_latent_model(vae, metric="pullback", noise_variance=0.05),
        "pullback of codes": lambda: as_latent_model(Autoencoder(), metric="pullback", noise_variance=0.05),
        **{
            f"pythae {name}": lambda name=name, arguments=arguments: as_latent_model(pythae_model(name, **arguments))
            for name, arguments in {
                "VAE": {},
                "BetaVAE": {"beta": 0.1},
                "VAMP": {"number_components": 10},
                "HVAE": {"n_lf": 1, "reconstruction_loss": "mse"},
                "Adversarial_AE": {},
            }.items()
        },
        "pythae AE, pullback": lambda: as_latent_model(pythae_model("AE"), metric="pullback", noise_variance=0.05),
    }
    for name, make in made.items():
        with record.case(name):
            model = make()
            record.put("posterior", model.encode(x))
            record.put("decoded", model.decode(z))
            record.put("latent_dim", model.latent_dim)
            record.put("kind", type(model).__name__)
    for preset in ("uniform", "calibrated", "local"):
        for kind, model in {"VAE": vae, "autoencoder": Autoencoder()}.items():
            few = {"n_centroids": 20, "n_steps": 5} if preset == "uniform" else {}
            put_fit(
                record,
                f"pullback, {preset}, {kind}",
                x,
                preset=preset,
                model=model,
                metric="pullback",
                stored=True,
                **few,
            )
    for law in ("volume", "islands"):
        vamp = pythae_model("VAMP", number_components=12)
        few = {"n_steps": 5} if law == "volume" else {"island_scale": 1.0}
        arguments = {"centroids": "pseudo_inputs", "law": law, "n_centroids": None, **few}
        put_fit(record, f"pseudo-inputs, {law}", x, model=vamp, stored=True, **arguments)
    with record.case("pseudo-inputs"):
        record.put("posterior", as_latent_model(pythae_model("VAMP", number_components=12)).pseudo_inputs())
    with record.case("pythae folder"), tempfile.TemporaryDirectory() as folder:
        pythae_model().save(folder)
        record.put("posterior", as_latent_model(load_pythae(folder)).encode(x))
    record.put("names", list(as_latent_model.names))


class Wrapped(nn.Module):
    """The tiny VAE, in training mode, whose encoder returns what it is told to."""

    def __init__(self, encode: Callable[[Any], Any]) -> None:
        super().__init__()
        self.vae, self._encode = tiny_vae(), encode
        self.dropout = nn.Dropout(0.5)

    def encode(self, x: Tensor) -> Any:
        """As told; dropout shows whether the mode is that of evaluation."""
        return self._encode(self.dropout(x))

    def decode(self, z: Tensor) -> dict[str, Tensor]:
        """Images of codes, in a mapping."""
        return {"reconstruction": self.vae.decode(self.dropout(z.flatten(1)))}


def libraries(record: Record) -> None:
    """Untrained models of the larger libraries."""
    import anndata
    import diffusers
    import scvi
    from monai.networks import nets

    x = images(40)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        channels = (8, 16)
        kl = diffusers.AutoencoderKL(
            in_channels=1,
            out_channels=1,
            down_block_types=("DownEncoderBlock2D",) * 2,
            up_block_types=("UpDecoderBlock2D",) * 2,
            block_out_channels=channels,
            norm_num_groups=4,
            latent_channels=2,
            sample_size=8,
        )
        common = {"spatial_dims": 2, "out_channels": 1}
        spatial = nets.AutoencoderKL(
            **common,
            in_channels=1,
            num_res_blocks=1,
            channels=channels,
            attention_levels=(False, False),
            latent_channels=2,
            norm_num_groups=4,
            with_encoder_nonlocal_attn=False,
            with_decoder_nonlocal_attn=False,
        )
        vector = nets.VarAutoEncoder(**common, in_shape=(1, 8, 8), latent_size=3, channels=(4, 8), strides=(2, 2))
        rng = np.random.default_rng(0)
        counts = rng.poisson(rng.gamma(2.0, 2.0, (40, 30))).astype(np.float32)
        cells = anndata.AnnData(counts, obs={"phase": np.array(["G1", "S"])[np.arange(40) % 3 % 2]})
        scvi.model.SCVI.setup_anndata(cells, batch_key="phase")
        single = scvi.model.SCVI(cells, n_hidden=16, n_latent=3)
        single.is_trained_ = True
    for name, (model, rows) in {
        "diffusers AutoencoderKL": (kl, 2 * x - 1),
        "MONAI AutoencoderKL": (spatial, x),
        "MONAI VarAutoEncoder": (vector, x),
        "SCVI": (single, cells),
    }.items():
        with record.case(name):
            sampler = RiemannianUniformSampler.from_preset("local", model).fit(rows)
            put_sampler(record, sampler, n=40)


def sharding(record: Record) -> None:
    """Folders of shards."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        with record.case("codes"):
            encode_shards(tiny_vae(), images(130), folder / "codes", shard_size=50, batch_size=20)
            record.put_folder("files", folder / "codes")
            codes = read_codes(folder / "codes")
            record.put("read", codes)
            record.put("mapped", read_codes(folder / "codes", memory_budget=100))
        sampler = RiemannianUniformSampler.from_preset("calibrated", tiny_vae()).fit(images(130), classes(130))
        volume = RiemannianUniformSampler(n_centroids=30, n_steps=6).fit(codes)
        requests: dict[str, tuple[Any, dict[str, Any]]] = {
            "samples": (sampler, {"n_samples": 150, "seed": 3, "shard_size": 64}),
            "one class": (sampler, {"n_samples": 50, "seed": 3, "label": 1, "batch_size": 11}),
            "latents": (sampler, {"n_samples": 150, "seed": 4, "shard_size": 64, "decode": False}),
            "volume": (volume, {"n_samples": 150, "seed": 4, "shard_size": 100, "decode": False}),
        }
        for name, (source, arguments) in requests.items():
            with record.case(name):
                sample_shards(source, folder=folder / name, **arguments)
                record.put_folder("files", folder / name)
        with record.case("completed"):
            (folder / "samples" / "samples-00001-of-00003.npy").unlink()
            sample_shards(sampler, 150, folder / "samples", seed=3, shard_size=64)
            record.put_folder("files", folder / "samples")
        record.error_of("other seed", lambda: sample_shards(sampler, 150, folder / "samples", seed=4, shard_size=64))
        record.error_of("not codes", lambda: read_codes(folder / "samples"))


def pythae_drop_ins(record: Record) -> None:
    """The sampler as one of pythae's own."""
    from riemann_sampler.pythae import GenerationPipeline, RiemannianSampler, RiemannianSamplerConfig

    x = images(80)
    configs: dict[str, dict[str, Any]] = {
        "uniform": {"n_centroids": 20, "n_steps": 5, "seed": 3},
        "calibrated": {"seed": 3},
        "clusters": {"seed": 4, "island_scale": 1.5},
        "local": {"seed": 5, "n_neighbors": 4},
    }
    for preset, arguments in configs.items():
        with record.case(preset), tempfile.TemporaryDirectory() as scratch:
            folder, model = Path(scratch), pythae_model()
            config = RiemannianSamplerConfig.from_preset(preset, **arguments)
            sampler = RiemannianSampler(model, config).fit(x)
            record.put("samples", sampler.sample(20))
            record.put("fitted", by_label(sampler.sampler.diagnostics_))
            sampler.save(folder / "saved")
            record.put_folder("saved", folder / "saved")
            record.put("loaded", RiemannianSampler.load_from_folder(folder / "saved", model).sample(20, batch_size=3))
            sampler.sample(9, output_dir=folder / "images", return_gen=False, save_sampler_config=True)
            record.put_folder("images", folder / "images")
    with record.case("labels"):
        sampler = RiemannianSampler(pythae_model(), RiemannianSamplerConfig(law="islands", seed=1))
        record.put("samples", sampler.fit(x, labels=classes(80), seed=6).sample(30))
    with record.case("pipeline"):
        config = RiemannianSamplerConfig.from_preset("calibrated", seed=3)
        record.put("samples", GenerationPipeline(pythae_model(), config)(num_samples=20, train_data=x))
    record.error_of("unknown name", lambda: RiemannianSamplerConfig(n_centroid=3))
    record.error_of("wrong value", lambda: RiemannianSamplerConfig(n_centroids=-3))
    record.error_of("not fitted", lambda: RiemannianSampler(pythae_model()).sample(3))


def command_line(record: Record) -> None:
    """Every command, as a process of its own."""
    model = ["--model", "golden_model:trained"]
    seed = ["--seed", "5"]
    short = ["--set", "n_centroids=30", "--set", "n_steps=8"]
    commands: dict[str, list[str]] = {
        "encode": ["encode", *model, "--data", "x.npy", "--out", "codes", "--shard-size", "70"],
        "fit": ["fit", *model, "--data", "x.npy", "--labels", "y.npy", "--out", "fit", *short, "--seed", "3"],
        "fit codes": ["fit", "--codes", "codes", "--out", "islands", "--preset", "local", "--set", "dtype=float32"],
        "sample array": ["sample", "--sampler", "fit", *model, "-n", "40", "--label", "1", *seed, "--out", "one.npy"],
        "sample pictures": ["sample", "--sampler", "islands", "--model", "vae", "-n", "7", *seed, "--out", "pictures"],
        "sample latents": ["sample", "--sampler", "fit", "--latents", "-n", "40", *seed, "--out", "latents.npy"],
        "sample shards": [
            *("sample", "--sampler", "islands", "--latents", "-n", "150", *seed),
            *("--shard-size", "64", "--out", "shards"),
        ],
        "info": ["info", "fit"],
        "no model": ["sample", "--sampler", "fit", "-n", "3", "--out", "none.npy"],
    }
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        source = f"from runpy import run_path\n\ntrained = run_path({str(Path(__file__).resolve())!r})['tiny_vae']\n"
        (folder / "golden_model.py").write_text(source)
        np.save(folder / "x.npy", (images(150) * 255).byte().numpy())
        np.save(folder / "y.npy", classes(150))
        pythae_model().save(str(folder / "vae"))
        known = {path.name for path in folder.iterdir()}
        for name, arguments in commands.items():
            with record.case(name):
                ended = subprocess.run(
                    [sys.executable, "-m", "riemann_sampler", *arguments],
                    cwd=folder,
                    env={**os.environ, "PYTHONPATH": str(ROOT), "TQDM_DISABLE": "1"},
                    capture_output=True,
                    text=True,
                    check=False,
                )
                record.put("status", ended.returncode)
                record.put_text("stdout", ended.stdout)
                record.put_text("stderr", ended.stderr)
                for path in sorted(folder.iterdir()):
                    if path.name in known or path.name == "__pycache__":
                        continue
                    known.add(path.name)
                    if path.is_dir():
                        record.put_folder(path.name, path)
                    else:
                        record.put(path.name, np.load(path))
                        record.put(f"{path.name} file", sha256(path.read_bytes()))


def complaints(record: Record) -> None:
    """Warnings and errors."""
    mean, log_variance = posterior(60, 3)
    collapsed = GaussianPosterior(mean * torch.tensor([1.0, 1.0, 0.0]), log_variance * torch.tensor([1.0, 1.0, 0.0]))
    few: dict[str, Any] = {"n_centroids": 20, "n_steps": 4, "n_warmup": 10}
    put_fit(record, "collapse", collapsed, **few)
    put_fit(record, "wide posteriors", GaussianPosterior(mean, log_variance + 6), preset="calibrated")
    put_fit(record, "many dimensions", posterior(4, 4097), preset="local", covariance_structure="diagonal", n=3)
    put_fit(record, "high temperature", posterior(60, 3), temperature=8.0, **few)
    put_fit(record, "heavy floor", posterior(60, 3), temperature=0.7, regularization=30.0, decay=0.01, **few)
    put_fit(record, "no convergence", posterior(20, 2), global_moves=False, n_centroids=5, n=20)
    with record.case("curves that miss"):
        metric = RiemannianUniformSampler.from_preset("calibrated").fit(posterior(60, 2)).metric_
        record.put("log_map", geometry.log_map(InverseMetric(metric), mean[:3, :2], mean[3:6, :2], n_steps=4))
    fitted = RiemannianUniformSampler.from_preset("calibrated", tiny_vae()).fit(images(60), classes(60))
    nowhere = RiemannianUniformSampler.from_preset("calibrated")
    bad = images(60).clone()
    bad[4] = math.nan
    errors: dict[str, Callable[[], Any]] = {
        "unknown preset": lambda: RiemannianUniformSampler.from_preset("uniforms"),
        "unknown word": lambda: RiemannianUniformSampler(temperature="hot"),
        "number of the wrong kind": lambda: RiemannianUniformSampler(n_centroids=2.5),
        "share above one": lambda: RiemannianUniformSampler(min_ess=1.5),
        "auto without clusters": lambda: RiemannianUniformSampler(n_centroids="auto"),
        "dtype": lambda: RiemannianUniformSampler(dtype=torch.float16),
        "unknown model": lambda: RiemannianUniformSampler("a model"),
        "code without covariance": lambda: RiemannianUniformSampler(Autoencoder()).fit(images(60)),
        "not fitted": lambda: nowhere.sample_latents(3),
        "no model to encode": lambda: RiemannianUniformSampler().fit(images(60)),
        "no model to decode": lambda: RiemannianUniformSampler.from_preset("calibrated").fit(posterior()).sample(3),
        "no data": lambda: RiemannianUniformSampler(tiny_vae()).fit(images(60)[:0]),
        "data not finite": lambda: RiemannianUniformSampler(tiny_vae()).fit(bad),
        "data of no known kind": lambda: RiemannianUniformSampler(tiny_vae()).fit("data"),
        "one code": lambda: RiemannianUniformSampler().fit(posterior(1)),
        "same codes": lambda: RiemannianUniformSampler().fit(GaussianPosterior(torch.zeros(5, 2), torch.zeros(5, 2))),
        "nearest of one": lambda: RiemannianUniformSampler(temperature="nearest", n_centroids=1).fit(posterior()),
        "labels too few": lambda: RiemannianUniformSampler(tiny_vae()).fit(images(60), classes(59)),
        "unknown label": lambda: fitted.sample(3, label=4),
        "negative number": lambda: fitted.sample(-3),
        "numbers that differ": lambda: fitted.sample(3, label=[0, 1]),
        "no folder": lambda: RiemannianUniformSampler.load("/nowhere/at/all"),
        "pullback of posteriors": lambda: RiemannianUniformSampler(tiny_vae(), metric="pullback").fit(posterior()),
        "pseudo-inputs of a plain model": lambda: RiemannianUniformSampler(tiny_vae(), centroids="pseudo_inputs").fit(
            images(60)
        ),
        "filter": lambda: SampleFilter(images(60), min_distance="far"),
        "data set": lambda: SyntheticDataset(fitted, images(60)),
        "augmentation": lambda: LatentAugment(fitted)(images(60)),
        "walk": lambda: geometry.brownian_walk(fitted.metric_[0], torch.zeros(3)),
        "curves": lambda: geometry.geodesic(fitted.metric_[0], torch.zeros(2, 3), torch.zeros(3, 3)),
    }
    for name, function in errors.items():
        record.error_of(f"error: {name}", function)


SECTIONS: dict[str, Callable[[Record], None]] = {
    "metrics": metrics,
    "presets": presets,
    "laws": laws,
    "labels": labels,
    "data": data,
    "geometry": geometry_section,
    "oversampling": oversampling,
    "augmentation": augmentation,
    "adapters": adapters,
    "libraries": libraries,
    "sharding": sharding,
    "pythae": pythae_drop_ins,
    "complaints": complaints,
    "command line": command_line,
}


# ---------------------------------------------------------------------------------------------------------------------
# The two commands


def recorded(names: Sequence[str]) -> Record:
    """The results of some sections."""
    record = Record()
    packages = (
        "torch",
        "numpy",
        "scipy",
        "scikit-learn",
        "safetensors",
        "imbalanced-learn",
        "pythae",
        "pandas",
        "pillow",
    )
    record.put_text("environment", ", ".join(f"{package} {version(package)}" for package in packages))
    record.put_text("machine", f"Python {platform.python_version()}, {torch.backends.cpu.get_cpu_capability()}")
    for name in names:
        began = time.perf_counter()
        before = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
        with record.case(name):
            SECTIONS[name](record)
            untouched = torch.equal(before[0], torch.get_rng_state())
            untouched &= bool((before[1] == np.random.get_state()[1]).all())  # noqa: NPY002
            if name != "libraries":
                record.put("global random state is left alone", untouched)
        sys.stderr.write(f"{name}: {time.perf_counter() - began:.1f} s\n")
    return record


def compared(old: Mapping[str, Any], new: Record, names: Sequence[str]) -> bool:
    """Print how a record differs from an older one; whether no result does."""
    texts = flattened(old["may_change"])
    for key in sorted(texts.keys() & new.may_change.keys()):
        if texts[key] != new.may_change[key]:
            print(f"text   {key}\n    old {texts[key]!r}\n    new {new.may_change[key]!r}")
    results = {key: text for key, text in flattened(old["results"]).items() if key.partition("/")[0] in names}
    differ = [key for key, text in results.items() if new.results.get(key) != text]
    for key in differ:
        if key in new.results:
            print(f"DIFFER {key}\n    old {results[key]}\n    new {new.results[key]}")
        else:
            print(f"MISSING {key}\n    old {results[key]}")
    added = [key for key in new.results if key not in results]
    for key in added:
        print(f"new    {key}\n    new {new.results[key]}")
    if added:
        print(f"{len(added)} results are new")
    print(f"{len(results) - len(differ)} results bit-equal, {len(differ)} differ")
    return not differ


def main() -> None:
    """Record or compare, as the command line says."""
    parser = argparse.ArgumentParser(description="Record seeded results, or compare with those recorded.")
    parser.add_argument("command", choices=("record", "compare"))
    parser.add_argument("file", type=Path)
    parser.add_argument("--only", help=f"sections, with commas between them, of: {', '.join(SECTIONS)}")
    options = parser.parse_args()
    if os.environ.get("OMP_NUM_THREADS") != "1":
        parser.error("set OMP_NUM_THREADS=1: with more threads sums are taken in other orders")
    names = list(SECTIONS) if options.only is None else options.only.split(",")
    torch.set_num_threads(1)
    sys.stderr.write(f"riemann_sampler of {ROOT}\n")
    old = json.loads(options.file.read_text()) if options.command == "compare" else {}
    began = time.perf_counter()
    new = recorded(names)
    sys.stderr.write(f"{time.perf_counter() - began:.0f} s in all\n")
    if options.command == "compare":
        sys.exit(0 if compared(old, new, names) else 1)
    document = {"results": nested(new.results), "may_change": nested(new.may_change)}
    options.file.write_text(json.dumps(document, indent=0, ensure_ascii=False) + "\n")
    print(f"{len(new.results)} results, {options.file.stat().st_size / 1024:.0f} KiB")


if __name__ == "__main__":
    main()
