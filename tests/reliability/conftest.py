"""How much is tried: little in `make test`, much in `make reliability`, which also keeps the count.

`OVERTILE_RELIABILITY` names the folder that the counts are written to, and asks for the long tier.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from harness.zygote import Zygote

Amount = Callable[[int, int], int]
Tally = Callable[..., None]

_COUNTS = os.environ.get("OVERTILE_RELIABILITY")


@pytest.fixture(scope="session")
def amount() -> Amount:
    """Choose between the amount of the short tier and that of the long one."""
    return lambda short, long: long if _COUNTS else short


@pytest.fixture
def tally(request: pytest.FixtureRequest) -> Tally:
    """Note in the long tier what was tried and what was survived: ``tally("kills", 200, 200)``.

    More numbers and words may follow by name; one test notes one thing once.
    """

    def note(what: str, tried: int, survived: int, **more: float | str) -> None:
        if _COUNTS:
            folder = Path(_COUNTS)
            folder.mkdir(parents=True, exist_ok=True)
            test = request.node.nodeid.rsplit("/", 1)[-1]
            entry = {"what": what, "tried": tried, "survived": survived, "test": test, **more}
            (folder / f"{what.replace(' ', '-')}.json").write_text(json.dumps(entry), "utf-8")

    return note


@pytest.fixture(scope="session")
def zygote() -> Iterator[Zygote]:
    """A process that forks commands in milliseconds; it is there for all tests that kill."""
    with Zygote() as process:
        yield process
