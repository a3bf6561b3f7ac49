"""A comparison as one page that needs nothing else: styles, script, pictures and plots are all within."""

from collections.abc import Sequence
from html import escape
from pathlib import Path
from string import Template

from .exhibits import Exhibit
from .formats import COLUMNS, conditions_of_run, failures, software
from .parts import curve_figures, gallery, icon, maps, plots, score_table, verdict_table
from .selection import studies
from .summary import KINDS, Group, Summary
from .verdicts import judge, tally

__all__ = ["page"]

FOLDER = Path(__file__).parent
KIND_NAMES = {
    "baseline": "usual baselines",
    "native": "the model library's own samplers",
    "ours": "ours",
    "ceiling": "ceilings: real data, reconstructions",
}


def page(summary: Summary, exhibits: Sequence[Sequence[Exhibit]]) -> str:
    """The page.

    Args:
        summary: What it shows.
        exhibits: Pictures and maps of each of its groups.

    Returns:
        HTML.
    """
    found = studies(summary.groups)
    shown = {group[:3]: each for group, each in zip(summary.groups, exhibits, strict=True)}
    groups = [group for each in found.values() for group in each]
    names = {group[:3]: f"group-{index}" for index, group in enumerate(groups)}
    verdicts = [judge(group) for group in groups]
    sections, contents = [], ['<li><a href="#verdicts">What holds</a></li>']
    for index, ((dataset, model), each) in enumerate(found.items()):
        heading = escape(f"{dataset}, {model}")
        contents.append(f'<li><a href="#study-{index}">{heading}</a></li>')
        parts = [_section(group, names[group[:3]], shown[group[:3]]) for group in reversed(each)]
        low_data = f"<h3>By the size of the training set</h3>{curve_figures(each)}" if len(each) > 1 else ""
        sections.append(f'<section id="study-{index}"><h2>{heading}</h2>{low_data}{"".join(parts)}</section>')
    contents.append('<li><a href="#columns">What the columns are</a></li>')
    return Template((FOLDER / "report.html").read_text(encoding="utf-8")).substitute(
        style=(FOLDER / "report.css").read_text(encoding="utf-8"),
        script=(FOLDER / "report.js").read_text(encoding="utf-8"),
        lead=escape(_lead(summary)),
        software=escape(software(summary)),
        legend="".join(f"<li>{icon(kind)}{KIND_NAMES[kind]}</li>" for kind in KINDS),
        contents="".join(contents),
        tally=_tally(*tally(verdicts)),
        verdicts=verdict_table(verdicts, list(names.values())),
        studies="\n".join(sections),
        columns="".join(f"<dt>{escape(column.heading)}</dt><dd>{escape(column.meaning)}</dd>" for column in COLUMNS),
    )


def _lead(summary: Summary) -> str:
    rows = [row for group in summary.groups for row in group.rows]
    n_samplers = len({row.sampler for row in rows})
    n_cells = sum(row.n_seeds + row.n_failed for row in rows)
    datasets = ", ".join(dict.fromkeys(group.dataset for group in summary.groups))
    models = ", ".join(dict.fromkeys(group.model for group in summary.groups))
    return (
        f"{n_samplers} samplers on trained variational autoencoders ({models}) of {datasets}: {n_cells:,} runs, scored "
        f"against {summary.heldout} data. Figures are means ± standard deviations over seeds, each with its own model."
    )


def _tally(n_met: int, n_failed: int, n_open: int) -> str:
    nothing = f"; {n_open} could not be judged" if n_open else ""
    return (
        f"<strong>{n_met} of {n_met + n_failed} conditions hold</strong>{nothing}. The best of our presets, chosen by "
        "these conditions, is held against the native sampler of lowest mean Fréchet distance (FD); <i>gap closed</i> "
        "is the share of the FD between N(0, I) and reconstructions. A difference is within the spread where it is no "
        "larger than the root of the sum of both variances over seeds."
    )


def _section(group: Group, name: str, exhibits: Sequence[Exhibit]) -> str:
    title = f"{group.n_train:,} training data"
    parts = [
        f'<h3 id="{name}">{title}</h3>',
        f'<p class="note">{escape(" ".join(conditions_of_run(group)))}</p>',
        score_table(group, f"{group.dataset}, {group.model}, {title}"),
    ]
    if any(figure.n < row.n_seeds for row in group.rows for figure in row.figures.values()):
        parts.append('<p class="note">* over fewer seeds than others in its row.</p>')
    if failed := failures(group):
        parts.append(f'<ul class="failures">{"".join(f"<li>{escape(line)}</li>" for line in failed)}</ul>')
    parts.append(plots(group))
    if pictures := gallery(exhibits):
        parts.append(f"<details open><summary>Samples, seed {exhibits[0].seed}</summary>{pictures}</details>")
    if found := maps(exhibits, name):
        parts.append(
            f"<details open><summary>Where samples are encoded, seed {exhibits[0].seed}</summary>"
            '<p class="note">Two main axes of the training codes. Grey: training data. The few samples farthest out '
            f"may lie outside.</p>{found}</details>"
        )
    return "".join(parts)
