"""The entry point: every failure becomes one line on standard error and an exit code."""

from __future__ import annotations

import logging
import os
import sys
import traceback
from collections.abc import Sequence
from contextlib import suppress
from io import TextIOWrapper

import typer
from typer.main import get_command

from overtile.cli import commands, model_commands  # noqa: F401 - they enter the app
from overtile.cli.app import app
from overtile.cli.output import silence, tell
from overtile.errors import OvertileError, StoppedError

__all__ = ["app", "main"]

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
    _open_streams()
    # What libraries log is for developers; a person is told by us.
    logging.basicConfig(handlers=[logging.NullHandler()])
    try:
        code = _run(list(sys.argv[1:] if arguments is None else arguments) or ["--help"])
        sys.stdout.flush()
        return code if isinstance(code, int) else DONE
    except OvertileError as error:
        kind = "stopped" if isinstance(error, StoppedError) else "error"
        return _say(f"{kind}: {error}", error.exit_code)
    except typer.BadParameter as error:
        return _say(
            f"error: {_one_line(error.format_message())}; see `overtile --help`", USERS_FAULT
        )
    except typer.TyperException as error:  # an option or a command that does not exist
        return _say(f"error: {_one_line(error)}; see `overtile --help`", USERS_FAULT)
    except (KeyboardInterrupt, typer.Abort):
        return _say("stopped at once; files that are written are whole", INTERRUPTED)
    except BrokenPipeError:
        silence(sys.stdout)  # The reader of our help has gone; nobody is left to tell.
        return DONE
    except OSError as error:
        # What no floor below has translated comes from our streams, or from the machine.
        silence(sys.stdout)
        where = error.filename or "standard output"
        remedy = "make room, or check its permissions"
        return _say(f"error: {where}: {error.strerror or error}; {remedy}", USERS_FAULT)
    except Exception as error:  # noqa: BLE001 - the last boundary: all else is our fault
        if _memory_ran_out(error):
            remedy = "predict with less --memory, or train with a smaller `tile_output` or network"
            return _say(f"error: memory ran out; {remedy}", USERS_FAULT)
        with suppress(OSError):
            traceback.print_exc()
        return _say(
            f"error: this is a fault of overtile ({type(error).__name__}: {_one_line(error)}); "
            "please report it with the lines above",
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


def _open_streams() -> None:
    """Make streams fit to be written to: nothing that is printed may fail what went well."""
    # Of a closed stream the next file that is opened would get the number, and its lines.
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    sys.stdout = sys.stdout or os.fdopen(1, "w")
    sys.stderr = sys.stderr or os.fdopen(2, "w")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            # A name may have letters that the terminal has not.
            stream.reconfigure(errors="backslashreplace")


def _one_line(message: object) -> str:
    return " ".join(str(message).split())


def _say(line: str, code: int) -> int:
    tell(line)
    return code
