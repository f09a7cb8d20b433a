"""`check` finds nothing wrong with four real sets, and finds what is done to them."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from overtile.workflows.annotated import Source
from overtile.workflows.check import check

pytestmark = pytest.mark.data
Tally = Callable[..., None]

SETS = {
    "isbi2012": ("train-volume.tif", "train-labels.tif"),
    "dsb2018-fluorescence": ("images", "labels"),
    "t98g-phase-contrast": ("images", "labels"),
    "msd-hippocampus-3d": ("images", "labels"),
}


@pytest.fixture(scope="module")
def data() -> Path:
    folder = os.environ.get("OVERTILE_DATA")
    if folder is None:
        pytest.skip("OVERTILE_DATA does not name the folder of the real data sets")
    return Path(folder)


def test_good_sets_raise_no_alarm(data: Path, tally: Tally) -> None:
    alarms = {
        name: check(
            Source(images=str(data / name / images), labels=str(data / name / labels))
        ).faults
        for name, (images, labels) in SETS.items()
    }
    tally("false alarms", len(SETS), sum(not faults for faults in alarms.values()))
    assert alarms == dict.fromkeys(SETS, ())


@pytest.mark.parametrize("name", SETS)
def test_exchanged_images_and_labels_are_noticed(data: Path, name: str) -> None:
    images, labels = (str(data / name / side) for side in SETS[name])
    faults = check(Source(images=labels, labels=images)).faults
    assert faults
    assert all("; " in fault for fault in faults)
