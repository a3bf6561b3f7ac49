"""Markdown tables."""

import math

from benchmarks.reporting.markdown_table import markdown_table

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
