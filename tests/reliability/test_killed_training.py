"""A run that is killed at any moment, and resumed, ends in the same bits as one that is not."""

from __future__ import annotations

import random
import signal
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from harness.runs import AIMED_AT, SAVE_TO_AIM_AT, SAVING, STUCK, leftovers, outcome
from harness.zygote import Command, Ended, Strike, Zygote

Amount = Callable[[int, int], int]
Tally = Callable[..., None]
STEPS = 30
CODES = {signal.SIGINT: 130, signal.SIGTERM: 75, signal.SIGHUP: 75, signal.SIGUSR1: 75}
LEAST_SHARE_INSIDE_A_SAVE = 0.3
SAVES = 40
SECONDS_OF_A_SAVE = 0.02


class Runs:
    """Starts and resumes the same run in folders of its own."""

    def __init__(self, zygote: Zygote, words: Sequence[str], folder: Path) -> None:
        self.zygote, self.words, self.folder = zygote, words, folder

    def train(
        self,
        name: str,
        *more: str,
        strikes: Sequence[Strike] = (),
        hook: str = "harness.runs:save_all_the_time",
        save: int = 0,
    ) -> Ended:
        """Train, or resume, in a folder of that name."""
        command = Command(
            argv=[*self.words, "--out", str(self.folder / name), *more],
            folder=self.folder,
            output=self.folder / f"{name}.txt",
            hook=hook,
            environment={SAVE_TO_AIM_AT: str(save)},
            strikes=tuple(strikes),
        )
        return self.zygote.run(command)

    def go_on(self, name: str, strikes: Sequence[Strike] = ()) -> Ended:
        """Resume a run, or start it where it was killed before it had begun."""
        begun = (self.folder / name / "run.json").exists()
        return self.train(name, *(["--resume"] if begun else []), strikes=strikes)

    def said(self, name: str) -> str:
        """Give what the last command about a run printed."""
        return (self.folder / f"{name}.txt").read_text("utf-8")


@pytest.fixture(scope="module")
def runs(
    zygote: Zygote, cells: Path, tiny_recipe: Path, tmp_path_factory: pytest.TempPathFactory
) -> Runs:
    words = ["train", str(cells / "images"), str(cells / "labels"), "--recipe", str(tiny_recipe)]
    words += ["--steps", str(STEPS), "--device", "cpu"]
    return Runs(zygote, words, tmp_path_factory.mktemp("runs"))


@pytest.fixture(scope="module")
def whole(runs: Runs) -> tuple[float, dict[str, Any]]:
    """How long the run takes that nobody kills, and what it comes to."""
    ended = runs.train("whole")
    assert ended.code == 0, runs.said("whole")
    return ended.seconds, outcome(runs.folder / "whole")


def assert_ends_like(runs: Runs, name: str, expected: dict[str, Any]) -> None:
    ended = runs.go_on(name)
    assert ended.code == 0, runs.said(name)
    found = outcome(runs.folder / name)
    assert [part for part in expected if found[part] != expected[part]] == []
    assert leftovers(runs.folder / name) == []


def test_a_run_killed_at_any_moment_ends_in_the_same_bits(
    runs: Runs, whole: tuple[float, dict[str, Any]], amount: Amount, tally: Tally
) -> None:
    seconds, expected = whole
    kills, inside = amount(20, 200), 0
    moments = random.Random(2015)
    for number in range(kills):
        name = f"killed{number}"
        if number % 2:  # at any moment of the run
            ended = runs.train(name, strikes=[Strike(after_s=moments.uniform(0, seconds))])
        else:  # at any moment of any of its saves
            strike = Strike(after_s=moments.uniform(0, SECONDS_OF_A_SAVE), mark=AIMED_AT)
            ended = runs.train(name, strikes=[strike], save=moments.randint(1, SAVES))
        assert ended.code in (0, -signal.SIGKILL), runs.said(name)
        assert ended.left_alive == 0
        inside += ended.shared[SAVING]
        assert_ends_like(runs, name, expected)
    assert inside >= LEAST_SHARE_INSIDE_A_SAVE * kills
    tally("killed trainings", kills, kills, inside_a_save=inside)


def test_a_run_killed_again_and_again_ends_in_the_same_bits(
    runs: Runs, whole: tuple[float, dict[str, Any]], amount: Amount, tally: Tally
) -> None:
    seconds, expected = whole
    many, kills = amount(1, 20), amount(5, 10)
    moments = random.Random(1505)
    for number in range(many):
        name = f"hunted{number}"
        for _ in range(kills):
            runs.go_on(name, strikes=[Strike(after_s=moments.uniform(0, seconds / 2))])
        assert_ends_like(runs, name, expected)
    tally("trainings killed ten times", many, many, kills=many * kills)


def test_a_run_that_is_asked_to_stop_at_any_moment_saves_and_ends_in_the_same_bits(
    runs: Runs, whole: tuple[float, dict[str, Any]], amount: Amount, tally: Tally
) -> None:
    seconds, expected = whole
    signals = amount(4, 100)
    moments = random.Random(4597)
    for number in range(signals):
        name, asked = f"asked{number}", list(CODES)[number % len(CODES)]
        strike = Strike(after_s=moments.uniform(0, seconds), signal=asked)
        ended = runs.train(name, strikes=[strike])
        # Before the command has taken the signals over nothing was written that could be lost.
        assert ended.code in (0, CODES[asked], -asked), runs.said(name)
        assert "Traceback" not in runs.said(name)
        assert ended.seconds < strike.after_s + 10
        assert_ends_like(runs, name, expected)
    tally("trainings asked to stop", signals, signals)


def test_a_second_ctrl_c_ends_a_save_at_once_and_loses_nothing(
    runs: Runs, whole: tuple[float, dict[str, Any]], amount: Amount, tally: Tally
) -> None:
    _, expected = whole
    times = amount(2, 30)
    for number in range(times):
        name = f"hurried{number}"
        strikes = [
            Strike(after_s=after_s, signal=signal.SIGINT, mark=STUCK)
            for after_s in (0.05, 0.1 + 0.01 * number)
        ]
        ended = runs.train(name, strikes=strikes, hook="harness.runs:get_stuck")
        assert (ended.code, ended.hung) == (130, False), runs.said(name)
        assert runs.said(name).endswith("stopped at once; files that are written are whole\n")
        assert_ends_like(runs, name, expected)
    tally("saves cut by a second Ctrl-C", times, times)


def test_a_run_by_the_clock_that_was_killed_is_replayed_by_its_record(
    runs: Runs, cells: Path, tally: Tally
) -> None:
    words = [word for word in runs.words if word not in ("--steps", str(STEPS))]
    timed = Runs(runs.zygote, [*words, "--minutes", "0.03"], runs.folder)
    assert timed.train("timed", strikes=[Strike(after_s=1.0)]).code == -signal.SIGKILL
    assert timed.go_on("timed").code == 0, timed.said("timed")
    replayed = 0
    for model in ("model.safetensors", "last.safetensors"):
        command = Command(
            argv=["reproduce", f"timed/{model}", "--data", *runs.words[1:3]],
            folder=runs.folder,
            output=runs.folder / "replayed.txt",
        )
        replayed += runs.zygote.run(command).code == 0
    assert replayed == 2, runs.said("replayed")
    tally("runs by the clock replayed", 2, replayed)
