"""Training runs to be killed: tiny, saving all the time, and compared bit by bit."""

from __future__ import annotations

import json
import mmap
import os
import time
from pathlib import Path
from typing import Any

from overtile import locks, storage
from overtile.model.tensor_file import open_tensor_file
from overtile.training import keeper
from overtile.training.checkpoint import FOLDER_NAME
from overtile.training.history import History
from overtile.training.run import RunFolder

SAVING = 0
"""Number of the shared byte that is 1 while a file is being written."""

AIMED_AT = 2
"""Number of the shared byte that is 1 from the save on that the environment names."""

SAVE_TO_AIM_AT = "OVERTILE_TEST_SAVE"

STUCK = 1
"""Number of the shared byte that is 1 once a disk does not answer any more."""

_SECONDS_BETWEEN_SAVES = 0.03
_SECONDS_OF_A_SYNC = 0.008
_SYNCS_BEFORE_STUCK = 12


class SlowDisk(storage.Disk):
    """A disk that takes its time, and says when it is at work."""

    def __init__(self, shared: mmap.mmap) -> None:
        self.shared = shared
        self.saves_left = int(os.environ.get(SAVE_TO_AIM_AT, "0"))

    def create(self, path: Path) -> int:
        self.shared[SAVING] = 1
        self.saves_left -= 1
        if self.saves_left == 0:
            self.shared[AIMED_AT] = 1
        return super().create(path)

    def sync(self, descriptor: int) -> None:
        time.sleep(_SECONDS_OF_A_SYNC)
        super().sync(descriptor)

    def sync_folder(self, folder: Path) -> None:
        time.sleep(_SECONDS_OF_A_SYNC)
        super().sync_folder(folder)
        self.shared[SAVING] = 0


class StuckDisk(SlowDisk):
    """A disk that after some files does not come back from writing another."""

    syncs = 0

    def sync(self, descriptor: int) -> None:
        self.syncs += 1
        if self.syncs > _SYNCS_BEFORE_STUCK:
            self.shared[STUCK] = 1
            time.sleep(3600)
        super().sync(descriptor)


def save_all_the_time(shared: mmap.mmap) -> None:
    """Make a run spend about half of its time in saves."""
    storage.disk = SlowDisk(shared)
    keeper.CHECKPOINT_SECONDS = keeper.LONGEST_CHECKPOINT_SECONDS = _SECONDS_BETWEEN_SAVES


def get_stuck(shared: mmap.mmap) -> None:
    """Make a run stand still within a save."""
    save_all_the_time(shared)
    storage.disk = StuckDisk(shared)


def outcome(run: Path) -> dict[str, Any]:
    """Give all that a finished run comes to, without readings of the clock and the memory."""
    newest = max((run / FOLDER_NAME).iterdir())
    tensors = open_tensor_file(newest).tensors()
    past = json.loads(tensors.pop("past").numpy().tobytes())
    return {
        "models": [(run / name).read_bytes() for name in ("model.safetensors", "last.safetensors")],
        "checkpoint": newest.name,
        "state": {name: value.numpy().tobytes() for name, value in tensors.items()},
        "unnoted": past["unnoted"],
        "history": without_clock(History.model_validate(past["history"])),
        "told": without_clock(RunFolder(run).history()),
    }


def without_clock(history: History) -> dict[str, Any]:
    """Leave out what is read off the clock and the memory."""
    told = history.model_dump(exclude={"seconds", "peak_memory_mb"})
    told["losses"] = [loss._replace(seconds=0) for loss in history.losses]
    told["validations"] = [{**entry, "seconds": 0} for entry in history.validations]
    return told


def leftovers(run: Path) -> list[str]:
    """Name what nobody should find in a run folder: temporaries and locks."""
    return sorted(path.name for path in run.rglob("*") if locks.is_ours(path))
