"""The list of results that a user asks for, read."""

from __future__ import annotations

from typing import get_args

from overtile.errors import ConfigError
from overtile.workflows.results import ResultKind


def parse_kinds(text: str) -> tuple[ResultKind, ...]:
    """Read a list such as ``labels,overlay``.

    Raises
    ------
    ConfigError
        If it is empty or holds an unknown kind.
    """
    known: tuple[ResultKind, ...] = get_args(ResultKind)
    asked = [part.strip() for part in text.split(",") if part.strip()]
    unknown = [part for part in asked if part not in known]
    if unknown or not asked:
        raise ConfigError(
            f"`--save` {text!r} is not a list of results", remedy=f"use any of {', '.join(known)}"
        )
    return tuple(kind for kind in known if kind in asked)
