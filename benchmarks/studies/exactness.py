"""Is the sample drawn from the law? Two-dimensional volume laws against a grid.

The total variation between the histogram of 20,000 samples on 30 × 30 cells and the exact cell masses is compared with
that of 20,000 exact draws: a ratio near 1 cannot be told from exact sampling. All our chains start in one island. The
paper's published dynamics run beside, from the centroids, on the laws that they can express (diagonal, α = 1).
"""

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from matplotlib.figure import Figure
from torch import Tensor
from tqdm import tqdm

from riemann_sampler import DiagonalMetric, FullMetric
from riemann_sampler.mcmc import choose_n_steps, make_kernel, run_chains
from riemann_sampler.metric import IslandMixture, Metric, proper_floor
from riemann_sampler.settings import Settings

from ..harness.provenance import environment, write_json
from ..reporting.images import write_figure
from ..reporting.markdown_table import Aligned, markdown_table
from ..reporting.spreads import MISSING
from ..samplers.published import published_samples

__all__ = ["EXPONENTS", "LAWS", "Grid", "draw", "make_metric", "table", "tv_ratio"]

CELLS, FINE = 30, 20
"""Cells along an axis, and quadrature points along an axis of a cell."""

EXPONENTS = (0.25, 1.0, 2.0)
LAWS = ("isolated", "overlapping", "crowded", "unequal", "full")
N_LEAPFROG_STEPS = Settings.n_leapfrog_steps
N_WARMUP_CHAINS, N_PILOT_CHAINS = 256, 2048
HEADINGS = {
    "law": "law",
    "alpha": "α",
    "exact": "TV of exact draws",
    "ours": "TV of ours",
    "ours_ratio": "ours / exact",
    "n_steps": "steps",
    "published": "TV published",
    "published_ratio": "published / exact",
}


def _geometry(name: str) -> tuple[Tensor, Tensor, float]:
    """Centroids, precisions and temperature."""
    generator = torch.Generator().manual_seed(3)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, dtype=torch.float64, generator=generator)

    if name == "isolated":
        corners = torch.tensor([[-4, -4], [4, 4], [4, -4], [-4, 4], [0, 0]], dtype=torch.float64)
        return corners, torch.full_like(corners, 4.0), 1.0
    if name == "overlapping":
        return 1.5 * normal(12, 2), torch.full((12, 2), 2.0, dtype=torch.float64), 1.5
    if name == "crowded":
        return normal(30, 2), 1 + 4 * torch.rand(30, 2, dtype=torch.float64, generator=generator), 3.0
    if name == "unequal":
        return 3 * normal(8, 2), torch.exp(0.5 + 1.7 * normal(8, 2)), 1.2
    centroids, factors = 3 * normal(8, 2), normal(8, 2, 2)
    return centroids, 3 * factors @ factors.mT + 0.2 * torch.eye(2, dtype=torch.float64), 1.2


def make_metric(name: str, volume_exponent: float) -> Metric:
    """One of the laws: islands apart, overlapping, crowded, of very unequal sizes and axes, or tilted (full)."""
    centroids, precisions, temperature = _geometry(name)
    metric = (DiagonalMetric if precisions.ndim == 2 else FullMetric)(
        centroids, precisions, temperature=temperature, regularization=1.0, decay=1.0, volume_exponent=volume_exponent
    )
    decay = 1 / (2 * volume_exponent * centroids.square().mean().item())
    floor = proper_floor(metric.quadratics, temperature, volume_exponent, share=0.01, decay=decay)
    return metric.replace(temperature=temperature, regularization=floor.regularization, decay=decay)


@dataclass
class Grid:
    """Exact masses of the cells of a window that holds the islands; one more cell is all that lies outside."""

    low: Float[Tensor, "2"]
    high: Float[Tensor, "2"]
    masses: Float[Tensor, " cells"]

    @classmethod
    def of(cls, metric: Metric) -> "Grid":
        """The grid of a law, by quadrature over a window and its surroundings."""
        draws = IslandMixture.of(metric).sample(100_000, torch.Generator().manual_seed(0))
        low, high = draws.quantile(0.0025, dim=0), draws.quantile(0.9975, dim=0)
        width = high - low
        # Three windows along each axis: the middle one is the grid, the others are "outside".
        axes = []
        for i in range(2):
            unit = torch.arange(3 * CELLS * FINE, dtype=torch.float64).add(0.5) / (CELLS * FINE) - 1
            axes.append(low[i] + width[i] * unit)
        log_density = metric.log_density(torch.cartesian_prod(*axes))
        density = (log_density - log_density.max()).exp().view(3 * CELLS, FINE, 3 * CELLS, FINE).sum((1, 3))
        masses = density / density.sum()
        inside = masses[CELLS : 2 * CELLS, CELLS : 2 * CELLS].flatten()
        return cls(low, high, torch.cat([inside, 1 - inside.sum().view(1)]))

    def histogram(self, z: Float[Tensor, "n 2"]) -> Float[Tensor, " cells"]:
        """Shares of the samples in each cell, and outside."""
        cell = ((z - self.low) / (self.high - self.low) * CELLS).floor().long()
        inside = ((cell >= 0) & (cell < CELLS)).all(1)
        flat = torch.where(inside, cell[:, 0] * CELLS + cell[:, 1], CELLS**2)
        return torch.bincount(flat, minlength=CELLS**2 + 1).double() / len(z)

    def total_variation(self, shares: Float[Tensor, " cells"]) -> float:
        """Total variation between shares and the exact masses, in [0, 1]."""
        return 0.5 * (shares - self.masses).abs().sum().item()

    def exact_total_variation(self, n: int, seed: int) -> float:
        """The same of n exact draws."""
        generator = torch.Generator().manual_seed(1000 + seed)
        cells = torch.multinomial(self.masses, n, replacement=True, generator=generator)
        return self.total_variation(torch.bincount(cells, minlength=len(self.masses)).double() / n)


def draw(metric: Metric, n: int, seed: int) -> tuple[Float[Tensor, "n 2"], int]:
    """Our kernel, all chains started in the first island; and the number of steps, which pilot chains chose."""
    generator = torch.Generator().manual_seed(seed)
    spread = 0.1 * metric.quadratics.variances[0].sqrt()
    noise = torch.randn(n, 2, dtype=torch.float64, generator=generator)
    start = metric.centroids[0] + spread * noise
    kernel = make_kernel(
        metric,
        start[:N_WARMUP_CHAINS],
        generator,
        n_warmup="auto",
        n_leapfrog_steps=N_LEAPFROG_STEPS,
        global_moves=True,
    )
    n_steps = choose_n_steps(kernel, metric, start[:N_PILOT_CHAINS], generator)
    return run_chains(kernel, metric, start, generator, n_steps=n_steps)[0], n_steps


def _draw_published(metric: Metric, n: int, seed: int) -> Float[Tensor, "n 2"]:
    return published_samples(
        metric.centroids,
        metric.centroids,
        metric.precisions,
        temperature=metric.temperature,
        regularization=metric.regularization,
        n_samples=n,
        generator=torch.Generator().manual_seed(seed),
    )


def tv_ratio(metric: Metric, *, n: int = 20_000, n_seeds: int = 5) -> float:
    """Total variation of our samples over that of exact draws, both averaged over seeds."""
    grid = Grid.of(metric)
    ours = [grid.total_variation(grid.histogram(draw(metric, n, seed)[0])) for seed in range(n_seeds)]
    return sum(ours) / sum(grid.exact_total_variation(n, seed) for seed in range(n_seeds))


def _row(name: str, exponent: float, n: int, n_seeds: int) -> dict[str, float | str | None]:
    metric = make_metric(name, exponent)
    grid = Grid.of(metric)
    seeds = range(n_seeds)
    exact = sum(grid.exact_total_variation(n, seed) for seed in seeds) / n_seeds
    drawn = [draw(metric, n, seed) for seed in seeds]
    ours = sum(grid.total_variation(grid.histogram(z)) for z, _ in drawn) / n_seeds
    published = None
    if isinstance(metric, DiagonalMetric) and exponent == 1:
        histograms = [grid.histogram(_draw_published(metric, n, seed)) for seed in seeds]
        published = sum(map(grid.total_variation, histograms)) / n_seeds
    n_steps = sum(steps for _, steps in drawn) / n_seeds
    totals = {"exact": exact, "ours": ours, "n_steps": n_steps, "published": published}
    return {"law": name, "volume_exponent": exponent, **totals}


def table(figures: dict[str, Any]) -> str:
    """The figures as a Markdown table."""
    lines = []
    for row in figures["rows"]:
        exact, ours, published = row["exact"], row["ours"], row["published"]
        cells = {
            "alpha": f"{row['volume_exponent']:g}",
            "exact": f"{exact:.4f}",
            "ours": f"{ours:.4f}",
            "ours_ratio": f"{ours / exact:.3f}",
            "n_steps": f"{row['n_steps']:.0f}",
            "published": MISSING if published is None else f"{published:.3f}",
            "published_ratio": MISSING if published is None else f"{published / exact:.1f}",
        }
        lines.append({"law": row["law"]} | {key: Aligned(text) for key, text in cells.items()})
    return markdown_table(lines, HEADINGS)


def _picture(n: int) -> Figure:
    """The exact law, our samples and the published dynamics', as densities on the same grid."""
    names = ("overlapping", "unequal")
    figure = Figure(figsize=(10, 3.5 * len(names)), layout="constrained")
    axes = figure.subplots(len(names), 3)
    for row, name in zip(axes, names, strict=True):
        metric = make_metric(name, 1.0)
        grid = Grid.of(metric)
        panels = {
            "exact law": grid.masses,
            "riemann_sampler, all chains from one island": grid.histogram(draw(metric, n, 0)[0]),
            "published dynamics, from the training codes": grid.histogram(_draw_published(metric, n, 0)),
        }
        extent = (grid.low[0].item(), grid.high[0].item(), grid.low[1].item(), grid.high[1].item())
        for axis, (title, shares) in zip(row, panels.items(), strict=True):
            image = shares[:-1].view(CELLS, CELLS).T.numpy()
            top = grid.masses[:-1].max().item()
            axis.imshow(image, origin="lower", extent=extent, aspect="auto", cmap="magma", vmin=0, vmax=top)
            axis.plot(*metric.centroids.T.numpy(), "+", color="white", markersize=7)
            off = "" if title == "exact law" else f"\ntotal variation {grid.total_variation(shares):.3f}"
            axis.set_title(title + off, fontsize=9)
        row[0].set_ylabel(f"{name} islands")
    return figure


def main(arguments: list[str]) -> None:
    """Print the table, write it as JSON, draw the picture."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks exactness", description=__doc__)
    parser.add_argument("--samples", type=int, default=20_000, help="samples for each law and seed")
    parser.add_argument("--seeds", type=int, default=5, help="seeds that are averaged")
    parser.add_argument("--output", type=Path, default=Path("benchmark_output"), help="folder for JSON and picture")
    options = parser.parse_args(arguments)

    cases = [(name, exponent) for name in LAWS for exponent in EXPONENTS]
    rows = [_row(*case, options.samples, options.seeds) for case in tqdm(cases, desc="laws", unit="law", leave=False)]
    config = {"samples": options.samples, "seeds": options.seeds}
    figures = {"environment": environment(), "config": config, "rows": rows}
    write_json(options.output / "exactness.json", figures)
    print(table(figures))

    picture = options.output / "exactness.png"
    write_figure(_picture(50_000), picture)
    print(f"\nwritten: {options.output / 'exactness.json'}, {picture}")
