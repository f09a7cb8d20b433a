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
def mounted(template: Path, tmp_path_factory: pytest.TempPathFactory, amount: Amount) -> Outcomes:
    """What came of commands on disks that were mounted for them."""
    try:
        subprocess.run(["unshare", "-Urm", "true"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"this system lets nobody mount a disk: {error}")
    rooms = [f"full {PAGE * pages}" for pages in range(0, amount(11, 40), amount(10, 1))]
    troubles = [*rooms, "read-only folder", "temporary full"]
    return run_in(troubles, template, tmp_path_factory.mktemp("mounted"), mounts=True)


def of(kind: str, outcomes: Outcomes) -> Outcomes:
    found = [one for one in outcomes if one["trouble"].startswith(kind)]
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


def test_a_full_disk_is_told_and_what_was_there_stays(mounted: Outcomes, tally: Tally) -> None:
    outcomes = of("full", mounted)
    assert badly_told(outcomes, NO_ROOM) == []
    stopped = [one for one in outcomes if one["code"]]
    assert {one["command"] for one in stopped} == set(COMMANDS)
    assert {one["code"] for one in stopped} == {2, 3}
    tally("full disks", len(outcomes), len(outcomes), stopped=len(stopped))


def test_after_room_was_made_the_same_command_goes_on(mounted: Outcomes) -> None:
    assert [one for one in of("full", mounted) if one["again"] != 0] == []


def test_a_read_only_disk_is_told_with_the_place(mounted: Outcomes) -> None:
    outcomes = of("read-only", mounted)
    assert badly_told(outcomes, READ_ONLY) == []
    assert {one["code"] for one in outcomes} == {2}


def test_temporary_files_are_needed_nowhere(mounted: Outcomes) -> None:
    outcomes = of("temporary", mounted)
    assert [one for one in outcomes if one["code"] != 0 or one["wrong"]] == []


def test_a_limit_on_the_size_of_files_is_told_like_a_full_disk(
    template: Path, tmp_path: Path
) -> None:
    troubles = ["limit 150", "limit 1500", "temporary missing"]
    outcomes = run_in(troubles, template, tmp_path, mounts=False)
    limited = of("limit", outcomes)
    assert badly_told(limited, NO_ROOM) == []
    assert {one["command"] for one in limited if one["code"]} == set(COMMANDS)
    assert [one for one in limited if one["again"] != 0] == []
    assert [one for one in of("temporary", outcomes) if one["code"] != 0 or one["wrong"]] == []
