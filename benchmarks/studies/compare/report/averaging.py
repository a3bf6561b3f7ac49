"""Cells averaged over seeds.

The share of a gap that a sampler closes, seed by seed on the same model, with FD the Fréchet distance:

    gap_closed = (FD of N(0, I) − FD) / (FD of N(0, I) − FD of reconstructions)
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from ....reporting.spreads import Spread
from .cells import BrokenCellError, Cell
from .summary import KINDS, OTHER_DISTANCE, PRIOR, RECONSTRUCTIONS, Group, Row, Summary

__all__ = ["gap_closed", "summarise"]


def summarise(cells: Sequence[Cell], feature_map: str | None = None) -> Summary:
    """Means and standard deviations over seeds.

    Args:
        cells: Cells of one held-out split.
        feature_map: Short name of the feature map whose scores are wanted (default: the first of each cell).

    Returns:
        One row a sampler, in groups of one data set, training size and kind of model.

    Raises:
        BrokenCellError: A cell lacks that feature map.
    """
    parts: dict[tuple[str, str, int], list[Cell]] = defaultdict(list)
    for cell in cells:
        names = cell["cell"]
        parts[names["dataset"], names["model"], names["n_train"]].append(cell)
    groups = [_group(parts[identity], feature_map) for identity in sorted(parts)]
    environment = _joined([cell["environment"] for cell in cells])
    is_quick = any(cell["config"].get("quick") for cell in cells)
    return Summary(environment, cells[0]["cell"]["heldout"], groups, is_quick)


def _group(cells: list[Cell], feature_map: str | None) -> Group:
    names = cells[0]["cell"]
    found = (name for cell in cells for name in cell["scores"] or cell["features"])
    chosen = feature_map or next(found, "no feature map")
    samplers: dict[str, list[Cell]] = defaultdict(list)
    for cell in cells:
        if cell["scores"] is not None and chosen not in cell["scores"]:
            msg = f"The cell {cell['cell']} was not scored on the feature map {chosen!r}, but {list(cell['scores'])}."
            raise BrokenCellError(msg)
        samplers[cell["cell"]["sampler"]].append(cell)
    prior, ceiling = (_distances(samplers.get(name, []), chosen) for name in (PRIOR, RECONSTRUCTIONS))
    rows = [_row(found, chosen, prior, ceiling) for found in samplers.values()]
    return Group(
        names["dataset"],
        names["n_train"],
        names["model"],
        sorted({cell["cell"]["seed"] for cell in cells}),
        chosen,
        _features(cells),
        _config([cell["config"] for cell in cells if cell["kind"] != "ceiling"]),
        sorted(rows, key=_place),
    )


def _row(cells: list[Cell], chosen: str, prior: dict[int, float | None], ceiling: dict[int, float | None]) -> Row:
    values: dict[str, list[float]] = defaultdict(list)
    for cell in cells:
        if cell["scores"] is None:
            continue
        seed, figures = cell["cell"]["seed"], _figures(cell, chosen)
        figures["gap_closed"] = gap_closed(figures.get("frechet_distance"), prior.get(seed), ceiling.get(seed))
        for key, value in figures.items():
            if value is not None and math.isfinite(value):
                values[key].append(value)
    errors = [cell["error"] for cell in cells if cell["scores"] is None]
    names = cells[0]["cell"]
    return Row(
        names["dataset"],
        names["n_train"],
        names["model"],
        names["sampler"],
        cells[0]["kind"],
        n_seeds=len(cells) - len(errors),
        n_failed=len(errors),
        error=errors[0] if errors else None,
        n_samples=cells[0]["config"]["n_samples"],
        figures={key: Spread.of(found) for key, found in values.items()},
    )


def _figures(cell: Cell, chosen: str) -> dict[str, float | None]:
    """Scores on the chosen feature map, the Fréchet distance on the others too, and costs."""
    others = {name: scores for name, scores in cell["scores"].items() if name != chosen}
    return {
        **cell["scores"][chosen],
        **{f"{OTHER_DISTANCE}{name}": scores.get("frechet_distance") for name, scores in others.items()},
        "fit_seconds": cell["seconds"]["fit"],
        "sample_seconds": cell["seconds"]["sample"],
        "peak_memory_mib": cell["peak_memory_mib"],
    }


def gap_closed(distance: float | None, prior: float | None, ceiling: float | None) -> float | None:
    """Share of the gap between N(0, I) and reconstructions that a Fréchet distance closes.

    Args:
        distance: Fréchet distance of a sampler.
        prior: That of N(0, I), on the same model.
        ceiling: That of reconstructions, on the same model.

    Returns:
        0 for N(0, I), 1 for reconstructions; None where a distance is missing or there is no gap.
    """
    if distance is None or prior is None or ceiling is None or prior <= ceiling:
        return None
    return (prior - distance) / (prior - ceiling)


def _place(row: Row) -> tuple[int, float, str]:
    distance = row.mean("frechet_distance")
    return KINDS.index(row.kind), math.inf if distance is None else distance, row.sampler


def _distances(cells: Iterable[Cell], chosen: str) -> dict[int, float | None]:
    """Fréchet distance of a sampler by seed."""
    scored = (cell for cell in cells if cell["scores"] is not None)
    return {cell["cell"]["seed"]: cell["scores"][chosen].get("frechet_distance") for cell in scored}


def _features(cells: Iterable[Cell]) -> dict[str, tuple[str, float | None]]:
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for cell in cells:
        for name, facts in cell["features"].items():
            found[name].append(facts)
    features = {}
    for name, facts in found.items():
        accuracies = [fact["heldout_accuracy"] for fact in facts if fact.get("heldout_accuracy") is not None]
        mean = sum(accuracies) / len(accuracies) if accuracies else None
        features[name] = (", ".join(dict.fromkeys(str(fact.get("name", name)) for fact in facts)), mean)
    return features


def _config(configs: Sequence[dict[str, Any]]) -> dict[str, tuple[float, float]]:
    values: dict[str, list[float]] = defaultdict(list)
    for config in configs:
        for key, value in config.items():
            if isinstance(value, int | float) and not isinstance(value, bool):
                values[key].append(value)
    return {key: (min(found), max(found)) for key, found in values.items()}


def _joined(found: Sequence[Any]) -> Any:
    """One for many: mappings key by key, the rest as what was found, in order, joined by commas where it differs."""
    mappings = [item for item in found if isinstance(item, dict)]
    if mappings:
        keys = dict.fromkeys(key for item in mappings for key in item)
        return {key: _joined([item[key] for item in mappings if key in item]) for key in keys}
    distinct = list(dict.fromkeys(found))
    return distinct[0] if len(distinct) == 1 else ", ".join(str(item) for item in distinct)
