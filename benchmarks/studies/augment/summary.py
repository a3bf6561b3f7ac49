"""Out of cells: mean scores, and what methods gain over the training set as it is, with intervals over seeds.

A gain is a difference between two scores of one classifier on one held-out part, trained on the same examples with and
without the synthetic ones. It is averaged within a seed, over training sets and classifiers, and then over seeds: the
interval is Student's, of 95 %.
"""

import re
import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from scipy.stats import t

from .classifiers import CLASSIFIERS

__all__ = ["GROUPS", "NOTHING", "Gain", "gain", "summarized"]

NOTHING: Final = "nothing"
"""The training set as it is."""

RIVALS: Final = (NOTHING, "SMOTE", "VAE prior")
"""What each method is held against."""

FEW_PER_CLASS: Final = 50

Cell = Mapping[str, Any]


class Group(NamedTuple):
    """Training sets that are averaged over.

    Attributes:
        title: What they are.
        metric: The score that tells most of them.
        holds: Whether a regime of this name is one of them.
    """

    title: str
    metric: str
    holds: Callable[[str], bool]


def _per_class(regime: str) -> int | None:
    found = re.fullmatch(r"(\d+) per class", regime)
    return int(found[1]) if found else None


GROUPS: Final[Mapping[str, Group]] = {
    "few": Group(
        f"at most {FEW_PER_CLASS} examples of each class",
        "accuracy",
        lambda regime: (_per_class(regime) or FEW_PER_CLASS + 1) <= FEW_PER_CLASS,
    ),
    "imbalanced": Group("imbalanced classes", "balanced accuracy", lambda regime: _per_class(regime) is None),
}


class Gain(NamedTuple):
    """A mean difference and half the width of its interval; None where there is one seed."""

    mean: float
    half: float | None


def gain(differences: Sequence[float]) -> Gain:
    """Mean and 95 % interval of differences, one for each seed."""
    n = len(differences)
    if n < 2:
        return Gain(differences[0], None)
    half = t.ppf(0.975, n - 1) * statistics.stdev(differences) / n**0.5
    return Gain(statistics.fmean(differences), float(half))


def summarized(cells: Sequence[Cell]) -> dict[str, Any]:
    """Scores and gains of all cells."""
    methods = list(dict.fromkeys(name for cell in cells for name in cell["results"]))
    data = list(dict.fromkeys(cell["data"] for cell in cells))
    return {
        "heldout": cells[0]["heldout"],
        "data": {name: _facts([cell for cell in cells if cell["data"] == name]) for name in data},
        "n_seeds": len({cell["seed"] for cell in cells}),
        "commits": sorted({commit for cell in cells for commit in cell["commits"]}),
        "methods": methods,
        "scores": [row for name in data for row in _scores([c for c in cells if c["data"] == name], methods)],
        "gains": {
            key: _gains([cell for cell in cells if group.holds(cell["regime"])], methods, data, group.metric)
            for key, group in GROUPS.items()
        },
    }


def _facts(cells: Sequence[Cell]) -> dict[str, Any]:
    counts = {cell["regime"]: list(cell["counts"].values()) for cell in cells if cell["seed"] == cells[0]["seed"]}
    return {"n_heldout": cells[0]["n_heldout"], "counts": counts}


def _scores(cells: Sequence[Cell], methods: Sequence[str]) -> list[dict[str, Any]]:
    """Mean scores of each training set, method and classifier."""
    rows = []
    for regime in dict.fromkeys(cell["regime"] for cell in cells):
        mine = [cell for cell in cells if cell["regime"] == regime]
        for method in methods:
            results = [cell["results"][method] for cell in mine if method in cell["results"]]
            found = [result for result in results if "scores" in result]
            if not results:
                continue
            row: dict[str, Any] = {"data": cells[0]["data"], "regime": regime, "method": method}
            row |= {"n": len(found), "n_failed": len(results) - len(found)}
            row["errors"] = sorted({result["error"] for result in results if "error" in result})
            row["authenticity"] = _mean(result.get("authenticity") for result in found)
            row["seconds"] = _mean(result.get("seconds") for result in found)
            row["scores"] = {
                classifier: {
                    metric: _mean(result["scores"][classifier][metric] for result in found)
                    for metric in ("accuracy", "balanced accuracy", "macro F1")
                }
                for classifier in CLASSIFIERS
            }
            rows.append(row)
    return rows


def _mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return statistics.fmean(known) if known else None


def _gains(cells: Sequence[Cell], methods: Sequence[str], data: Sequence[str], metric: str) -> dict[str, Any]:
    """What every method gains over each rival: on each data set, on all, and with each classifier."""
    if not cells:
        return {}
    found: dict[str, Any] = {}
    for rival in RIVALS:
        for method in methods:
            if method != rival and rival in methods:
                own = {name: _by_seed([c for c in cells if c["data"] == name], method, rival, metric) for name in data}
                found.setdefault(rival, {})[method] = {
                    "data": {name: _interval(differences) for name, differences in own.items()},
                    "all": _interval(_over_data(own)),
                    "classifiers": {key: _of_classifier(cells, method, rival, metric, key) for key in CLASSIFIERS},
                }
    authenticity = {
        method: _mean(cell["results"].get(method, {}).get("authenticity") for cell in cells) for method in methods
    }
    return {"rivals": found, "authenticity": authenticity}


def _by_seed(
    cells: Sequence[Cell], method: str, rival: str, metric: str, classifiers: Iterable[str] = tuple(CLASSIFIERS)
) -> dict[int, float]:
    """Mean difference of each seed, over the training sets where neither failed."""
    found: dict[int, list[float]] = {}
    for cell in cells:
        own, other = (cell["results"].get(name, {}).get("scores") for name in (method, rival))
        if own and other:
            differences = [own[key][metric] - other[key][metric] for key in classifiers]
            found.setdefault(cell["seed"], []).append(statistics.fmean(differences))
    return {seed: statistics.fmean(differences) for seed, differences in found.items()}


def _over_data(own: Mapping[str, Mapping[int, float]]) -> dict[int, float]:
    """Means over data sets, of the seeds that all have; nothing if a data set has none."""
    seeds = set.intersection(*(set(differences) for differences in own.values()))
    return {seed: statistics.fmean(differences[seed] for differences in own.values()) for seed in sorted(seeds)}


def _of_classifier(cells: Sequence[Cell], method: str, rival: str, metric: str, key: str) -> list[float | None] | None:
    data = dict.fromkeys(cell["data"] for cell in cells)
    own = {
        name: _by_seed([cell for cell in cells if cell["data"] == name], method, rival, metric, [key]) for name in data
    }
    return _interval(_over_data(own))


def _interval(by_seed: Mapping[int, float]) -> list[float | None] | None:
    return list(gain(list(by_seed.values()))) if by_seed else None
