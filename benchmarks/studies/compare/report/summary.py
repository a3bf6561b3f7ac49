"""What a report knows: figures averaged over seeds, one row a sampler, as they are committed in ``summary.json``."""

import json
from collections.abc import Iterable
from typing import Any, Final, NamedTuple

from typing_extensions import Self

from ....reporting.spreads import Spread, round_significant

__all__ = ["KINDS", "OTHER_DISTANCE", "PRIOR", "REAL", "RECONSTRUCTIONS", "Group", "Row", "Summary"]

KINDS: Final = ("baseline", "native", "own", "ours", "ceiling")
"""Kinds of samplers, in the order in which tables show them."""

PRIOR: Final = "N(0, I)"
RECONSTRUCTIONS: Final = "reconstructions"
REAL: Final = "real train"
"""Names of samplers that have a part of their own."""

OTHER_DISTANCE: Final = "frechet_distance on "
"""Begins the key of a Fréchet distance on a feature map that is not the group's; its short name follows."""


class Row(NamedTuple):
    """A sampler on the models of one group.

    Attributes:
        dataset: Data set.
        n_train: Size of the training set.
        model: Kind of the model.
        sampler: Name of the sampler.
        kind: One of `KINDS`.
        n_seeds: Seeds on which it gave samples.
        n_failed: Seeds on which it failed.
        error: What the first failure said.
        n_samples: Data it generated for each seed.
        figures: Scores, seconds and memory by key; a figure that no seed has is left out.
    """

    dataset: str
    n_train: int
    model: str
    sampler: str
    kind: str
    n_seeds: int
    n_failed: int
    error: str | None
    n_samples: int
    figures: dict[str, Spread]

    def mean(self, key: str) -> float | None:
        """Mean of a figure; None where it is missing."""
        return self.figures[key].mean if key in self.figures else None


class Group(NamedTuple):
    """All that was run on one data set, training size and kind of model.

    Attributes:
        dataset: Data set.
        n_train: Size of the training set.
        model: Kind of the model.
        seeds: Seeds, each with a model of its own.
        feature_map: Short name of the feature map of the scores.
        features: Full name and mean held-out accuracy (None of a map that does not classify) by a map's short name.
        config: Lowest and highest value of each number of the configurations, ceilings left out.
        rows: Its samplers, by kind, then by Fréchet distance; those that failed come last in their kind.
    """

    dataset: str
    n_train: int
    model: str
    seeds: list[int]
    feature_map: str
    features: dict[str, tuple[str, float | None]]
    config: dict[str, tuple[float, float]]
    rows: list[Row]

    @property
    def is_trained_here(self) -> bool:
        """Whether each seed trained a model; a user's own model is the same for all seeds."""
        return bool({"n_steps", "n_epochs"} & set(self.config))

    def row(self, sampler: str) -> Row | None:
        """The row of a sampler; None where it was not run."""
        return next((row for row in self.rows if row.sampler == sampler), None)

    def best(self, kind: str) -> Row | None:
        """The sampler of a kind with the lowest mean Fréchet distance; None where none has one."""
        rows = (row for row in self.rows if row.kind == kind and "frechet_distance" in row.figures)
        return min(rows, key=lambda row: row.figures["frechet_distance"].mean, default=None)


class Summary(NamedTuple):
    """All groups, and what they were run with.

    Attributes:
        environment: Commit, versions and machine; several of one thing are joined by commas.
        heldout: Split against which all was scored, "test" or "validation".
        groups: Groups by data set, model and training size.
        is_quick: Whether any of it was run with ``--quick``, so that the figures mean nothing.
    """

    environment: dict[str, Any]
    heldout: str
    groups: list[Group]
    is_quick: bool = False

    def text(self) -> str:
        """As JSON, one group and one row a line."""
        groups = [group._replace(rows=[])._asdict() for group in self.groups]
        for group in groups:
            del group["rows"]
            group["features"] = {
                name: (full, None if accuracy is None else round_significant(accuracy))
                for name, (full, accuracy) in group["features"].items()
            }
        rows = [
            row._replace(figures={key: figure.rounded() for key, figure in row.figures.items()})._asdict()
            for group in self.groups
            for row in group.rows
        ]
        environment = json.dumps(self.environment, ensure_ascii=False, indent=1)
        parts = {"environment": environment, "heldout": json.dumps(self.heldout)}
        parts |= {"quick": "true"} if self.is_quick else {}
        parts |= {"groups": _lines(groups), "rows": _lines(rows)}
        return "{\n" + ",\n".join(f'"{name}": {part}' for name, part in parts.items()) + "\n}\n"

    @classmethod
    def parse(cls, figures: dict[str, Any]) -> Self:
        """The summary that was stored.

        Args:
            figures: Content of ``summary.json``.

        Returns:
            The summary, with rounded figures.
        """
        rows = [
            Row(**{**row, "figures": {key: Spread(*figure) for key, figure in row["figures"].items()}})
            for row in figures["rows"]
        ]
        groups = []
        for stored in figures["groups"]:
            identity = (stored["dataset"], stored["n_train"], stored["model"])
            maps = {name: (full, accuracy) for name, (full, accuracy) in stored["features"].items()}
            config = {key: (low, high) for key, (low, high) in stored["config"].items()}
            mine = [row for row in rows if row[:3] == identity]
            groups.append(Group(**{**stored, "features": maps, "config": config}, rows=mine))
        return cls(figures["environment"], figures["heldout"], groups, figures.get("quick", False))


def _lines(items: Iterable[dict[str, Any]]) -> str:
    return "[\n" + ",\n".join(json.dumps(item, ensure_ascii=False) for item in items) + "\n]"
