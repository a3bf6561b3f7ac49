"""The report as a whole: one page that needs nothing else, summary, tables, pictures."""

import json
import re
from base64 import b64decode
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from benchmarks.reporting.markdown_table import QUICK_NOTICE
from benchmarks.studies.compare.report.formats import COLUMNS
from benchmarks.studies.compare.report.markdown import all_tables, table
from benchmarks.studies.compare.report.run import main, write_report
from benchmarks.studies.compare.report.summary import Summary
from tests.helpers.report_cells import SAMPLERS, make_cell, mosaic, write_cell, write_study
from tests.helpers.report_outline import Outline

PICTURES = {"fidelity_novelty.png", "curves_digits_VAE-flow.png"}


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """Folder of cells, and the report on them."""
    folder = tmp_path_factory.mktemp("report")
    write_study(folder / "cells", datasets=("digits",), models=("VAE & <flow>",))
    write_report(folder / "cells", folder / "report")
    return folder


@pytest.fixture(scope="module")
def summary(study):
    return Summary.parse(json.loads((study / "report" / "summary.json").read_text()))


@pytest.fixture(scope="module")
def text(study):
    return (study / "report" / "report.html").read_text()


@pytest.fixture(scope="module")
def outline(text):
    outline = Outline()
    outline.feed(text)
    outline.close()
    assert outline.open == []
    return outline


def test_page_holds_every_figure_of_every_table(outline, summary):
    tables = " ".join(outline.cells)
    values = [
        attributes["data-value"] for tag, attributes in outline.elements if tag == "td" and "data-value" in attributes
    ]
    for group in summary.groups:
        for row in group.rows:
            assert row.sampler in tables
            for key, figure in row.figures.items():
                assert repr(figure.mean) in values, (row.sampler, key)
    assert len(values) == 2 * len(SAMPLERS) * (len(COLUMNS) + 1)


def test_page_shows_means_and_spreads(outline, summary):
    row = summary.groups[-1].row("ours: calibrated")
    mean, sd, _ = row.figures["coverage"]
    assert any(cell.rstrip("\u2007") == f"{mean:.3f} ± {sd:.3f}" for cell in outline.cells)


def test_page_needs_nothing_from_elsewhere(text, outline):
    assert "http" not in text
    for tag, attributes in outline.elements:
        assert tag not in ("link", "iframe", "object", "embed")
        for name in ("src", "href", "xlink:href", "action", "data"):
            if name in attributes:
                embedded = ("data:image/png;base64,", "data:image/svg+xml;base64,", "#")
                assert attributes[name].startswith(embedded), attributes
    assert not re.search(r"@import|url\(", text)
    assert "{{" not in text
    assert "{%" not in text


def test_links_within_the_page_lead_somewhere(outline):
    assert len(set(outline.ids)) == len(outline.ids)
    targets = {attributes["href"][1:] for _, attributes in outline.elements if "href" in attributes}
    assert {"verdicts", "columns", "study-0", "group-0", "group-1", "group-0-real"} <= targets <= set(outline.ids)


def test_page_is_accessible(outline, text):
    assert '<html lang="en">' in text
    assert 'name="viewport"' in text
    assert "prefers-color-scheme: dark" in text
    for tag, attributes in outline.elements:
        if tag == "img":
            assert attributes["alt"]
        if tag == "svg":
            assert attributes.get("aria-label") or attributes.get("aria-hidden") == "true"
        if tag == "th":
            assert attributes["scope"] in ("col", "row")
        if tag == "div" and attributes.get("class") == "scroll":
            assert attributes["tabindex"] == "0"
            assert attributes["aria-label"]
    sortable = text.count('<table class="sortable">')
    assert sortable == 2
    assert text.count('<button type="button">') == sortable * (len(COLUMNS) + 2)


def test_names_are_escaped(text):
    assert "<flow>" not in text
    assert "<no>" not in text
    assert "VAE &amp; &lt;flow&gt;" in text


def test_names_of_samplers_are_escaped(tmp_path):
    for sampler in ("GMM-10", "ours: uniform", "pythae: MAF", "pythae: IAF"):
        cell = make_cell(sampler, error="ValueError: no" if sampler == "pythae: IAF" else None)
        cell["cell"]["sampler"] = f"{sampler}<b>"
        write_cell(tmp_path / "cells", cell)
    write_report(tmp_path / "cells", tmp_path / "report")
    page = (tmp_path / "report" / "report.html").read_text()
    assert "<b>" not in page
    for name in ("GMM-10", "ours: uniform", "pythae: MAF", "pythae: IAF"):
        assert f'data-value="{name}&lt;b&gt;"' in page


def test_page_says_what_failed(text, outline):
    assert "pythae: TwoStageVAE failed on 3 of 3 seeds: ValueError: &lt;no&gt; convergence &amp; no way out" in text
    assert "pythae: IAF2 of 3 seeds" in outline.cells
    assert "pythae: TwoStageVAE0 of 3 seeds" in outline.cells


def test_page_shows_pictures_of_the_first_seed(outline):
    images = [each for tag, each in outline.elements if tag == "img" and each.get("class") != "plot"]
    assert len(images) == 2 * (len(SAMPLERS) - 1)
    assert len({image["src"] for image in images}) == len(images)
    maps = [attributes for tag, attributes in outline.elements if tag == "svg" and attributes["class"] == "map"]
    assert len(maps) == len(images)


def test_plots_are_scalable_and_of_every_training_set(outline):
    plots = [each for tag, each in outline.elements if tag == "img" and each.get("class") == "plot"]
    assert [each["alt"] for each in plots] == [
        *(f"{name} by training data" for name in ("Fréchet distance, log scale", "coverage", "authenticity")),
        *2 * ["Fréchet distance by authenticity", "Precision by recall"],
    ]
    for each in plots:
        content = b64decode(each["src"].removeprefix("data:image/svg+xml;base64,"))
        assert ElementTree.fromstring(content).tag == "{http://www.w3.org/2000/svg}svg"


def test_nothing_but_tables_is_wider_than_a_telephone(text):
    style = text[text.index("<style>") : text.index("</style>")]
    assert "min-width: 2" not in style
    for rule in (".plot { display: block; width: 100%; height: auto;", ".scroll { max-width: 100%; overflow-x: auto;"):
        assert rule in style
    assert text.count('<div class="scroll"') == text.count("<table")


def test_verdicts_are_marked(text, outline):
    marks = [attributes["class"] for tag, attributes in outline.elements if tag == "td" and "class" in attributes]
    n_pass, n_fail = marks.count("pass"), marks.count("fail")
    assert n_pass + n_fail == 2 * 6
    assert f"<strong>{n_pass} of 12 conditions hold</strong>" in text
    assert text.count("<strong>fails by ") == n_fail


def test_failing_condition_says_by_how_much(tmp_path):
    distances = {"N(0, I)": 100.0, "GMM-10": 30.0, "pythae: MAF": 40.0, "reconstructions": 20.0}
    distances |= {"ours: uniform": 31.5, "ours: local": 31.5}
    for sampler, distance in distances.items():
        write_cell(tmp_path / "cells", make_cell(sampler, frechet_distance=distance, coverage=0.5, authenticity=0.3))
    write_report(tmp_path / "cells", tmp_path / "report")
    page = (tmp_path / "report" / "report.html").read_text()
    assert '<td class="fail">31.5<span>&gt; 30.0</span><strong>fails by 1.5</strong></td>' in page
    assert '<td class="fail">0.856<span>&lt; 0.970</span><strong>fails by 0.11</strong></td>' in page
    assert page.count('class="fail"') == 2
    assert {path.name for path in (tmp_path / "report").iterdir()} == {
        *("summary.json", "tables.md", "report.html", "fidelity_novelty.png")
    }


def test_starred_figures_have_fewer_seeds(tmp_path):
    for seed in (0, 1):
        write_cell(tmp_path / "cells", make_cell("GMM-10", seed=seed, **({"density": None} if seed else {})))
    write_report(tmp_path / "cells", tmp_path / "report")
    page = (tmp_path / "report" / "report.html").read_text()
    assert page.count('title="1 of 2 seeds">*') == page.count(' title="1 of 2') == 1
    assert "* over fewer seeds" in page


def test_page_of_a_quick_run_says_so_above_every_table(tmp_path):
    cell = make_cell("ours: local")
    cell["config"]["quick"] = True
    write_cell(tmp_path / "cells", cell)
    write_report(tmp_path / "cells", tmp_path / "report")
    page = (tmp_path / "report" / "report.html").read_text()
    notice = f'<p class="notice">{QUICK_NOTICE}</p>'
    assert page.count(notice) == 1 + page.count("<table") == 3


def test_markdown_is_made_of_the_summary(study):
    figures = json.loads((study / "report" / "summary.json").read_text())
    assert (study / "report" / "tables.md").read_text() == all_tables(figures)
    assert "| digits 10,000, VAE & <flow>" in table(figures)
    assert figures["environment"]["commit"] == "0123abc"


@pytest.mark.parametrize("name", sorted(PICTURES))
def test_pictures_are_no_blanks(study, name):
    with Image.open(study / "report" / name) as picture:
        assert picture.format == "PNG"
        assert min(picture.size) > 500
        pixels = np.asarray(picture.convert("L"), dtype=float)
    assert pixels.std() > 20


def test_report_is_the_same_again_and_whole(study, tmp_path):
    written = write_report(study / "cells", tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {path.name for path in written}
    assert {path.name for path in written} == {"summary.json", "tables.md", "report.html", *PICTURES}
    for path in written:
        assert path.read_bytes() == (study / "report" / path.name).read_bytes(), path.name


def test_data_that_are_no_images_have_maps_alone(tmp_path):
    write_cell(tmp_path / "cells", make_cell("GMM-10"))
    write_report(tmp_path / "cells", tmp_path / "report")
    page = (tmp_path / "report" / "report.html").read_text()
    assert set(re.findall(r'<img class="(\w+)"', page)) == {"plot"}
    assert "<img alt" not in page
    assert page.count('class="map"') == 1
    assert "Where samples are encoded" in page


def test_what_has_no_first_seed_names_its_own(tmp_path):
    folder = tmp_path / "cells"
    write_cell(folder, make_cell("GMM-10"))
    write_cell(folder, make_cell("pythae: IAF", error="ValueError: no"))
    write_cell(folder, make_cell("pythae: IAF", seed=1, picture="seed1.png"))
    (folder / "seed1.png").write_bytes(mosaic(0))
    write_report(folder, tmp_path / "report")
    page = (tmp_path / "report" / "report.html").read_text()
    assert page.count("pythae: IAF, seed 1</figcaption>") == 2
    (folder / "seed1.png").unlink()
    with pytest.raises(SystemExit, match=r"'seed1\.png' of a cell is not in"):
        main(["--cells", str(folder), "--output", str(tmp_path / "other")])
    assert not (tmp_path / "other").exists()


def test_command_prints_the_tables_and_what_it_wrote(tmp_path, capsys):
    write_cell(tmp_path / "cells", make_cell("GMM-10", frechet_distance=12.5))
    main(["--cells", str(tmp_path / "cells"), "--output", str(tmp_path / "out"), "--features", "efflite0"])
    printed = capsys.readouterr().out
    assert "Features EfficientNet-Lite0." in printed
    for name in ("summary.json", "tables.md", "report.html", "fidelity_novelty.png"):
        assert f"{tmp_path / 'out' / name} (" in printed


def test_command_refuses_a_broken_file(tmp_path):
    write_cell(tmp_path / "cells", make_cell("GMM-10")).write_text("{")
    with pytest.raises(SystemExit, match=r"gmm-10\.json is not JSON"):
        main(["--cells", str(tmp_path / "cells"), "--output", str(tmp_path / "out")])
    assert not (tmp_path / "out").exists()
