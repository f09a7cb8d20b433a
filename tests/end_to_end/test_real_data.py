from __future__ import annotations

import os
from pathlib import Path

import pytest

from overtile.workflows.annotated import Source
from overtile.workflows.check import check

pytestmark = pytest.mark.data


@pytest.fixture(scope="module")
def data() -> Path:
    folder = os.environ.get("OVERTILE_DATA")
    if folder is None:
        pytest.skip("OVERTILE_DATA does not name the folder of the real data sets")
    return Path(folder)


@pytest.mark.parametrize(
    ("images", "labels", "kind"),
    [
        ("isbi2012/train-volume.tif", "isbi2012/train-labels.tif", "binary"),
        ("dsb2018-fluorescence/images", "dsb2018-fluorescence/labels", "instances"),
        ("t98g-phase-contrast/images", "t98g-phase-contrast/labels", "instances"),
        ("msd-hippocampus-3d/images", "msd-hippocampus-3d/labels", "classes"),
    ],
)
def test_real_sets_are_understood_without_a_false_alarm(
    data: Path, images: str, labels: str, kind: str
) -> None:
    result = check(Source(images=str(data / images), labels=str(data / labels)))
    assert result.faults == ()
    assert result.label_kind == kind


def test_the_em_stack_holds_24_pages_and_its_labels_draw_membranes(data: Path) -> None:
    source = Source(
        images=str(data / "isbi2012" / "train-volume.tif"),
        labels=str(data / "isbi2012" / "train-labels.tif"),
    )
    facts = dict(check(source).facts)
    assert facts["images"] == "24 pages in 1 file"
    assert facts["size"] == "512x512 px"
    assert facts["foreground"] == "77 % of the pixels"
