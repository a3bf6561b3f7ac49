"""The command line: encode and fit from files, sample into files, describe what was saved; alone or under torchrun."""

import sys
import warnings
from collections.abc import Sequence
from typing import TextIO

from .. import __version__
from ..compute import Communicator, launched, progress_bar
from ..errors import RiemannSamplerError, RiemannSamplerWarning
from .commands import COMMANDS
from .parser import PROGRAM, make_parser

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
    with launched() as communicator, warnings.catch_warnings():
        warnings.simplefilter("ignore" if communicator.rank else "always", RiemannSamplerWarning)
        _show_own_warnings_in_a_line()
        if communicator.rank:
            progress_bar.keywords["disable"] = True
        try:
            options = communicator.each(lambda: make_parser(__version__).parse_args(arguments))
            COMMANDS[options.command](options, communicator)
        except RiemannSamplerError as error:
            return _fail(communicator, str(error))
        except OSError as error:
            return _fail(communicator, f"{error.filename}: {error.strerror}" if error.filename else str(error))
        except KeyboardInterrupt:
            if communicator.rank == 0:
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


def _fail(communicator: Communicator, message: str) -> int:
    """The status of a command that failed, on all processes alike; the first one says why."""
    if communicator.rank == 0:
        _complain(f"{PROGRAM}: error: {message}")
    communicator.barrier()  # torchrun ends all processes once one has left
    return 2


def _complain(message: str) -> None:
    """Write a message to standard error, as one line."""
    sys.stderr.write(" ".join(line.strip() for line in message.splitlines()) + "\n")
