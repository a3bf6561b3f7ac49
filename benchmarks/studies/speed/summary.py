"""The figures of all sections in one short table, a line for each question."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ...reporting.markdown_table import markdown_table, note_quick
from ...reporting.units import readable_memory, readable_ratio, readable_seconds
from .tables import missing

__all__ = ["table"]

Figures = Mapping[str, Any]
Line = tuple[str, str, str, str]
HEADINGS = {"what": "what", "ours": "ours", "other": "compared with", "ratio": "ratio"}


def table(figures: Figures) -> str:
    """One Markdown table; a section without figures has a line that says why."""
    lines: list[Line] = []
    for section, (question, answers) in SECTIONS.items():
        reason = missing(figures, section)
        lines += [(question, reason, "", "")] if reason else answers(figures["sections"][section])
    return note_quick(markdown_table([dict(zip(HEADINGS, line, strict=True)) for line in lines], HEADINGS), figures)


def _gradient(found: Figures) -> Iterator[Line]:
    fresh = {(row["dim"], row["n_centroids"]): row for row in found["rows"] if row["dtype"] == "float64"}
    for kept in found["kept_memory"]:
        row = fresh[kept["dim"], kept["n_centroids"]]
        yield (
            f"a gradient: {found['n_chains']} chains, K = {row['n_centroids']:,}, d = {row['dim']}, one thread",
            readable_seconds(row["ours"]),
            f"dense d×d: {readable_seconds(row['dense'])}; its memory kept: {readable_seconds(kept['dense'])}",
            f"{readable_ratio(row['ratio'])}; {readable_ratio(kept['ratio'])}",
        )


def _race(found: Figures) -> Iterator[Line]:
    ends = found["converged"]
    slow, fast = ends["rows"][0], ends["rows"][-1]
    yield (
        f"{ends['n_samples']:,} samples, K = {ends['n_centroids']}, d = {found['dim']}, with the fit",
        f"{readable_seconds(fast['total'])} (R-hat {fast['log_volume_r_hat']:.3f})",
        f"published dynamics: {readable_seconds(slow['total'], extrapolated=True)} "
        f"(R-hat {slow['log_volume_r_hat']:.3f})",
        readable_ratio(ends["ratio_with_fit"]),
    )
    rows = {row["sampler"]: row["total"] for row in found["rows"]}
    mixture = rows["pythae: GaussianMixture"]
    for name in ("uniform", "uniform, float32", "calibrated"):
        ours = rows[f"ours: {name}"]
        yield (
            f"{found['n_samples']:,} samples, {found['n_codes']:,} codes, with the fit: {name}",
            readable_seconds(ours),
            f"pythae's GMM-10: {readable_seconds(mixture)}",
            readable_ratio(mixture / ours),
        )


def _ess(found: Figures) -> Iterator[Line]:
    for row in found["rows"]:
        if row["dim"] == 16:
            yield (
                f"effective samples per second, K = {row['n_centroids']:,}, d = 16, one thread",
                f"{row['effective_per_second']:,.0f} ({row['draws_per_second']:,.0f} draws)",
                "",
                "",
            )


def _growth(found: Figures) -> Iterator[Line]:
    names = {"n_centroids": "centroids", "n_chains": "chains", "dim": "dimensions"}
    for name, word in names.items():
        axis = found["time"][name]
        sizes = f"{axis['sizes'][0]:,} to {axis['sizes'][-1]:,}"
        yield (f"growth with {word}, {sizes}", f"exponent {axis['exponent']:.2f}", "linear: 1", "")
    memory = found["memory"]
    row = memory["rows"][-1]
    yield (
        f"peak memory above the codes, K = {row['n_centroids']:,}, d = {memory['dim']}, {memory['n_chains']:,} chains",
        readable_memory(row["mib"]),
        f"the centroids alone: {readable_memory(row['centroids_mib'])}",
        "",
    )


def _processes(found: Figures) -> Iterator[Line]:
    one, *more = found["rows"]
    equal = "bit-equal" if found["files_are_equal"] else "NOT equal"
    for row in more:
        yield (
            f"{found['n_samples']:,} samples by {row['processes']} processes, files {equal}",
            readable_seconds(row["seconds"]),
            f"one process: {readable_seconds(one['seconds'])}",
            readable_ratio(row["speedup"]),
        )


def _scale(found: Figures) -> Iterator[Line]:
    for row in found["rows"]:
        yield (
            f"a stream of {found['n_latents']:,} latents, d = {found['dim']}, K = {found['n_centroids']:,}, "
            f"centroids: {row['covariances']}",
            f"{readable_seconds(row['seconds'])}, {readable_memory(row['anonymous_mib'])}",
            f"the codes: {readable_memory(row['codes_mib'])}",
            "",
        )


def _cuda(found: Figures) -> Iterator[Line]:
    for row in found["sampling"]:
        yield (
            f"{row['n_samples']:,} samples, K = {row['n_centroids']:,}, d = {row['dim']}, {row['dtype']}, "
            f"{found['device']}",
            readable_seconds(row["seconds"]),
            "",
            "",
        )


SECTIONS: dict[str, tuple[str, Callable[[Figures], Iterator[Line]]]] = {
    "gradient": ("a gradient", _gradient),
    "race": ("time to samples", _race),
    "ess": ("effective samples per second", _ess),
    "growth": ("growth", _growth),
    "processes": ("several processes", _processes),
    "scale": ("ten million latents", _scale),
    "cuda": ("CUDA", _cuda),
}
