"""Every command that writes, ready to be run again and again in fresh folders."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from contextlib import chdir
from dataclasses import dataclass, field, replace
from pathlib import Path

from harness.disks import Killed, RecordingDisk, used
from harness.runs import outcome
from overtile.locks import is_ours
from overtile.model.tensor_file import open_tensor_file
from overtile.seal import is_whole
from overtile.storage import TEMPORARY_SUFFIX, Disk

RUN = "begun"
PREDICT = ("predict", "model", "new", "--out", "results", "--exact")
EVALUATE = ("evaluate", "predicted", "labels", "--task", "instances")
TRAIN = ("train", "--out", RUN, "--recipe", "tiny.toml", "--steps", "4", "--device", "cpu")
RESUME = ("train", "--out", RUN, "--resume")

COMMANDS: Mapping[str, Sequence[str]] = {
    "predict": PREDICT,
    "predict anew": ("predict", "model", "new", "--out", "earlier", "--overwrite", "--exact"),
    "evaluate": (*EVALUATE, "--csv", "s/s.csv", "--page", "s/s.html", "--json", "s/s.json"),
    "evaluate anew": (*EVALUATE, "--csv", "old.csv", "--page", "old.html", "--json", "old.json"),
    "report": ("report", "run", "--json", "told/report.json"),
    "check": ("check", "images", "labels", "--json", "old.json"),
    "info": ("info", "model", "--json", "told/info.json"),
}
"""Those whose files are the same, byte by byte, each time."""


def lay_out(folder: Path, *, cells: Path, run: Path, recipe: Path) -> Path:
    """Give a folder all that `COMMANDS` and `TRAIN` need."""
    shutil.copytree(cells, folder, dirs_exist_ok=True)
    shutil.copytree(cells / "labels", folder / "predicted")
    shutil.copy(recipe, folder / "tiny.toml")
    shutil.copytree(run, folder / "run")
    (folder / "model").mkdir()
    shutil.copy(run / "model.safetensors", folder / "model")
    for name in ("new", "earlier"):
        (folder / name).mkdir()
    for number in range(2):
        shutil.copy(cells / "images" / f"cell{number}.tif", folder / "new")
        (folder / "earlier" / f"cell{number}_labels.tif").write_bytes(b"old")
    for name in ("old.csv", "old.html", "old.json", "run/report.html", "earlier/predictions.json"):
        (folder / name).write_bytes(b"old")
    return folder


@dataclass(frozen=True, kw_only=True)
class Job:
    """One write path."""

    template: Path
    """Files to begin with; a job is run in a copy of them."""

    run: Callable[[], int]
    """Does it in the working folder; gives the exit code."""

    code: int = 0
    """How it ends where the disk is well."""

    again: Callable[[], int] | None = None
    """What a user does next if it did not end well."""

    sweeps: bool = False
    """Whether that removes what was left of the first start."""

    operations: tuple[str, ...] = ()
    """What it does to a good disk, in order."""

    contents: Mapping[str, Sequence[bytes]] = field(default_factory=dict)
    """Each content that it gives to a file, the last one last."""

    def third_things(self, folder: Path) -> list[str]:
        """Name files that are lost, and those that hold what they never should."""
        before, now = files(self.template), files(folder)
        lost = [name for name in before if name not in now]
        return lost + [
            name
            for name, content in now.items()
            if not is_ours(Path(name))
            and content not in (before.get(name), *self.contents.get(name, ()))
        ]

    def unfinished(self, folder: Path) -> list[str]:
        """Name files that are not what they are in the end."""
        now = files(folder)
        return [name for name, contents in self.contents.items() if now.get(name) != contents[-1]]


@dataclass(frozen=True, kw_only=True)
class TrainingJob(Job):
    """A run. Its files tell the time: what it comes to is the same each time, but not all bytes."""

    good: Path
    """The same run, finished on a good disk."""

    def third_things(self, folder: Path) -> list[str]:
        """Name what a run never touches and is changed, and files of the run that are not whole."""
        before, now = files(self.template), files(folder)
        changed = [name for name in before if now.get(name) != before[name]]
        broken = [path.name for path in (folder / RUN).rglob("*") if not self._is_whole(path)]
        return broken + [name for name in changed if not name.startswith(RUN)]

    def unfinished(self, folder: Path) -> list[str]:
        """Name the run unless it has come to what it had to, bit by bit."""
        return [] if outcome(folder / RUN) == outcome(self.good) else [RUN]

    def _is_whole(self, path: Path) -> bool:
        if path.is_dir() or is_ours(path):
            return True
        if path.suffix == ".safetensors":
            return bool(open_tensor_file(path).tensors())
        content = path.read_bytes()
        if path.suffix == ".json":
            return is_whole(content)
        if path.suffix == ".html":
            return content.rstrip().endswith(b"</html>")
        return content == (self.good / path.name).read_bytes()


def recorded(job: Job, folder: Path) -> Job:
    """Run a job on a good disk, and note what it writes."""
    disk = RecordingDisk()
    assert attempt(job, disk, fresh(job, folder)) == job.code
    contents = {p.as_posix(): given for p, given in disk.contents.items() if not is_ours(p)}
    return replace(job, contents=contents, operations=tuple(disk.seen))


def attempt(job: Job, disk: Disk, folder: Path) -> int | None:
    """Run a job in a folder; None if the process was killed."""
    with used(disk), chdir(folder):
        try:
            return job.run()
        except Killed:
            return None


def fresh(job: Job, folder: Path) -> Path:
    """Make a place to run a job in."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(job.template, folder / "files")
    (folder / "grave").mkdir()
    return folder / "files"


def files(folder: Path) -> dict[str, bytes]:
    """Read all files below a folder."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def leftovers(folder: Path) -> list[str]:
    """Name the temporary files below a folder."""
    return [path.name for path in folder.rglob(f"*{TEMPORARY_SUFFIX}")]
