"""A disk that is full or read-only costs nothing that was there, and says what is missing."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from harness.jobs import COMMANDS, lay_out

Amount = Callable[[int, int], int]
Tally = Callable[..., None]
Outcomes = list[dict[str, Any]]

PAGE = 4096
NO_ROOM = re.compile(
    r"^(error|stopped): [^\n]+ \((No space left on device|File too large)\); "
    r"(\d+ bytes are|room is) needed and \d+ are free: make room, or choose another folder"
)
READ_ONLY = re.compile(r"^(error|stopped): [^\n]+ \((Read-only file system|Permission denied)\); ")


def run_in(troubles: list[str], template: Path, place: Path, *, mounts: bool) -> Outcomes:
    """Run every command in each trouble, in a process of its own."""
    command = [sys.executable, "-m", "harness.small_disk", str(template), str(place), *troubles]
    path = os.pathsep.join(one for one in sys.path if one)
    done = subprocess.run(
        ["unshare", "-Urm", *command] if mounts else command,
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": path},
        check=True,
    )
    outcomes: Outcomes = json.loads(done.stdout.splitlines()[-1])
    return outcomes


@pytest.fixture(scope="module")
def template(
    cells: Path, trained: Path, tiny_recipe: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    folder = tmp_path_factory.mktemp("template")
    return lay_out(folder, cells=cells, run=trained, recipe=tiny_recipe)


@pytest.fixture(scope="module")
def mounts() -> bool:
    """Whether this system lets a user mount disks of their own."""
    asked = [sys.executable, "-c", ""]
    try:
        return subprocess.run(["unshare", "-Urm", *asked], check=False).returncode == 0
    except OSError:
        return False


@pytest.fixture(scope="module")
def outcomes(
    template: Path, mounts: bool, tmp_path_factory: pytest.TempPathFactory, amount: Amount
) -> Outcomes:
    """What came of every command in every trouble that can be made here."""
    troubles = [f"limit {150 * 10**power}" for power in range(amount(1, 3))]
    troubles += ["temporary missing"]
    if mounts:
        rooms = range(0, amount(11, 40), amount(10, 1))
        troubles += [f"full {PAGE * pages}" for pages in rooms]
        troubles += ["read-only folder", *["temporary full"] * amount(0, 1)]
    return run_in(troubles, template, tmp_path_factory.mktemp("place"), mounts=mounts)


def of(kind: str, outcomes: Outcomes) -> Outcomes:
    found = [one for one in outcomes if one["trouble"].startswith(kind)]
    if not found:
        pytest.skip("this system lets nobody mount a disk of their own")
    assert {one["command"] for one in found} == set(COMMANDS)
    return found


def badly_told(outcomes: Outcomes, pattern: re.Pattern[str]) -> Outcomes:
    """Choose those that ended in another way than by one line and an exit code, or did harm."""
    return [
        one
        for one in outcomes
        if one["wrong"]
        or one["code"] not in (0, 2, 3)
        or "Traceback" in one["said"]
        or (one["code"] and not pattern.search(one["said"].splitlines()[-1]))
    ]


def test_a_full_disk_is_told_and_what_was_there_stays(outcomes: Outcomes, tally: Tally) -> None:
    full = of("full", outcomes)
    assert badly_told(full, NO_ROOM) == []
    stopped = [one for one in full if one["code"]]
    assert {one["command"] for one in stopped} == set(COMMANDS)
    assert {one["code"] for one in stopped} == {2, 3}
    tally("full disks", len(full), len(full), stopped=len(stopped))


def test_a_limit_on_the_size_of_files_is_told_like_a_full_disk(outcomes: Outcomes) -> None:
    limited = of("limit", outcomes)
    assert badly_told(limited, NO_ROOM) == []
    assert {one["command"] for one in limited if one["code"]} == set(COMMANDS)


@pytest.mark.parametrize("kind", ["full", "limit", "read-only"])
def test_after_that_the_same_command_goes_on(kind: str, outcomes: Outcomes) -> None:
    assert [one for one in of(kind, outcomes) if one["again"] != 0] == []


def test_a_read_only_disk_is_told_with_the_place(outcomes: Outcomes) -> None:
    refused = of("read-only", outcomes)
    assert badly_told(refused, READ_ONLY) == []
    assert {one["code"] for one in refused} == {2}


def test_temporary_files_are_needed_nowhere(outcomes: Outcomes) -> None:
    assert [one for one in of("temporary", outcomes) if one["code"] != 0 or one["wrong"]] == []
