"""Tables, plots and galleries of the page, as HTML."""

import math
import re
from collections.abc import Iterable, Sequence
from html import escape

from ....reporting.spreads import MISSING, Spread
from .axes import Axis
from .exhibits import MAP_SIDE, Exhibit, cloud, map_square, real_cloud
from .formats import Column, columns, condition_text, decimals
from .selection import CURVES, curves, generated_rows, points
from .summary import Group, Row
from .svg import curve_plot, marker, point_plot
from .verdicts import Condition, Verdict

__all__ = ["curve_figures", "gallery", "icon", "maps", "plots", "score_table", "verdict_table"]


def icon(kind: str) -> str:
    """A kind's marker in running text."""
    return f'<svg class="icon" viewBox="-6 -6 12 12" aria-hidden="true">{marker(kind)}</svg>'


def score_table(group: Group, name: str) -> str:
    """Every figure of a group; its headings sort."""
    chosen = columns(group)
    headings = [f'<th scope="col">{_button("sampler")}</th>'] + [
        f'<th scope="col" data-first="{"descending" if column.heading.endswith("↑") else "ascending"}" '
        f'title="{escape(column.meaning)}">{_button(column.heading)}</th>'
        for column in chosen
    ]
    spreads = [(column, decimals(column, group.rows), _spread_width(column, group.rows)) for column in chosen]
    body = [
        f'<tr class="{row.kind}"><th scope="row" data-value="{escape(row.sampler)}">{icon(row.kind)}'
        f"{escape(row.sampler)}{_seeds(row)}</th>"
        + "".join(_cell(row.figures.get(column.key), digits, width, row.n_seeds) for column, digits, width in spreads)
        + "</tr>"
        for row in group.rows
    ]
    return _scrolled("sortable", name, headings, body)


def verdict_table(verdicts: Iterable[Verdict], names: Sequence[str]) -> str:
    """Every condition of every group."""
    titles = ("Data, model", "Samplers", "FD ≤ best native", "Coverage ≥ best native", "Authenticity ≥ ¼ or ceiling")
    titles += ("Default: FD ≤ N(0, I)", "Default: FD ≤ GMM-10", "Gap closed ≥ 0.97")
    headings = [f'<th scope="col">{escape(title)}</th>' for title in titles]
    body = []
    for verdict, name in zip(verdicts, names, strict=True):
        group = verdict.group
        conditions = [*(verdict.best or [None] * 3), *(verdict.default or [None] * 2), *(verdict.gap or [None])]
        preset = "no preset" if verdict.preset is None else verdict.preset.sampler
        native = "no native sampler" if verdict.native is None else verdict.native.sampler
        body.append(
            f'<tr><th scope="row"><a href="#{name}">{escape(group.dataset)}, {escape(group.model)}</a>'
            f"<small>{group.n_train:,} training data</small></th>"
            f'<td class="words">{escape(preset)}<small>against {escape(native)}</small></td>'
            f"{''.join(_condition(condition, group) for condition in conditions)}</tr>"
        )
    return _scrolled("verdicts", "Conditions", headings, body)


def plots(group: Group) -> str:
    """Fidelity by novelty, and precision by recall."""
    figures = []
    novelty = points(generated_rows(group), "authenticity", "frechet_distance", y_is_log=True)
    if novelty:
        axes = (
            Axis.over(point.x for point in novelty),
            Axis.over((point.y for point in novelty), is_log=True, is_reversed=True),
        )
        labels = ("authenticity: novel →", "Fréchet distance, log scale: faithful →")
        figures.append(
            _figure(
                point_plot(novelty, *axes, labels=labels, title="Fréchet distance by authenticity"),
                "Fidelity by novelty. Copies of training data are at the left, samples like held-out data at the top; "
                "the training data's own point is left out.",
            )
        )
    scattered = points(group.rows, "recall", "precision")
    if scattered:
        axes = Axis.over(point.x for point in scattered), Axis.over(point.y for point in scattered)
        figures.append(
            _figure(
                point_plot(scattered, *axes, labels=("recall →", "precision →"), title="Precision by recall"),
                "Precision by recall. Bars are one standard deviation over seeds on either side.",
            )
        )
    return f'<div class="plots">{"".join(figures)}</div>'


def curve_figures(groups: Sequence[Group]) -> str:
    """Fidelity, coverage and novelty by the size of the training set."""
    figures = []
    sizes = Axis.over((Spread(group.n_train, None, 1) for group in groups), is_log=True)
    for key, label in CURVES.items():
        is_log = key == "frechet_distance"
        found = curves(groups, key, is_log=is_log)
        if not found:
            continue
        axis = Axis.over((figure for curve in found for figure in curve.figures.values()), is_log=is_log)
        plot = curve_plot(found, sizes, axis, labels=("training data", label), title=f"{label} by training data")
        figures.append(_figure(plot, ""))
    return f'<div class="plots three">{"".join(figures)}</div>'


def gallery(exhibits: Sequence[Exhibit]) -> str:
    """Pictures of generated data; empty where there are none."""
    figures = [
        f"<figure>{_name(exhibit, exhibits)}"
        f'<img alt="Samples of {escape(exhibit.sampler)}" src="{exhibit.picture}"></figure>'
        for exhibit in exhibits
        if exhibit.picture
    ]
    return f'<div class="gallery">{"".join(figures)}</div>' if figures else ""


def maps(exhibits: Sequence[Exhibit], name: str) -> str:
    """Encoded samples over the encoded training data; empty where nothing was encoded."""
    square = map_square(exhibits)
    if square is None:
        return ""
    real = f'<path id="{name}-real" class="dots real" d="{real_cloud(exhibits, square)}"/>'
    figures = []
    for exhibit in exhibits:
        if not exhibit.positions:
            continue
        below = real if not figures else f'<use href="#{name}-real"/>'
        figures.append(
            f"<figure>{_name(exhibit, exhibits)}"
            f'<svg class="map" viewBox="-2 -2 {MAP_SIDE + 4} {MAP_SIDE + 4}" role="img" '
            f'aria-label="Codes of {escape(exhibit.sampler)}">{below}'
            f'<path class="dots {exhibit.kind}" d="{cloud(exhibit.positions, square)}"/></svg></figure>'
        )
    return f'<div class="gallery">{"".join(figures)}</div>'


def _name(exhibit: Exhibit, exhibits: Sequence[Exhibit]) -> str:
    """Its sampler, and its seed where that is not the first one's, which the section's heading names."""
    seed = "" if exhibit.seed == exhibits[0].seed else f", seed {exhibit.seed}"
    return f"<figcaption>{icon(exhibit.kind)}{escape(exhibit.sampler)}{seed}</figcaption>"


def _button(text: str) -> str:
    return f'<button type="button">{escape(text)}</button>'


def _scrolled(kind: str, label: str, headings: Iterable[str], body: Iterable[str]) -> str:
    return (
        f'<div class="scroll" role="region" tabindex="0" aria-label="{escape(label)}"><table class="{kind}">'
        f"<thead><tr>{''.join(headings)}</tr></thead><tbody>{''.join(body)}</tbody></table></div>"
    )


def _figure(content: str, caption: str) -> str:
    return f"<figure>{content}{f'<figcaption>{caption}</figcaption>' if caption else ''}</figure>"


def _spread_width(column: Column, rows: Iterable[Row]) -> int:
    return max((len(_spread(row.figures.get(column.key), decimals(column, rows))) for row in rows), default=0)


def _spread(figure: Spread | None, digits: int) -> str:
    return "" if figure is None or figure.sd is None else f" ± {figure.sd:.{digits}f}"


def _cell(figure: Spread | None, digits: int, width: int, n_seeds: int) -> str:
    """A figure, its spread filled up with spaces as wide as figures, so that the means stand below one another."""
    if figure is None:
        return f'<td data-value="" class="missing">{MISSING}</td>'
    mean = f"{figure.mean:.{digits}f}".replace("-", "−")
    spread = _spread(figure, digits).ljust(width, "\u2007")
    lacking = f' title="{figure.n} of {n_seeds} seeds"' if figure.n < n_seeds else ""
    star = "*" if lacking else ""
    return f'<td data-value="{figure.mean!r}"{lacking}>{star}{mean}<span class="spread-text">{spread}</span></td>'


def _seeds(row: Row) -> str:
    return f"<small>{row.n_seeds} of {row.n_seeds + row.n_failed} seeds</small>" if row.n_failed else ""


def _condition(condition: Condition | None, group: Group) -> str:
    if condition is None or condition.other is None:
        return f'<td class="missing">{MISSING}</td>'
    text = _two_lines(condition_text(condition, group).removesuffix(" ≈"))
    remark = "<small>within the spread over seeds</small>" if condition.within_spread else ""
    if condition.holds:
        return f'<td class="pass">{text}{remark}</td>'
    by = "" if condition.shortfall is None else f"<strong>fails by {_difference(condition.shortfall)}</strong>"
    return f'<td class="fail">{text}{by}{remark}</td>'


def _two_lines(text: str) -> str:
    """Ours above, the other below, after its sign."""
    ours, sign, other = re.split(" ([≤≥<>]) ", text)
    return f"{escape(ours)}<span>{escape(f'{sign} {other}')}</span>"


def _difference(value: float) -> str:
    """Two significant digits, all of them where it is large."""
    return f"{value:.{max(0, 1 - math.floor(math.log10(value)))}f}"
