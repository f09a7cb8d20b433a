"""What stands in the way of a result is told in one line, and nothing is written elsewhere."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import pytest
from harness.disks import FaultyDisk, used
from harness.jobs import COMMANDS, files, lay_out, leftovers

from overtile.cli.main import main

TARGETS: Mapping[str, Sequence[str]] = {
    "predict": ("results/cell0_labels.tif", "results/predictions.json"),
    "predict anew": ("earlier/cell0_labels.tif", "earlier/predictions.json"),
    "evaluate": ("s/s.csv", "s/s.html", "s/s.json"),
    "evaluate anew": ("old.csv", "old.html", "old.json"),
    "report": ("run/report.html", "told/report.json"),
    "check": ("old.json",),
    "info": ("told/info.json",),
}
"""Files that each command writes."""

EVERY_TARGET = [(command, target) for command, targets in TARGETS.items() for target in targets]
SOME_TARGETS = EVERY_TARGET[::3]
Amount = Callable[[int, int], int]


class VanishingDisk(FaultyDisk):
    """A disk on which a folder is removed by somebody else before some operation."""

    def __init__(self, folder: Path, at: int) -> None:
        super().__init__()
        self._folder, self._at = folder, at

    def _strikes(self, operation: str) -> bool:
        if len(self.seen) == self._at:
            shutil.rmtree(self._folder, ignore_errors=True)
        return super()._strikes(operation)


@pytest.fixture
def place(
    cells: Path, trained: Path, tiny_recipe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """The working folder of a user, in which every command works."""
    folder = tmp_path / "files"
    folder.mkdir()
    lay_out(folder, cells=cells, run=trained, recipe=tiny_recipe)
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture(autouse=True)
def signals_of_pytest() -> Iterator[None]:
    """Give the signals back that the commands took."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def clear(path: Path) -> Path:
    """Make place for something else of that name."""
    path.parent.mkdir(exist_ok=True)
    path.unlink(missing_ok=True)
    return path


def refused(capsys: pytest.CaptureFixture[str], code: int, name: str) -> bool:
    """Say whether a command ended with one line that tells a name and a remedy."""
    said = capsys.readouterr().err
    last = said.splitlines()[-1]
    return (
        code in (2, 3)
        and last.startswith(("error: ", "stopped: "))
        and name in last
        and "; " in last
        and "Traceback" not in said
    )


@pytest.mark.parametrize(("command", "target"), EVERY_TARGET)
def test_a_folder_that_bears_the_name_of_a_result_is_told_and_kept(
    place: Path, command: str, target: str, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = clear(place / target) / "thesis.txt"
    kept.parent.mkdir()
    kept.write_text("kept")
    assert refused(capsys, main(COMMANDS[command]), Path(target).name)
    assert files(kept.parent) == {"thesis.txt": b"kept"}
    assert leftovers(place) == []


@pytest.mark.parametrize("link_to", ["nothing", "itself", "a file"])
@pytest.mark.parametrize(("command", "target"), SOME_TARGETS)
def test_a_link_that_bears_the_name_of_a_result_is_never_followed(
    place: Path,
    tmp_path: Path,
    command: str,
    target: str,
    link_to: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    path = clear(place / target)
    if link_to == "a file":
        (elsewhere / "file").write_bytes(b"kept")
    path.symlink_to(path if link_to == "itself" else elsewhere / "file")
    before = files(elsewhere)
    code = main(COMMANDS[command])
    assert code == 0 or refused(capsys, code, path.name)
    assert path.is_symlink() == (code != 0)
    assert files(elsewhere) == before
    assert leftovers(place) == []


@pytest.mark.parametrize("obstacle", ["file", "link to nothing", "link to itself"])
@pytest.mark.parametrize(
    ("command", "folder"),
    [("predict", "results"), ("evaluate", "s"), ("report", "told"), ("info", "told")],
)
def test_what_bears_the_name_of_a_folder_of_results_is_told_and_kept(
    place: Path, command: str, folder: str, obstacle: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = place / folder
    if obstacle == "file":
        path.write_bytes(b"kept")
    else:
        path.symlink_to(path if obstacle == "link to itself" else place / "nothing")
    before = files(place)
    assert refused(capsys, main(COMMANDS[command]), folder)
    if command != "report":  # It writes the page of the run first.
        assert files(place) == before
    assert path.is_symlink() == (obstacle != "file")
    assert not (place / "nothing").exists()


@pytest.mark.parametrize(
    ("command", "folder"), [("predict", "results"), ("predict anew", "earlier"), ("evaluate", "s")]
)
def test_a_folder_that_is_removed_on_the_way_is_told_and_the_command_can_be_repeated(
    place: Path, command: str, folder: str, capsys: pytest.CaptureFixture[str], amount: Amount
) -> None:
    good = FaultyDisk()
    with used(good):
        assert main(COMMANDS[command]) == 0
    done = files(place / folder)
    for at in range(1, len(good.seen), amount(13, 1)):
        shutil.rmtree(place / folder)
        with used(VanishingDisk(place / folder, at)):
            code = main(COMMANDS[command])
        assert code == 0 or refused(capsys, code, folder), (at, code)
        assert main(COMMANDS[command]) == 0
        assert files(place / folder) == done
