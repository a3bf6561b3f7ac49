"""The figures of every section as Markdown tables."""

from collections.abc import Callable, Mapping
from typing import Any

from ...reporting.markdown_table import markdown_table, note_quick
from ...reporting.units import readable_memory, readable_ratio, readable_seconds

__all__ = ["full_tables", "missing"]

Figures = Mapping[str, Any]


def missing(figures: Figures, section: str) -> str | None:
    """Why a section has no figures; None if it has."""
    found = figures["sections"].get(section) if "sections" in figures else None
    if found is None:
        return "not run"
    if "error" in found:
        return f"failed ({found['error']})"
    return f"not run, {found['not_run']}" if "not_run" in found else None


def full_tables(figures: Figures) -> str:
    """Every section under its heading, or why it has no figures."""
    described = [f"{name} {figures['environment'][name]}" for name in ("commit", "python", "machine", "threads")]
    parts = ["# Speed", f"`python -m benchmarks speed`: {', '.join(described)}."]
    for section, (heading, tables) in SECTIONS.items():
        reason = missing(figures, section)
        text = f"{reason[0].upper()}{reason[1:]}." if reason else tables(figures["sections"][section])
        text = text if reason else note_quick(text, figures)
        commit = f" (commit {figures['sections'][section]['commit']})" if reason is None else ""
        parts += [f"## {heading}{commit}", text]
    return "\n\n".join(parts) + "\n"


def _gradient(found: Figures) -> str:
    rows = [
        {
            **row,
            "ours": readable_seconds(row["ours"]),
            "dense": readable_seconds(row["dense"], extrapolated=row["dense_is_scaled"]),
            "ratio": readable_ratio(row["ratio"]),
            "floor": readable_seconds(row["floor"]),
            "floor_share": f"{row['floor_share']:.0%}",
            "rate": f"{row['operations'] / row['ours'] / 1e9:.1f}",
            "moved": readable_memory(row["moved_bytes"] / 2**20),
            "tensor": readable_memory(row["dense_tensor_bytes"] / 2**20),
            "difference": f"{row['relative_difference']:.0e}",
        }
        for row in found["rows"]
    ]
    headings = {
        "dtype": "dtype",
        "dim": "d",
        "n_centroids": "K",
        "ours": "ours",
        "dense": "dense",
        "ratio": "dense / ours",
        "floor": "bare products",
        "floor_share": "their share of ours",
        "rate": "ours, GFLOP/s",
        "moved": "ours, moved",
        "tensor": "a dense tensor",
        "difference": "relative difference",
    }
    checks = [
        f"d = {each['dim']}, K = {each['n_centroids']:,}: {readable_seconds(each['scaled'])} for "
        f"{readable_seconds(each['whole'])}"
        for each in found["scaling_checks"]
    ]
    kept = [
        f"d = {row['dim']}, K = {row['n_centroids']:,}: {readable_seconds(row['dense'])} for "
        f"{readable_seconds(row['ours'])} ({readable_ratio(row['ratio'])})"
        for row in found["kept_memory"]
    ]
    text = (
        f"One evaluation at {found['n_chains']} chains, one thread. ≈: timed on fewer chains and centroids and scaled "
        f"up. Where both were timed, scaling gave {'; '.join(checks)}. In a process that gives no memory back to the "
        f"system, the dense form took, in float64, {'; '.join(kept)}."
    )
    return f"{text}\n\n{markdown_table(rows, headings)}"


def _race(found: Figures) -> str:
    headings = {"sampler": "sampler", "fit": "fit", "sample": "sample", "total": "both"}
    text = (
        f"{found['n_samples']:,} latents from {found['n_codes']:,} codes, d = {found['dim']}, "
        f"{found['threads']} thread(s), flows trained for {found['flow_epochs']} epochs. ≈: extrapolated from one "
        f"transition of one batch, for the published dynamics the fastest of {found['n_timed']}."
    )
    first = markdown_table([_shown_times(row) for row in found["rows"]], headings)
    ends = found["converged"]
    rows = [{**_shown_times(row), "r_hat": f"{row['log_volume_r_hat']:.4f}"} for row in ends["rows"]]
    second = markdown_table(rows, {**headings, "r_hat": "log-volume R-hat"})
    reached = "" if ends["is_converged"] else " (R-hat stayed above its bound)"
    ratios = (
        f"{ends['n_samples']:,} samples, K = {ends['n_centroids']}, until the R-hat of the log volume is below 1.01"
        f"{reached}: {readable_ratio(ends['ratio_sampling'])} faster in sampling, "
        f"{readable_ratio(ends['ratio_with_fit'])} with the fits."
    )
    return f"{text}\n\n{first}\n\n{ratios}\n\n{second}"


def _shown_times(row: Figures) -> dict[str, Any]:
    about = {"sample": row["extrapolated"], "total": row["extrapolated"], "fit": False}
    return {**row, **{key: readable_seconds(row[key], extrapolated=value) for key, value in about.items()}}


def _ess(found: Figures) -> str:
    rows = [
        {
            **row,
            "seconds": readable_seconds(row["seconds"]),
            "draws": f"{row['draws_per_second']:,.0f}",
            "effective": f"{row['effective_per_second']:,.0f}",
        }
        for row in found["rows"]
    ]
    headings = {
        "dim": "d",
        "n_centroids": "K",
        "n_draws": "draws",
        "seconds": "time",
        "draws": "draws per second",
        "effective": "effective samples per second",
        "log_volume_r_hat": "R-hat",
        "acceptance": "HMC acceptance",
        "global_acceptance": "global acceptance",
    }
    text = "One thread. Effective: of the log volume, over all the states of the chains' second halves."
    return f"{text}\n\n{markdown_table(rows, headings)}"


def _growth(found: Figures) -> str:
    names = {"n_centroids": "centroids", "dim": "dimensions", "n_chains": "chains"}
    rows = [
        {
            "along": names[name],
            "others": ", ".join(f"{value:,} {names[other]}" for other, value in axis["others"].items()),
            "sizes": ", ".join(f"{size:,}" for size in axis["sizes"]),
            "seconds": ", ".join(readable_seconds(seconds) for seconds in axis["seconds"]),
            "exponent": axis["exponent"],
        }
        for name, axis in found["time"].items()
    ]
    headings = {"along": "along", "others": "at", "sizes": "sizes", "seconds": "gradient", "exponent": "exponent"}
    memory = found["memory"]
    peaks = [
        {
            "k": row["n_centroids"],
            "fit": readable_memory(row["fit_mib"]),
            "mib": readable_memory(row["mib"]),
            "own": readable_memory(row["centroids_mib"]),
        }
        for row in memory["rows"]
    ]
    columns = {"k": "K", "fit": "peak of the fit", "mib": "of fit and draws", "own": "the centroids alone, float64"}
    slope = "" if memory["slope"] is None else f" It grows by {memory['slope']:.1f} times the centroids' own size."
    text = (
        f"Peak memory above the codes, all of them centroids, d = {memory['dim']}, {memory['n_chains']:,} chains, one "
        f"thread.{slope}"
    )
    return f"{markdown_table(rows, headings, digits=2)}\n\n{text}\n\n{markdown_table(peaks, columns)}"


def _processes(found: Figures) -> str:
    rows = [
        {**row, "seconds": readable_seconds(row["seconds"]), "speedup": readable_ratio(row["speedup"])}
        for row in found["rows"]
    ]
    equal = "bit-equal" if found["files_are_equal"] else "NOT equal"
    text = (
        f"{found['n_samples']:,} latents, K = {found['n_centroids']:,}, d = {found['dim']}, one thread a process, on "
        f"{found['cores']} cores, the fastest of {len(found['rows'][0]['all_seconds'])} turns; the files are {equal}."
    )
    headings = {"processes": "processes", "seconds": "time", "speedup": "faster than one"}
    return f"{text}\n\n{markdown_table(rows, headings)}"


def _scale(found: Figures) -> str:
    rows = [
        {
            "covariances": row["covariances"],
            "seconds": readable_seconds(row["seconds"]),
            "resident": readable_memory(row["resident_mib"]),
            "anonymous": readable_memory(row["anonymous_mib"]),
            "codes": readable_memory(row["codes_mib"]),
        }
        for row in found["rows"]
    ]
    headings = {
        "covariances": "centroids",
        "seconds": "encode and fit",
        "resident": "peak resident",
        "anonymous": "of it no mapped file",
        "codes": "the codes, in float32",
    }
    text = f"A stream of {found['n_latents']:,} latents, d = {found['dim']}, K = {found['n_centroids']:,}."
    return f"{text}\n\n{markdown_table(rows, headings)}"


def _cuda(found: Figures) -> str:
    reached = found["ceilings"]
    shares = ("bandwidth_share", "operations_share")
    rows = [
        {**row, "seconds": readable_seconds(row["seconds"]), **{key: f"{row[key]:.0%}" for key in shares}}
        for row in found["gradient"]
    ]
    sizes = {"dtype": "dtype", "n_chains": "chains", "n_centroids": "K", "dim": "d", "seconds": "gradient"}
    gradient = {**sizes, "bandwidth_share": "of the bandwidth", "operations_share": "of the operations"}
    draws = [
        {**row, "seconds": readable_seconds(row["seconds"]), "rate": f"{row['samples_per_second']:,.0f}"}
        for row in found["sampling"]
    ]
    columns = {"dtype": "dtype", "n_centroids": "K", "dim": "d", "n_samples": "samples", "seconds": "time"}
    sampling = {**columns, "rate": "samples per second", "log_volume_r_hat": "R-hat"}
    ceilings = ", ".join(f"{reached[name] / 1e12:.1f} TFLOP/s in {name}" for name in ("float64", "float32"))
    text = f"{found['device']}: a copy reaches {reached['bandwidth'] / 1e9:,.0f} GB/s, a matrix product {ceilings}."
    return f"{text}\n\n{markdown_table(rows, gradient)}\n\n{markdown_table(draws, sampling)}"


SECTIONS: dict[str, tuple[str, Callable[[Figures], str]]] = {
    "gradient": ("One gradient evaluation", _gradient),
    "race": ("Time to samples", _race),
    "ess": ("Effective samples per second", _ess),
    "growth": ("Growth", _growth),
    "processes": ("Processes", _processes),
    "scale": ("Ten million latents", _scale),
    "cuda": ("CUDA", _cuda),
}
