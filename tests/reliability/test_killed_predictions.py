"""Predictions that are killed at any moment go on to the results of an undisturbed call."""

from __future__ import annotations

import mmap
import random
import re
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tifffile
from harness.zygote import Command, Strike, Zygote

from overtile import locks, storage
from overtile.records import read_record
from overtile.wording import counted
from overtile.workflows.results import RECORD_NAME, PredictionRecord
from overtile.workflows.verify import verify_results

Amount = Callable[[int, int], int]
Tally = Callable[..., None]

WRITING = 0
"""Number of the shared byte that is 1 once something is written."""


class SlowDisk(storage.Disk):
    """A disk that takes its time, and says when it is first used."""

    def __init__(self, shared: mmap.mmap, seconds: float) -> None:
        self.shared, self.seconds = shared, seconds

    def create(self, path: Path) -> int:
        self.shared[WRITING] = 1
        return super().create(path)

    def sync(self, descriptor: int) -> None:
        time.sleep(self.seconds)
        super().sync(descriptor)


def write_slowly(shared: mmap.mmap) -> None:
    """Let a process often be killed while it writes."""
    storage.disk = SlowDisk(shared, 0.005)


def write_for_seconds(shared: mmap.mmap) -> None:
    """Let a folder be held for so long that another process finds it so."""
    storage.disk = SlowDisk(shared, 0.15)


@pytest.fixture(scope="module")
def place(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a model and three images, of 64, 1 and 4 tiles."""
    folder = tmp_path_factory.mktemp("kills")
    shutil.copy(trained / "model.safetensors", folder)
    (folder / "images").mkdir()
    rng = np.random.default_rng(1)
    for name, side in (("a", 256), ("b", 30), ("c", 60)):
        pixels = rng.integers(0, 255, (side, side)).astype(np.uint8)
        tifffile.imwrite(folder / "images" / f"{name}.tif", pixels)
    return folder


@pytest.fixture(scope="module")
def command(place: Path) -> Command:
    return Command(
        argv=[
            "predict",
            "model.safetensors",
            "images",
            "--out",
            "out",
            "--device",
            "cpu",
            "--exact",
        ],
        folder=place,
        output=place / "output.txt",
        hook="test_killed_predictions:write_slowly",
    )


@pytest.fixture(scope="module")
def clean(zygote: Zygote, command: Command) -> tuple[dict[str, bytes], float]:
    """The files of an undisturbed call, and how many seconds it took."""
    ended = zygote.run(command)
    assert ended.code == 0, command.output.read_text("utf-8")
    return taken(command.folder / "out"), ended.seconds


def taken(out: Path) -> dict[str, bytes]:
    """Take all files out of a folder, which is gone then."""
    files = {path.name: path.read_bytes() for path in out.iterdir()}
    shutil.rmtree(out)
    return files


def finished(out: Path) -> int:
    """Count the images that the record calls finished, and find no result that is not whole."""
    if not (out / RECORD_NAME).exists():
        return 0
    verified = verify_results(out)
    assert (verified.missing, verified.damaged) == ((), ())
    return len(read_record(out / RECORD_NAME, PredictionRecord).finished)


def strikes(kills: int, seconds: float) -> Iterator[Strike]:
    """Spread kills over a call, by turns from its begin and from its first write.

    More than are asked for: the machine may be quicker than it was, and a call end before.
    """
    rng = random.Random(4)
    for number in range(5 * kills):
        after_s = rng.uniform(0, 0.8 * seconds)
        yield Strike(after_s=after_s, mark=None if number % 2 else WRITING)


@pytest.mark.timeout(3600)
def test_a_prediction_killed_at_any_moment_goes_on_to_the_same_results(
    zygote: Zygote,
    command: Command,
    clean: tuple[dict[str, bytes], float],
    amount: Amount,
    tally: Tally,
) -> None:
    expected, seconds = clean
    out = command.folder / "out"
    wanted = amount(10, 100)
    killed = partly = 0
    for strike in strikes(wanted, seconds):
        if killed == wanted:
            break
        out.mkdir()
        ended = zygote.run(replace(command, strikes=(strike,)))
        killed += ended.code == -signal.SIGKILL
        results = {path.name: path.read_bytes() for path in out.iterdir() if path.suffix != ".json"}
        broken = [name for name, content in results.items() if content != expected.get(name)]
        assert [name for name in broken if not locks.is_ours(Path(name))] == []
        kept = finished(out)
        partly += 0 < len(results) < len(expected) - 1
        again = zygote.run(command)
        said = command.output.read_text("utf-8")
        assert (again.code, again.left_alive) == (0, 0), said
        written = counted(3 - kept, "image")
        assert f"{written} written to out, {kept} were there already, 0 left out" in said
        assert taken(out) == expected
    assert killed == wanted
    assert partly > 0.1 * wanted
    tally("killed predictions", killed, killed, part_way=partly)


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (signal.SIGTERM, 75),
        (signal.SIGINT, 130),
        (signal.SIGHUP, 75),
        (signal.SIGUSR1, 75),
    ],
)
def test_a_prediction_that_is_asked_to_stop_says_so_in_one_line_and_goes_on(
    number: int,
    code: int,
    zygote: Zygote,
    command: Command,
    clean: tuple[dict[str, bytes], float],
    amount: Amount,
    tally: Tally,
) -> None:
    expected, seconds = clean
    asked, stops = amount(1, 10), 0
    for moment in range(asked):
        after_s = 0.4 * seconds * moment / asked
        strike = Strike(after_s=after_s, signal=number, mark=WRITING)
        stopped = zygote.run(replace(command, strikes=(strike,)))
        told = command.output.read_text("utf-8").splitlines()
        assert [line for line in told if "Traceback" in line] == []
        if stopped.code != 0:  # The machine may be quicker than it was, and the call end before.
            stops += 1
            assert stopped.code == code, told
            assert re.fullmatch(
                r"stopped: stopped after \d of 3 images; finished results stay; .* goes on",
                told[-1],
            )
            assert zygote.run(command).code == 0
        assert taken(command.folder / "out") == expected
    assert stops >= asked / 3
    tally(f"predictions asked to stop by signal {number}", stops, stops)


def test_of_two_predictions_into_one_folder_one_ends_at_once_and_names_the_other(
    zygote: Zygote, command: Command, clean: tuple[dict[str, bytes], float], amount: Amount
) -> None:
    commands = [
        replace(
            command,
            output=command.folder / f"output{number}.txt",
            hook="test_killed_predictions:write_for_seconds",
        )
        for number in range(2)
    ]
    for _ in range(amount(1, 20)):
        ended = zygote.run_together(commands)
        assert sorted(one.code for one in ended) == [0, 2]
        loser = next(number for number in range(2) if ended[number].code == 2)
        told = commands[loser].output.read_text("utf-8").splitlines()[-1]
        assert re.fullmatch(r"error: out: is in use by process \d+ on \S+ since \S+; wait .*", told)
        assert ended[loser].seconds < 2
        assert taken(command.folder / "out") == clean[0]
