"""The command line: encode and fit from files, sample into files, describe what was saved; alone or under torchrun."""

import sys
import warnings
from collections.abc import Sequence
from typing import TextIO

from . import __version__
from .commands import COMMANDS
from .errors import RiemannSamplerError, RiemannSamplerWarning
from .options import PROGRAM, make_parser
from .progress import progress_bar
from .workers import Workers, launched

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        arguments: What follows the program's name; None takes it from ``sys.argv``.

    Returns:
        The exit status: 0, 2 after one line on standard error about what was given, or 130 when interrupted.

    Example:
        >>> main(["info", "my_sampler"])
    """
    with launched() as workers, warnings.catch_warnings():
        warnings.simplefilter("ignore" if workers.rank else "always", RiemannSamplerWarning)
        _show_own_warnings_in_a_line()
        if workers.rank:
            progress_bar.keywords["disable"] = True
        try:
            options = workers.each(lambda: make_parser(__version__).parse_args(arguments))
            COMMANDS[options.command](options, workers)
        except RiemannSamplerError as error:
            return _failed(workers, str(error))
        except OSError as error:
            return _failed(workers, f"{error.filename}: {error.strerror}" if error.filename else str(error))
        except KeyboardInterrupt:
            if workers.rank == 0:
                _complain(f"{PROGRAM}: interrupted")
            return 130
    return 0


def _show_own_warnings_in_a_line() -> None:
    show = warnings.showwarning

    def show_in_a_line(
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: TextIO | None = None,
        line: str | None = None,
    ) -> None:
        if issubclass(category, RiemannSamplerWarning):
            _complain(f"warning: {message}")
        else:
            show(message, category, filename, lineno, file, line)

    warnings.showwarning = show_in_a_line


def _failed(workers: Workers, message: str) -> int:
    """The status of a command that failed, on all processes alike; the first one says why."""
    if workers.rank == 0:
        _complain(f"{PROGRAM}: error: {message}")
    workers.barrier()  # torchrun ends all processes once one has left
    return 2


def _complain(message: str) -> None:
    """Write a message to standard error, as one line."""
    sys.stderr.write(" ".join(line.strip() for line in message.splitlines()) + "\n")
