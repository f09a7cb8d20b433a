from __future__ import annotations

import json
from pathlib import Path

import pytest

from overtile.errors import RecordError
from overtile.records import write_record
from overtile.seal import file_digest
from overtile.workflows.results import RECORD_NAME, FinishedImage, PredictionRecord
from overtile.workflows.verify import VerifiedResults, verify_results

RESULTS = ("a_labels.tif", "a_overlay.png", "b_labels.tif", "b_overlay.png")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two results of each of two images, whole and noted."""
    for name in RESULTS:
        (tmp_path / name).write_bytes(name.encode())
    finished = {
        image: FinishedImage(
            image_sha256="0",
            results={name: file_digest(tmp_path / name) for name in RESULTS if name[0] == image},
        )
        for image in "ab"
    }
    record = PredictionRecord(
        model_sha256="0",
        save=("labels", "overlay"),
        test_time="none",
        axes=None,
        suffix=None,
        begun=("a", "b"),
        finished=finished,
    )
    write_record(tmp_path / RECORD_NAME, record)
    return tmp_path


def test_whole_results_are_counted(folder: Path) -> None:
    verified = verify_results(folder)
    assert verified == VerifiedResults(whole=4, missing=(), damaged=(), unfinished=())
    assert verified.complete


def test_what_is_missing_and_what_is_damaged_is_named(folder: Path) -> None:
    (folder / "a_labels.tif").unlink()
    (folder / "b_overlay.png").write_bytes(b"b_overlay.pnG")
    verified = verify_results(folder)
    assert (verified.whole, verified.missing, verified.damaged) == (
        2,
        ("a_labels.tif",),
        ("b_overlay.png",),
    )
    assert not verified.complete


def test_results_that_were_exchanged_are_damaged(folder: Path) -> None:
    first, second = folder / "a_labels.tif", folder / "b_labels.tif"
    content = first.read_bytes()
    first.write_bytes(second.read_bytes())
    second.write_bytes(content)
    assert verify_results(folder).damaged == ("a_labels.tif", "b_labels.tif")


def test_an_image_that_was_begun_and_not_finished_is_named_though_its_files_be_there(
    folder: Path,
) -> None:
    fields = json.loads((folder / RECORD_NAME).read_text("utf-8"))
    del fields["seal"], fields["finished"]["b"]
    write_record(folder / RECORD_NAME, PredictionRecord(**fields | {"save": tuple(fields["save"])}))
    verified = verify_results(folder)
    assert (verified.whole, verified.unfinished) == (2, ("b",))
    assert not verified.complete


def test_a_damaged_record_verifies_nothing(folder: Path) -> None:
    text = (folder / RECORD_NAME).read_text("utf-8")
    (folder / RECORD_NAME).write_text(text.replace("overlay", "Overlay", 1), "utf-8")
    with pytest.raises(RecordError, match=r"predictions\.json: is damaged"):
        verify_results(folder)


def test_a_folder_without_a_record_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match=r"predictions\.json: cannot be read"):
        verify_results(tmp_path)
