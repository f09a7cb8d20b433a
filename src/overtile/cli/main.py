"""The entry point: every failure becomes one line on standard error and an exit code."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Sequence
from io import TextIOWrapper

import typer
from typer.main import get_command

from overtile.cli.commands import app
from overtile.errors import OvertileError, StoppedError

DONE, OUR_FAULT, USERS_FAULT, INTERRUPTED = 0, 1, 2, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Parameters
    ----------
    arguments : sequence of str, optional
        Those of the process by default.

    Returns
    -------
    exit_code : int
        0 done, 1 our fault, 2 the user can fix it, 3 stopped part-way and resumable, 75 saved on
        SIGTERM, 130 saved on Ctrl-C.
    """
    if isinstance(sys.stdout, TextIOWrapper):
        # A name that the terminal has no letters for must not fail what went well.
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        code = _run(list(sys.argv[1:] if arguments is None else arguments) or ["--help"])
        sys.stdout.flush()
        return code if isinstance(code, int) else DONE
    except OvertileError as error:
        kind = "stopped" if isinstance(error, StoppedError) else "error"
        return _say(f"{kind}: {error}", error.exit_code)
    except typer.BadParameter as error:
        return _say(f"error: {error.format_message()}; see `overtile --help`", USERS_FAULT)
    except typer.TyperException as error:  # an option or a command that does not exist
        return _say(f"error: {error}; see `overtile --help`", USERS_FAULT)
    except (KeyboardInterrupt, typer.Abort):
        return _say("stopped at once; files that are written are whole", INTERRUPTED)
    except BrokenPipeError:
        # The reader of our output has gone; nobody is left to tell.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except Exception as error:  # noqa: BLE001 - the last boundary: all else is our fault
        if _memory_ran_out(error):
            remedy = "use smaller images, a smaller `tile_output` or fewer `base_channels`"
            return _say(f"error: memory ran out; {remedy}", USERS_FAULT)
        traceback.print_exc()
        return _say(
            f"error: this is a fault of overtile ({type(error).__name__}: {error}); please report "
            "it with the lines above",
            OUR_FAULT,
        )


def _run(arguments: list[str]) -> object:
    command = get_command(app)
    # Not `command.main`: it would end a broken pipe and Ctrl-C by codes of its own, without a word.
    try:
        with command.make_context("overtile", arguments) as context:
            return command.invoke(context)
    except typer.Exit as done:  # after --help
        return done.exit_code


def _memory_ran_out(error: Exception) -> bool:
    """Tell it by name and words: torch has its own errors for this, and is not imported here."""
    names = ("OutOfMemoryError", "MemoryError")
    return type(error).__name__ in names or "can't allocate memory" in str(error)


def _say(line: str, code: int) -> int:
    print(" ".join(line.split()), file=sys.stderr)
    return code
