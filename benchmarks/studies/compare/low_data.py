"""The comparison for small training sets: everything is trained and fitted on 200, 1,000, 5,000 and all data.

The setting of the paper's experiments (arXiv:2209.07370, section 5.2); the report draws curves over the size.
"""

from .run import parser_of, run_grid

__all__ = ["SIZES", "main"]

SIZES = (200, 1_000, 5_000, None)


def main(arguments: list[str]) -> None:
    """Run the grid over training sizes, and report.

    Args:
        arguments: Command line; ``--help`` lists the options.
    """
    run_grid(parser_of("low-data", __doc__, sizes=SIZES).parse_args(arguments))
