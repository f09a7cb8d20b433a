"""Every operation of the disk is failed in turn: a file is the old or the new one, no third.

What is tried is each write path as a user takes it, each fault, and each operation 1, 2, 3, … until
the fault finds no operation any more.
"""

from __future__ import annotations

import random
import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from harness.disks import (
    ERRORS,
    KILL,
    SHORT,
    SILENT,
    FaultyDisk,
    Point,
    VolatileDisk,
    points,
)
from harness.jobs import (
    COMMANDS,
    RESUME,
    RUN,
    TRAIN,
    Job,
    TrainingJob,
    attempt,
    fresh,
    lay_out,
    leftovers,
    recorded,
)

from overtile.cli.main import main
from overtile.config import Settings
from overtile.errors import OvertileError, StoppedError
from overtile.records import write_record
from overtile.storage import write_bytes
from overtile.training import keeper
from overtile.workflows import demo

Amount = Callable[[int, int], int]
Tally = Callable[..., None]
Jobs = Mapping[str, Job]

pytestmark = pytest.mark.timeout(3600)

STOPPED = 75
ERROR_FAULTS = (*ERRORS, SHORT, KILL)
SHORT_TIER = {"write": 70, "command": 2}
LONG_TIER = {"write": 1000, "command": 200}
"""Most points of a single write, and of a whole command; a single write has fewer than 1000."""

POWER = [(names, content) for names in ("old", "new") for content in ("cut", "zeros")]


class Note(Settings):
    """A record as small as can be."""

    text: str


CONTENT = bytes(range(1, 256)) * 20
WRITES = {
    "a new file": lambda: write_bytes(Path("new.bin"), CONTENT),
    "an old file": lambda: write_bytes(Path("old.json"), CONTENT),
    "an empty file": lambda: write_bytes(Path("old.json"), b""),
    "a record": lambda: write_record(Path("old.json"), Note(text="µm")),
}


def command_of(write: Callable[[], None]) -> Callable[[], int]:
    """Make a function of the library end as a command does."""

    def run() -> int:
        try:
            write()
        except OvertileError as error:
            sys.stderr.write(f"error: {error}\n")
            return error.exit_code
        return 0

    return run


def stop(*_: object) -> None:
    raise StoppedError("stopped", remedy="go on", exit_code=STOPPED)


@pytest.fixture(scope="module")
def jobs(
    cells: Path, trained: Path, tiny_recipe: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Jobs]:
    """Every write path, each with the contents that a run on a good disk gave to its files."""
    template = lay_out(
        tmp_path_factory.mktemp("jobs"), cells=cells, run=trained, recipe=tiny_recipe
    )
    small = tmp_path_factory.mktemp("small")
    (small / "old.json").write_bytes(b"old")
    made: dict[str, Job] = {}
    for name, write in WRITES.items():
        made[name] = Job(template=small, run=command_of(write), again=command_of(write))
    for name, arguments in COMMANDS.items():
        run = partial(main, arguments)
        made[name] = Job(template=template, run=run, again=run, sweeps=name.startswith("predict"))
    made["demo"] = Job(template=small, run=partial(main, ["demo"]), code=STOPPED)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(keeper, "CHECKPOINT_SECONDS", 0)
        patch.setattr(keeper, "LONGEST_CHECKPOINT_SECONDS", 0)
        patch.setattr(demo, "train", stop)
        patch.setattr(demo, "ANNOTATED", 1)
        patch.setattr(demo, "FRESH", 1)
        patch.setattr(demo, "SIDE_PX", 64)
        made |= training_jobs(template, tmp_path_factory.mktemp("training"))
        yield {name: recorded(job, tmp_path_factory.mktemp("r")) for name, job in made.items()}


def training_jobs(template: Path, folder: Path) -> Jobs:
    """A run from its start, and one that was killed in the middle and goes on."""
    disk = FaultyDisk()
    data = (str(template / "images"), str(template / "labels"))  # A run knows where they lie.
    fresh_run = TrainingJob(
        template=template,
        run=partial(main, (*TRAIN, *data)),
        again=partial(train_or_resume, data),
        sweeps=True,
        good=folder / "files" / RUN,
    )
    assert attempt(fresh_run, disk, fresh(fresh_run, folder)) == 0
    killed = fresh(fresh_run, folder / "killed")
    attempt(fresh_run, FaultyDisk(Point(fault=KILL, at=len(disk.seen) // 2)), killed)
    resumed = replace(fresh_run, template=killed, run=partial(main, (*RESUME, *data)))
    return {"train": fresh_run, "train --resume": resumed}


def train_or_resume(data: tuple[str, str]) -> int:
    """Do what a user does whose run stopped: go on, if there is a run to go on with."""
    return main((*(RESUME if Path(RUN, "run.json").exists() else TRAIN), *data))


def is_told(code: int, errors: str, fault: str) -> bool:
    """Say whether a failure was told in one line that names its remedy."""
    *others, last = errors.splitlines() or [""]
    named = last.startswith(("error: ", "stopped: ")) and "; " in last
    once = not any(line.startswith(("error: ", "Traceback")) for line in others)
    room = fault not in ("ENOSPC", "EDQUOT") or "needed" in last
    return code in (2, 3) and named and once and room


def goes_on(job: Job, folder: Path) -> bool:
    """Start again on a good disk: all must be as if nothing had happened."""
    if job.again is None:
        return True
    well = attempt(replace(job, run=job.again), FaultyDisk(), folder) == job.code
    return well and not job.unfinished(folder) and not (job.sweeps and leftovers(folder))


def endure(job: Job, point: Point, folder: Path, capsys: pytest.CaptureFixture[str]) -> list[str]:
    """Run a job with one fault; give what is wrong after it."""
    place = fresh(job, folder)
    disk = FaultyDisk(point)
    code = attempt(job, disk, place)
    errors = capsys.readouterr().err
    wrong = job.third_things(place)
    if code == job.code:
        wrong += job.unfinished(place)
    elif code is not None and not is_told(code, errors, point.fault):
        wrong.append(f"exit code {code}: {errors}")
    if code is not None and "remove" not in disk.struck:
        wrong += [name for name in leftovers(place) if name not in leftovers(job.template)]
    if not goes_on(job, place):
        wrong.append(f"does not go on: {capsys.readouterr().err}")
    return [f"{point}: {one}" for one in wrong]


def drawn(job: Job, faults: tuple[str, ...], most: int) -> list[Point]:
    """Draw points of a job, the same each time; all of them if they are not more."""
    every = points(job.operations, faults)
    return random.Random(0).sample(every, min(len(every), most))


@pytest.fixture(autouse=True)
def signals_of_pytest() -> Iterator[None]:
    """Give the signals back that the commands took."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def test_whatever_fails_each_file_is_the_old_or_the_new_one_and_the_next_start_works(
    jobs: Jobs, tmp_path: Path, capsys: pytest.CaptureFixture[str], amount: Amount, tally: Tally
) -> None:
    tried, wrong = 0, list[str]()
    for name, job in jobs.items():
        for point in drawn(job, ERROR_FAULTS, most(name, amount)):
            found = endure(job, point, tmp_path / "place", capsys)
            tried, wrong = tried + 1, wrong + [f"{name}: {one}" for one in found]
    assert wrong == []
    tally("faults at every operation of the disk", tried, tried, write_paths=len(jobs))


def test_a_disk_that_claims_to_have_written_and_did_not_is_reported(
    jobs: Jobs, tmp_path: Path, capsys: pytest.CaptureFixture[str], amount: Amount, tally: Tally
) -> None:
    tried, wrong = 0, list[str]()
    for name, job in jobs.items():
        for point in drawn(job, SILENT, most(name, amount)):
            found = endure(job, point, tmp_path / "place", capsys)
            tried, wrong = tried + 1, wrong + [f"{name}: {one}" for one in found]
    assert wrong == []
    tally("silent write faults", tried, tried)


def test_after_the_power_went_each_file_is_the_old_or_the_new_one(
    jobs: Jobs, tmp_path: Path, capsys: pytest.CaptureFixture[str], amount: Amount, tally: Tally
) -> None:
    tried, wrong = 0, list[str]()
    for name, job in jobs.items():
        for at in drawn_losses(job, most(name, amount)):
            found = lose_power(job, *at, tmp_path / "place")
            tried, wrong = tried + 1, wrong + [f"{name}: {at}: {one}" for one in found]
    assert wrong == []
    tally("power losses", tried, tried)


def most(name: str, amount: Amount) -> int:
    kind = "write" if name in WRITES else "command"
    return amount(SHORT_TIER[kind], LONG_TIER[kind])


def drawn_losses(job: Job, most: int) -> list[tuple[int, str, str]]:
    """Draw moments of a job, the last one after its end, and states of the disk after them."""
    moments = range(1, len(job.operations) + 2)
    every = [(at, names, content) for at in moments for names, content in POWER]
    return random.Random(0).sample(every, min(len(every), most))


def lose_power(job: Job, at: int, names: str, content: str, folder: Path) -> list[str]:
    """Run a job until the power goes; give what is wrong after it."""
    place = fresh(job, folder)
    disk = VolatileDisk(Point(fault=KILL, at=at), folder / "grave")
    code = attempt(job, disk, place)
    disk.lose_power(names=names, content=content)
    wrong = job.third_things(place)
    if code is not None:  # What was reported as done is there after the power is back.
        wrong += job.unfinished(place)
    return wrong + ["does not go on"] * (not goes_on(job, place))
