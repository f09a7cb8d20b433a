from __future__ import annotations

import weakref
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray
from PIL import Image as Pillow

from overtile.errors import ConfigError, ImageError, LabelError, PairError
from overtile.io import Image, read_labels
from overtile.progress import Silence
from overtile.workflows.evaluate import EvaluateRequest, evaluate

WriteTiff = Callable[[Path, NDArray[Any]], Path]

TWO = np.array([[1, 1, 0, 2, 2]] * 5, np.uint16)
ONE = np.array([[1, 1, 0, 0, 0]] * 5, np.uint16)
EDGE = np.array([[255, 255, 0, 255, 255]] * 5, np.uint8)


class Told(Silence):
    """A listener that remembers what was said."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.advanced: list[tuple[str, float, float, str]] = []

    def say(self, text: str) -> None:
        self.said.append(text)

    def advance(self, task: str, done: float, total: float, note: str = "") -> None:
        self.advanced.append((task, done, total, note))


@pytest.fixture
def ask(tmp_path: Path, write_tiff: WriteTiff) -> Callable[..., EvaluateRequest]:
    """Write images of predictions and truth, and ask to score them."""

    def write(
        predicted: dict[str, NDArray[Any]],
        truth: dict[str, NDArray[Any]],
        **more: Any,  # noqa: ANN401 - fields of the request
    ) -> EvaluateRequest:
        for side, files in (("predicted", predicted), ("truth", truth)):
            for name, array in files.items():
                write_tiff(tmp_path / side / name, array)
        return EvaluateRequest(
            predicted=str(tmp_path / "predicted"), truth=str(tmp_path / "truth"), **more
        )

    return write


Ask = Callable[..., EvaluateRequest]


def test_instances_are_scored_over_all_images(ask: Ask) -> None:
    scores = evaluate(ask({"a.tif": TWO, "b.tif": ONE}, {"a.tif": TWO, "b.tif": TWO}))
    assert scores.task == "instances"
    assert scores.summary["average_precision_50"] == pytest.approx((1 + 1 / 2) / 2)
    assert [row["image"] for row in scores.per_image] == ["b.tif", "a.tif"]


def test_what_is_missed_and_what_is_invented_are_told_apart(ask: Ask) -> None:
    missed = evaluate(ask({"a.tif": ONE}, {"a.tif": TWO}, task="instances")).summary
    assert missed["pooled_false_negatives_50"] == 1
    assert missed["pooled_false_positives_50"] == 0


@pytest.mark.parametrize(
    ("truth", "task"),
    [(TWO, "instances"), (EDGE, "isbi2012"), (np.tile(TWO, (1, 20))[:, ::2], "classes")],
)
def test_the_truth_suggests_the_task_and_that_is_said(
    ask: Ask, truth: NDArray[Any], task: str
) -> None:
    told = Told()
    assert evaluate(ask({"a.tif": truth}, {"a.tif": truth}), told).task == task
    assert told.said[0] == f"task {task}, because of the truth; --task says otherwise"


def test_the_task_that_the_user_names_is_taken(ask: Ask) -> None:
    scores = evaluate(ask({"a.tif": TWO}, {"a.tif": TWO}, task="classes"))
    assert scores.summary["dice_class 2"] == 1


def test_an_earlier_image_of_few_classes_hides_none_of_a_later_one(ask: Ask) -> None:
    scores = evaluate(
        ask({"a.tif": ONE, "b.tif": TWO}, {"a.tif": ONE, "b.tif": TWO}, task="classes")
    )
    assert scores.summary["iou_class 2"] == 1


def test_a_pixel_size_that_all_files_tell_turns_distances_and_areas_into_micrometres(
    ask: Ask,
) -> None:
    request = ask({"a.tif": TWO}, {}, task="classes")
    truth = Path(request.truth) / "a.tif"
    truth.parent.mkdir()
    tifffile.imwrite(truth, TWO, imagej=True, resolution=(2, 2), metadata={"unit": "um"})
    summary = evaluate(request).summary
    # Ten pixels of 0.5 µm by 0.5 µm.
    assert summary["true_area_um2_class 2"] == pytest.approx(2.5)
    assert summary["hausdorff95_um_class 2"] == 0


def test_pixel_sizes_that_differ_leave_distances_in_pixels_and_that_is_said(ask: Ask) -> None:
    request = ask({"a.tif": TWO, "b.tif": TWO}, {"a.tif": TWO}, task="classes")
    tifffile.imwrite(
        Path(request.truth) / "b.tif", TWO, imagej=True, resolution=(2, 2), metadata={"unit": "um"}
    )
    told = Told()
    assert "hausdorff95_px_class 2" in evaluate(request, told).summary
    assert told.said == ["pixel sizes differ between images: distances and areas are in pixels"]


@pytest.mark.parametrize("largest", [64, 255, 60000])
def test_ids_and_masks_are_refused_as_classes(ask: Ask, largest: int) -> None:
    many = ONE * largest
    with pytest.raises(LabelError, match=rf"b\.tif: the value {largest} is no class index.*--task"):
        evaluate(ask({"a.tif": ONE, "b.tif": ONE}, {"a.tif": ONE, "b.tif": many}, task="classes"))


@pytest.mark.parametrize(
    ("predicted", "how"),
    [
        ((EDGE > 0).astype(np.float32), "probability of foreground"),
        (EDGE, "foreground where it is not 0"),
        ((EDGE > 0).astype(np.uint16), "foreground where it is not 0"),
    ],
)
def test_a_perfect_foreground_has_no_error_however_it_is_stored(
    ask: Ask, predicted: NDArray[Any], how: str
) -> None:
    told = Told()
    scores = evaluate(ask({"a.tif": predicted}, {"a.tif": EDGE}, task="isbi2012"), told)
    assert (scores.summary["rand_error"], scores.summary["pixel_error"]) == (0, 0)
    assert told.said == [f"a.tif: {how}"]


def test_grey_values_are_shares_of_the_full_range(ask: Ask) -> None:
    # 127 / 255 is below one half, 128 / 255 above it.
    grey = np.array([[128, 200, 127, 128, 200]] * 5, np.uint8)
    scores = evaluate(ask({"a.tif": grey}, {"a.tif": EDGE}, task="isbi2012"))
    assert scores.summary["pixel_error"] == 0


def test_our_label_images_are_foreground_where_they_are_not_0(ask: Ask) -> None:
    ids = np.array([[1, 2, 0, 3, 4]] * 5, np.uint8)
    scores = evaluate(ask({"a_labels.tif": ids}, {"a.tif": EDGE}, task="isbi2012"))
    assert scores.summary["pixel_error"] == 0


@pytest.mark.parametrize("value", [-0.5, 1.5])
def test_floats_that_are_no_probabilities_are_refused(ask: Ask, value: float) -> None:
    request = ask({"a.tif": np.full((5, 5), value)}, {"a.tif": EDGE}, task="isbi2012")
    with pytest.raises(ImageError, match=r"a\.tif: holds values from .*, not probabilities within"):
        evaluate(request)


def test_probabilities_are_no_instances(ask: Ask) -> None:
    request = ask({"a.tif": np.full((5, 5), 0.5)}, {"a.tif": TWO}, task="instances")
    with pytest.raises(LabelError, match="give label images; probabilities are scored by --task"):
        evaluate(request)


def test_colours_are_no_foreground(ask: Ask, tmp_path: Path) -> None:
    request = ask({}, {"a.tif": EDGE}, task="isbi2012")
    (tmp_path / "predicted").mkdir()
    image = np.zeros((5, 5, 3), np.uint8)
    image[0, 0] = 255, 0, 0
    Pillow.fromarray(image).save(tmp_path / "predicted" / "a.png")
    with pytest.raises(ImageError, match=r"a\.png: has 3 channels where a probability has one"):
        evaluate(request)


def test_grey_that_was_saved_as_colour_is_foreground(ask: Ask, tmp_path: Path) -> None:
    request = ask({}, {"a.tif": EDGE}, task="isbi2012")
    (tmp_path / "predicted").mkdir()
    Pillow.fromarray(EDGE).convert("RGB").save(tmp_path / "predicted" / "a.png")
    assert evaluate(request).summary["pixel_error"] == 0


def test_pages_of_a_stack_are_scored_one_by_one(ask: Ask) -> None:
    scores = evaluate(ask({"s.tif": np.stack([TWO, ONE, TWO])}, {"s.tif": np.stack([TWO] * 3)}))
    assert {row["image"] for row in scores.per_image} == {f"s.tif page {page}" for page in range(3)}


def test_only_the_pages_that_are_asked_for_count(ask: Ask) -> None:
    stacks = {"s.tif": np.stack([TWO, ONE, TWO])}, {"s.tif": np.stack([TWO] * 3)}
    scores = evaluate(ask(*stacks, pages=(2, 0, 2)))
    assert [row["image"] for row in scores.per_image] == ["s.tif page 0", "s.tif page 2"]
    assert scores.summary["average_precision_50"] == 1


@pytest.mark.parametrize("page", [-1, 2])
def test_a_page_that_does_not_exist_is_refused(ask: Ask, page: int) -> None:
    stack = {"s.tif": np.stack([TWO] * 2)}
    with pytest.raises(ConfigError, match=f"names page {page}, and there are pages 0…1"):
        evaluate(ask(stack, stack, pages=(page,)))


def test_another_number_of_pages_is_refused(ask: Ask) -> None:
    request = ask({"s.tif": np.stack([TWO] * 2)}, {"s.tif": TWO}, task="instances")
    with pytest.raises(PairError, match=r"s\.tif: has 2 pages, its truth s\.tif has 1;"):
        evaluate(request)


def test_sizes_that_differ_are_refused_with_the_image_named(ask: Ask) -> None:
    with pytest.raises(PairError, match=r"a\.tif: is 4x5 px, its truth a\.tif is 5x5 px; compare"):
        evaluate(ask({"a.tif": TWO[:4]}, {"a.tif": TWO}, task="instances"))


def test_object_ids_are_no_grey_values(ask: Ask) -> None:
    ids = np.arange(25, dtype=np.uint16).reshape(5, 5)
    request = ask({"a.tif": ids}, {"a.tif": EDGE}, task="isbi2012")
    with pytest.raises(ImageError, match=r"whole numbers from 0 to 24 of 65535.*end in _labels"):
        evaluate(request)


def test_how_files_are_understood_is_told_where_it_changes(ask: Ask) -> None:
    told = Told()
    floats, mask = (EDGE > 0).astype(np.float32), EDGE
    predicted = {"a.tif": floats, "b.tif": floats, "c.tif": mask}
    evaluate(ask(predicted, dict.fromkeys(predicted, EDGE), task="isbi2012"), told)
    assert told.said == ["a.tif: probability of foreground", "c.tif: foreground where it is not 0"]


def test_gaps_between_ids_change_nothing(ask: Ask) -> None:
    gaps = np.where(TWO == 2, np.uint16(900), TWO)
    scores = evaluate(ask({"a.tif": gaps}, {"a.tif": TWO}, task="instances"))
    assert scores.summary["average_precision_50"] == 1


@pytest.mark.parametrize("task", ["instances", "classes"])
def test_what_is_predicted_where_the_truth_is_to_be_ignored_counts_nowhere(
    ask: Ask, task: str
) -> None:
    # The right object is truth in one file and "unknown" in the other.
    unknown = np.where(TWO == 2, np.uint16(255), TWO)
    invented = np.where(TWO == 2, np.uint16(77), TWO)
    ignoring = ask({"a.tif": invented}, {"a.tif": unknown}, task=task, ignore=255)
    assert evaluate(ignoring).spread.mean == 1


def test_a_value_to_ignore_is_no_foreground(ask: Ask) -> None:
    unknown, certain = EDGE.copy(), (EDGE > 0).astype(np.float32)
    unknown[:, 3:] = 7
    certain[:, 3:] = 0
    told = Told()
    scores = evaluate(ask({"a.tif": certain}, {"a.tif": unknown}, ignore=7), told)
    assert told.said[0].startswith("task isbi2012")
    assert scores.summary["pixel_error"] == 0


def test_a_value_to_ignore_that_never_occurs_is_noted(ask: Ask) -> None:
    told = Told()
    evaluate(ask({"a.tif": TWO}, {"a.tif": TWO}, task="instances", ignore=9), told)
    assert told.said == ["--ignore 9: no pixel of the truth has this value"]


def test_pages_without_any_truth_are_left_out(ask: Ask) -> None:
    told = Told()
    truth = np.stack([TWO, np.full_like(TWO, 9)])
    request = ask({"s.tif": np.stack([TWO, TWO])}, {"s.tif": truth}, ignore=9)
    assert [row["image"] for row in evaluate(request, told).per_image] == ["s.tif page 0"]
    assert told.said[-1] == "pages left out, as all their pixels are ignored: 1"


@pytest.mark.parametrize(
    ("value", "told"), [(0, "would leave out the background"), (-1, "is no value that a truth can")]
)
def test_the_background_cannot_be_ignored(ask: Ask, value: int, told: str) -> None:
    with pytest.raises(ConfigError, match=f"--ignore {value} {told}"):
        evaluate(ask({"a.tif": TWO}, {"a.tif": TWO}, task="instances", ignore=value))


def test_frames_of_the_tracking_challenge_are_instances(ask: Ask, tmp_path: Path) -> None:
    told = Told()
    request = ask(
        {f"01_RES/mask{frame:03}.tif": ONE for frame in range(5)},
        {"01_GT/SEG/man_seg003.tif": ONE},
    )
    results, truth = tmp_path / "predicted" / "01_RES", tmp_path / "truth" / "01_GT"
    scores = evaluate(replace(request, predicted=str(results), truth=str(truth)), told)
    assert [row["image"] for row in scores.per_image] == ["mask003.tif"]
    assert told.said == [
        "task instances, as the files are named as in the Cell Tracking Challenge; "
        "--task says otherwise",
        "1 of 5 predicted frames have a truth and are scored",
    ]


def test_progress_is_told_page_by_page(ask: Ask) -> None:
    files = {"a.tif": np.stack([TWO, TWO]), "b.tif": TWO}
    told = Told()
    evaluate(ask(files, files, task="instances"), told)
    assert told.advanced == [
        ("scored", 0.0, 2, "a.tif page 0"),
        ("scored", 0.5, 2, "a.tif page 1"),
        ("scored", 1.0, 2, "b.tif"),
    ]


def test_files_that_are_scored_are_not_kept(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    held: list[weakref.ref[Any]] = []
    most = 0

    def watched(path: Path) -> Image:
        nonlocal most
        image = read_labels(path)
        held.append(weakref.ref(image.pixels))
        most = max(most, sum(one() is not None for one in held))
        return image

    files = {f"{number}.tif": TWO for number in range(6)}
    request = ask(files, files, task="instances")
    monkeypatch.setattr("overtile.workflows.scored_pages.read_labels", watched)
    evaluate(request)
    assert len(held) == 12
    assert most <= 4  # prediction and truth that are scored, and those read next
