"""Small files that ask for much are refused from their header, or do no harm."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import tifffile
from harness import bombs
from harness.bombs import BOMBS, HARMLESS

from overtile.errors import ConfigError, ImageError
from overtile.io import read_image, read_labels
from overtile.io.limits import TRUST_VARIABLE

Tally = Callable[..., None]

LARGEST_MB, LONGEST_S = 150, 1.0

_READ_EACH_IN_A_FORK = """
import json, os, resource, sys, time
from overtile.errors import OvertileError
from overtile.io import read_image

def megabytes():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

resource.setrlimit(resource.RLIMIT_DATA, (3 << 30, 3 << 30))
for path in sys.argv[1:]:
    if os.fork() == 0:
        level, began = megabytes(), time.process_time()
        try:
            told, refused = read_image(path).reading, False
        except OvertileError as error:
            told, refused = str(error), True
        seconds = time.process_time() - began
        print(json.dumps([refused, told, megabytes() - level, seconds]), flush=True)
        os._exit(0)
    if os.wait()[1]:
        print(json.dumps([False, "the process died", 0, 0]), flush=True)
"""


class Outcome(NamedTuple):
    """How the reading of one file went."""

    refused: bool
    told: str
    megabytes: float
    """Above the level after imports."""

    seconds: float
    """Of computing."""


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Outcome]:
    """Read every file in a process that has the imports behind it and nothing else."""
    names = [*BOMBS, *HARMLESS]
    paths = [bombs.write(tmp_path_factory.mktemp("bomb"), name) for name in names]
    done = subprocess.run(
        [sys.executable, "-c", _READ_EACH_IN_A_FORK, *map(str, paths)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    lines = done.stdout.splitlines()
    return {name: Outcome(*json.loads(line)) for name, line in zip(names, lines, strict=True)}


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_refused_before_it_costs_time_or_memory(
    outcomes: Mapping[str, Outcome], name: str
) -> None:
    outcome = outcomes[name]
    assert outcome.refused, outcome
    assert BOMBS[name][0] + ": " in outcome.told
    assert "; " in outcome.told
    assert "\n" not in outcome.told
    assert outcome.megabytes <= LARGEST_MB
    assert outcome.seconds <= LONGEST_S


@pytest.mark.parametrize("name", [name for name in BOMBS if "lead" in name])
def test_pages_that_lead_in_a_circle_are_told_as_such(
    outcomes: Mapping[str, Outcome], name: str
) -> None:
    assert "has pages that lead in a circle" in outcomes[name].told


@pytest.mark.parametrize("name", HARMLESS)
def test_a_strange_file_is_read_at_no_more_cost(outcomes: Mapping[str, Outcome], name: str) -> None:
    outcome = outcomes[name]
    assert not outcome.refused, outcome
    assert outcome.megabytes <= LARGEST_MB
    assert outcome.seconds <= LONGEST_S


def test_bombs_are_counted(outcomes: Mapping[str, Outcome], tally: Tally) -> None:
    refused = [outcomes[name] for name in BOMBS if outcomes[name].refused]
    tally(
        "decompression bombs",
        len(BOMBS),
        len(refused),
        most_megabytes=max(outcome.megabytes for outcome in refused),
        most_seconds=max(outcome.seconds for outcome in refused),
    )
    assert len(refused) == len(BOMBS)


def test_a_large_plain_file_is_no_bomb(tmp_path: Path) -> None:
    path = tmp_path / "large.tif"
    with path.open("wb") as file:
        tifffile.imwrite(file, np.zeros((20_000, 16_000), np.uint8), photometric="minisblack")
    assert read_image(path).size == (20_000, 16_000)


@pytest.fixture
def black(tmp_path: Path) -> Path:
    """A file of 0.3 MB that holds 300 million pixels."""
    path = tmp_path / "black.tif"
    path.write_bytes(bombs.tiff((20_000, 15_000), 500))
    return path


def test_a_user_may_trust_a_file_that_is_small_for_what_it_holds(
    black: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ImageError, match=f"or set {TRUST_VARIABLE}=1$"):
        read_labels(black)
    monkeypatch.setenv(TRUST_VARIABLE, "0.25")
    with pytest.raises(ImageError, match=r"would take 0\.3 GiB"):
        read_image(black)
    monkeypatch.setenv(TRUST_VARIABLE, "0.3")
    assert read_image(black).size == (20_000, 15_000)


def test_trust_has_an_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(TRUST_VARIABLE, "1000")
    path = tmp_path / "a.png"
    path.write_bytes(bombs.png(50_000, 50_000))
    with pytest.raises(ImageError, match="at most 8 GiB are read"):
        read_image(path)


def test_trust_is_a_number(black: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(TRUST_VARIABLE, "yes")
    with pytest.raises(ConfigError, match=f"{TRUST_VARIABLE}=yes is not a number"):
        read_image(black)
