from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray

from overtile.data.partial import PartialLabels
from overtile.errors import ConfigError, ImageError, LabelError
from overtile.training.run import RunFolder, RunRecord
from overtile.workflows.annotated import Source, image_digest, read_annotated
from overtile.workflows.hold_out import HoldOut
from overtile.workflows.run_data import RunData, gather, gather_again, narrow_gap
from overtile.workflows.start_from import Seen

GAP = 40
"""Pixels; with it, images of 64 px are too small to be cut."""

WriteTiff = Callable[[Path, NDArray[Any]], Path]


def source(folder: Path) -> Source:
    return Source(images=str(folder / "images"), labels=str(folder / "labels"))


def names(data: RunData) -> tuple[list[str], list[str]]:
    split = data.split
    return [one.name for one in split.training], [one.name for one in split.validation]


@pytest.fixture
def copy(cells: Path, tmp_path: Path) -> Path:
    """The four cells, to be changed."""
    return shutil.copytree(cells, tmp_path / "copy")


@pytest.fixture
def record(copy: Path, trained: Path) -> RunRecord:
    """The record of the run that was trained on the four cells, of which cell2 was held out."""
    places = {"images": str(copy / "images"), "labels": str(copy / "labels")}
    return RunFolder(trained).record().model_copy(update=places)


@pytest.mark.parametrize(
    ("hold_out", "message"),
    [
        ({"images": "a"}, "give both --validation-images and --validation-labels"),
        ({"labels": "a"}, "give both --validation-images and --validation-labels"),
        ({"fraction": 0.2, "pages": (1,)}, "named in more than one way; use one of"),
        ({"pages": (1,), "images": "a", "labels": "b"}, "named in more than one way"),
        ({"fraction": 0.0, "images": "a", "labels": "b"}, "named in more than one way"),
        ({"fraction": 1.0}, "is a share of the images, got 1; give a number from 0"),
        ({"fraction": -0.1}, "is a share of the images, got -0.1"),
        ({"fraction": float("nan")}, "is a share of the images, got nan"),
    ],
)
def test_a_hold_out_that_contradicts_itself_is_refused(
    hold_out: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        HoldOut(**hold_out)


@pytest.mark.parametrize(
    ("hold_out", "held_out"),
    [
        (HoldOut(), ["cell2.tif"]),
        (HoldOut(fraction=0.5), ["cell1.tif", "cell3.tif"]),
        (HoldOut(fraction=0.0), []),
        (HoldOut(pages=(3, 0)), ["cell0.tif", "cell3.tif"]),
    ],
)
def test_every_image_is_trained_on_or_held_out(
    cells: Path, hold_out: HoldOut, held_out: list[str]
) -> None:
    training, validation = names(gather(source(cells), hold_out, 0.2, GAP))
    assert validation == held_out
    assert sorted(training + validation) == [f"cell{number}.tif" for number in range(4)]


def test_a_page_that_does_not_exist_cannot_be_held_out(cells: Path) -> None:
    with pytest.raises(ConfigError, match="names page 4, and labelled are 0…3"):
        gather(source(cells), HoldOut(pages=(4,)), 0.2, GAP)


def test_images_beside_are_validated_on_and_all_others_trained_on(cells: Path, copy: Path) -> None:
    for folder in ("images", "labels"):
        (copy / folder / "cell0.tif").unlink()
    hold_out = HoldOut(images=str(copy / "images"), labels=str(copy / "labels"))
    training, validation = names(gather(source(cells), hold_out, 0.2, GAP))
    assert (len(training), len(validation)) == (4, 3)


def test_images_beside_must_have_the_channels_of_the_training(
    cells: Path, copy: Path, write_tiff: WriteTiff
) -> None:
    for path in (copy / "images").iterdir():
        pixels = tifffile.imread(path)
        tifffile.imwrite(path, np.stack([pixels, pixels // 2, pixels], -1), photometric="rgb")
    hold_out = HoldOut(images=str(copy / "images"), labels=str(copy / "labels"))
    with pytest.raises(ImageError, match="has 3 channels, the training images 1; validate on"):
        gather(source(cells), hold_out, 0.2, GAP)


def test_labels_beside_must_have_no_class_that_training_lacks(
    copy: Path, write_tiff: WriteTiff
) -> None:
    beside = copy.parent / "beside"
    for number in range(4):
        labels = np.zeros((64, 64), np.uint8)
        labels[: 8 + number] = 1
        write_tiff(copy / "labels" / f"cell{number}.tif", labels)
        write_tiff(beside / f"cell{number}.tif", labels * 2)
    asked = Source(images=str(copy / "images"), labels=str(copy / "labels"), label_kind="classes")
    hold_out = HoldOut(images=str(copy / "images"), labels=str(beside))
    with pytest.raises(LabelError, match="has 3 classes, the training labels 2; train on images"):
        gather(asked, hold_out, 0.2, GAP)


@pytest.fixture
def classes(copy: Path, write_tiff: WriteTiff) -> Source:
    """Four images with two classes; only cell2, which is held out by default, shows class 2."""
    for number in range(4):
        labels = np.zeros((64, 64), np.uint8)
        labels[: 8 + number] = 1
        labels[40:, :8] = 2 * (number == 2)
        write_tiff(copy / "labels" / f"cell{number}.tif", labels)
    return replace(source(copy), label_kind="classes")


def test_an_index_that_no_image_shows_is_refused_before_anything_is_learnt(
    classes: Source, write_tiff: WriteTiff
) -> None:
    path = Path(classes.labels) / "cell0.tif"
    write_tiff(path, tifffile.imread(path) * 5)
    message = "labels: no image shows classes 3, 4 of 0…5, which cannot be learnt then; annotate"
    with pytest.raises(LabelError, match=message):
        gather(classes, HoldOut(), 0.2, GAP)


def test_images_are_held_out_whose_classes_others_show_as_well(classes: Source) -> None:
    data = gather(classes, HoldOut(), 0.2, GAP)
    assert names(data)[1] == ["cell3.tif"]
    assert data.unlearnt_classes == ()


def test_a_class_that_the_user_holds_out_altogether_is_told(classes: Source) -> None:
    assert gather(classes, HoldOut(pages=(2,)), 0.2, GAP).unlearnt_classes == (2,)


def test_a_run_by_share_goes_on_though_other_images_were_held_out(
    classes: Source, record: RunRecord
) -> None:
    share = HoldOut(fraction=0.25)
    data = gather(classes, share, 0.2, GAP)
    changed = {"training": tuple(data.training), "validation": tuple(data.validation)}
    went_on = record.model_copy(update={**changed, "label_kind": "classes"})
    assert names(gather_again(went_on, share))[1] == ["cell3.tif"]


def test_images_are_not_cut_where_all_of_a_class_would_judge(
    classes: Source, write_tiff: WriteTiff
) -> None:
    first, _, *others = (Path(classes.labels) / f"cell{number}.tif" for number in range(4))
    for path in others:
        path.unlink()
        (Path(classes.images) / path.name).unlink()
    labels = np.zeros((64, 64), np.uint8)
    labels[:8], labels[-4:] = 1, 2
    write_tiff(first, labels)
    assert gather(classes, HoldOut(), 0.2, 10).cut is None
    labels[30:34] = 2
    write_tiff(first, labels)
    assert gather(classes, HoldOut(), 0.2, 10).cut is not None


def test_training_on_nothing_but_background_is_refused(copy: Path, write_tiff: WriteTiff) -> None:
    for number in (0, 1, 3):
        write_tiff(copy / "labels" / f"cell{number}.tif", np.zeros((64, 64), np.uint8))
    with pytest.raises(LabelError, match="no image that is trained on has any foreground"):
        gather(source(copy), HoldOut(pages=(2,)), 0.2, GAP)


def test_a_run_finds_its_images_again_split_as_they_were(record: RunRecord) -> None:
    training, validation = names(gather_again(record))
    assert training == ["cell0.tif", "cell1.tif", "cell3.tif"]
    assert validation == ["cell2.tif"]


@pytest.mark.parametrize("changed", ["images", "labels"])
def test_changed_data_are_refused(record: RunRecord, copy: Path, changed: str) -> None:
    path = copy / changed / "cell1.tif"
    pixels = tifffile.imread(path)
    pixels[0, 0] += 1
    tifffile.imwrite(path, pixels)
    with pytest.raises(ImageError, match=r"started with: cell1\.tif changed; bring them"):
        gather_again(record)


@pytest.mark.parametrize("hold_out", [HoldOut(fraction=0.2), HoldOut(pages=(2,)), HoldOut()])
def test_the_same_hold_out_in_other_words_is_accepted(record: RunRecord, hold_out: HoldOut) -> None:
    assert names(gather_again(record, hold_out))[1] == ["cell2.tif"]


@pytest.mark.parametrize(
    ("hold_out", "asked"),
    [
        (HoldOut(fraction=0.5), "cell1.tif, cell3.tif"),
        (HoldOut(fraction=0.0), "nothing"),
        (HoldOut(pages=(0,)), "cell0.tif"),
    ],
)
def test_another_hold_out_is_refused(record: RunRecord, hold_out: HoldOut, asked: str) -> None:
    with pytest.raises(
        ConfigError, match=rf"started with cell2\.tif held out, not {asked}; resume"
    ):
        gather_again(record, hold_out)


def test_two_images_are_cut_and_both_parts_of_each_are_used(copy: Path) -> None:
    for number in (2, 3):
        for folder in ("images", "labels"):
            (copy / folder / f"cell{number}.tif").unlink()
    data = gather(source(copy), HoldOut(), 0.2, gap_px=8)
    assert names(data) == (
        ["cell0.tif up to row 43", "cell1.tif up to row 43"],
        ["cell0.tif from row 51", "cell1.tif from row 51"],
    )
    assert [page.name for page in data.training] == ["cell0.tif", "cell1.tif"]
    assert data.validation == []
    assert data.cut is not None
    assert (data.cut.share, data.cut.gap_px) == (0.2, 8)


def test_more_is_learnt_where_the_chosen_network_sees_less_far(copy: Path) -> None:
    for name in ("cell2.tif", "cell3.tif"):
        (copy / "images" / name).unlink()
        (copy / "labels" / name).unlink()
    wide = gather(source(copy), HoldOut(), 0.2, 12)
    narrow = narrow_gap(wide, 4)
    # Of 64 px, 13 judge; the gap before them is 12 px wide, then 4.
    assert [one.labels.shape for one in wide.split.training] == [(39, 64)] * 2
    assert [one.labels.shape for one in narrow.split.training] == [(47, 64)] * 2
    judged = [
        [int((~one.ignore).sum()) for one in data.split.validation if one.ignore is not None]
        for data in (wide, narrow)
    ]
    assert judged == [[13 * 64] * 2] * 2
    assert narrow_gap(narrow, 12) is narrow


def test_images_that_the_user_does_not_want_judged_are_not_cut(copy: Path) -> None:
    data = gather(source(copy), HoldOut(fraction=0.0), 0.2, gap_px=8)
    assert data.cut is None
    assert data.split.validation == []


def leave_out(copy: Path, name: str) -> Source:
    """Label nothing of one image."""
    path = copy / "labels" / name
    tifffile.imwrite(path, np.full_like(tifffile.imread(path), 255))
    return replace(source(copy), partial=PartialLabels(ignore=255))


def test_a_page_keeps_its_number_where_one_before_it_is_not_labelled(copy: Path) -> None:
    partly = leave_out(copy, "cell1.tif")
    assert names(gather(partly, HoldOut(pages=(2,)), 0.2, GAP))[1] == ["cell2.tif"]
    with pytest.raises(ConfigError, match=r"names page 1, and labelled are 0, 2…3"):
        gather(partly, HoldOut(pages=(1,)), 0.2, GAP)
    left_out = gather(partly, HoldOut(pages=(2,), left_out=(3,)), 0.2, GAP)
    assert names(left_out) == (["cell0.tif"], ["cell2.tif"])


def test_images_that_show_no_background_teach_nothing(copy: Path) -> None:
    for name in ("cell0.tif", "cell1.tif", "cell2.tif"):
        path = copy / "labels" / name
        tifffile.imwrite(path, np.where(tifffile.imread(path) > 0, 2, 0).astype(np.uint8))
    path = copy / "labels" / "cell3.tif"
    tifffile.imwrite(path, (tifffile.imread(path) + 1).astype(np.uint8))
    strokes = replace(source(copy), partial=PartialLabels(sparse=True), label_kind="instances")
    with pytest.raises(LabelError, match="no image that is trained on has any background"):
        gather(strokes, HoldOut(pages=(3,)), 0.2, GAP)
    assert names(gather(strokes, HoldOut(fraction=0.3), 0.2, GAP))[1] == ["cell2.tif"]
    assert names(gather(strokes, HoldOut(fraction=0.5), 0.2, GAP))[1] == ["cell1.tif", "cell2.tif"]


def test_regions_judge_again_only_where_regions_judged_before(copy: Path) -> None:
    for kind in ("images", "labels"):
        for number in (1, 2, 3):
            (copy / kind / f"cell{number}.tif").unlink()
    (page,) = read_annotated(source(copy)).pages
    seen = Seen(learnt=frozenset({image_digest(page)}))
    assert gather(source(copy), HoldOut(), 0.2, 8).cut is not None
    assert gather(source(copy), HoldOut(), 0.2, 8, Seen(learnt=frozenset({"0"}))).cut is not None
    assert gather(source(copy), HoldOut(), 0.2, 8, seen).cut is None
    assert gather(source(copy), HoldOut(), 0.2, 8, replace(seen, cut_share=0.2)).cut is not None
    assert gather(source(copy), HoldOut(), 0.2, 8, replace(seen, cut_share=0.1)).cut is None
