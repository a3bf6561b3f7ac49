"""Markdown tables, means and spreads over seeds."""

import json
import math

from benchmarks.reporting.markdown_table import QUICK_NOTICE, averaged, markdown_table, note_quick, rounded

EXPECTED = """
| sampler |  s | score ↓ |
| ------- | -: | ------: |
| N(0, I) |  – |   12.35 |
| a       |  – |    0.50 |
"""


def test_table_by_hand() -> None:
    rows = [
        {"sampler": "N(0, I)", "score": 12.3456, "seconds": None, "left out": 1.0},
        {"sampler": "a", "score": 0.5, "seconds": math.nan, "left out": 2.0},
    ]
    table = markdown_table(rows, {"sampler": "sampler", "seconds": "s", "score": "score ↓"}, digits=2)
    assert table == EXPECTED.strip()


def test_lines_by_hand() -> None:
    rows = [
        {"data": "digits", "dim": 2, "path": "a", "error": 1.0, "seconds": None},
        {"data": "digits", "dim": 2, "path": "b", "error": 5.0, "seconds": 1.0},
        {"data": "digits", "dim": 2, "path": "a", "error": 2.0},
        {"data": "digits", "dim": 2, "path": "b", "error": None, "seconds": 3.0},
        {"data": "digits", "dim": 16, "path": "a", "error": 7.0, "seconds": 9.0},
    ]
    assert averaged(rows, "path", {"error": 2, "seconds": 1}) == [
        {"data": "digits, 2", "path": "a", "error": "1.50 ± 0.71", "seconds": "–"},
        {"data": "", "path": "b", "error": "5.00 (n = 1)", "seconds": "2.0 ± 1.4"},
        {"data": "digits, 16", "path": "a", "error": "7.00", "seconds": "9.0"},
    ]


def test_what_is_stored_has_five_digits_and_is_json() -> None:
    found = rounded({"a": [1.23456789, 7, "text", None], "b": {"c": math.nan, "d": -math.inf, "e": True}})
    assert found == {"a": [1.2346, 7, "text", None], "b": {"c": None, "d": None, "e": True}}
    json.dumps(found, allow_nan=False)


def test_the_notice_of_quick_runs() -> None:
    assert note_quick("table", {"quick": True}) == f"**{QUICK_NOTICE}**\n\ntable"
    assert note_quick("table", {"quick": False}) == note_quick("table", {}) == "table"
