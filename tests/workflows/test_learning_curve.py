from __future__ import annotations

import html
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from overtile.errors import ConfigError
from overtile.evaluation.scores import spread_of
from overtile.io import read_image, read_labels
from overtile.records import read_record
from overtile.training import session
from overtile.training.run import RunFolder
from overtile.workflows import train as training
from overtile.workflows.annotated import Source
from overtile.workflows.hold_out import HoldOut
from overtile.workflows.learning_curve import train_learning_curve, verdict
from overtile.workflows.learning_record import CURVE_NAME, LearningCurve
from overtile.workflows.report import report_run
from overtile.workflows.run_data import gather_again
from overtile.workflows.train_request import TrainRequest


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out pages and turned versions, which have tests of their own."""
    monkeypatch.setattr(training, "write_report", lambda folder, *_: folder.path / "report.html")
    monkeypatch.setattr(session, "what_views_give", lambda *_: "turned versions: not tried")


@pytest.fixture
def eight(cells: Path, tmp_path: Path) -> Path:
    """Eight images: the four cells, and each of them upside down."""
    import tifffile

    for number, path in enumerate(sorted((cells / "images").iterdir())):
        pixels: NDArray[np.generic] = read_image(path).pixels[0, 0]
        labels = read_labels(cells / "labels" / path.name).pixels[0, 0].astype(np.uint16)
        for side, turn in enumerate((np.s_[:], np.s_[::-1])):
            name = f"{number}{side}.tif"
            for kind, page in (("images", pixels), ("labels", labels)):
                (tmp_path / kind).mkdir(exist_ok=True)
                tifffile.imwrite(tmp_path / kind / name, np.ascontiguousarray(page[turn]))
    return tmp_path


@pytest.fixture
def request_(eight: Path, tiny_recipe: Path, one_thread: None) -> TrainRequest:
    return TrainRequest(
        source=Source(
            images=str(eight / "images"), labels=str(eight / "labels"), label_kind="instances"
        ),
        out=eight / "run",
        recipe=str(tiny_recipe),
        steps=2,
        hold_out=HoldOut(pages=(0, 5)),
        device="cpu",
    )


def test_more_and_more_images_are_learnt_from_and_the_same_ones_judge(
    request_: TrainRequest,
) -> None:
    curve = train_learning_curve(request_)
    assert [point.images for point in curve.points] == [1, 3, 6]
    records = [RunFolder(Path(point.run)).record() for point in curve.points]
    judges = [{page.name for page in record.validation} for record in records]
    assert judges == [{"00.tif", "21.tif"}] * 3
    learnt = [{page.name for page in record.training} for record in records]
    assert all(not names & judges[0] for names in learnt)
    assert learnt[2] > learnt[1]
    assert len(learnt[0] | {page.name for page in records[0].left_out} | judges[0]) == 8
    assert read_record(request_.out / CURVE_NAME, LearningCurve) == curve
    assert curve.model == str(request_.out / "all" / "model.safetensors")


def test_the_report_of_the_run_on_all_images_draws_the_curve(request_: TrainRequest) -> None:
    curve = train_learning_curve(request_)
    page = (request_.out / "all" / "report.html").read_text("utf-8")
    assert curve.verdict[1:] in html.unescape(page)
    values = ", ".join(f"{point.value:.3f} from {point.images}" for point in curve.points)
    assert f"Average precision at IoU 0.50 by images learnt from: {values}." in page
    part = request_.out / "3-images"
    assert "Would more images help" not in report_run(part).read_text("utf-8")


def test_a_part_is_read_again_with_the_images_that_it_learnt_from(request_: TrainRequest) -> None:
    train_learning_curve(request_)
    record = RunFolder(request_.out / "1-images").record()
    data = gather_again(record)
    assert [page.name for page in data.training] == [page.name for page in record.training]
    assert len(data.split.training) == 1
    assert len(data.left_out) == 5


def test_the_gain_is_that_of_all_images_over_half_of_them(request_: TrainRequest) -> None:
    curve = train_learning_curve(replace(request_, steps=8))
    half, whole = (point.spread.mean for point in curve.points[1:])
    assert curve.gain.mean == pytest.approx(whole - half)
    assert curve.verdict == verdict("average_precision_50", 3, 6, curve.gain)


@pytest.mark.parametrize(
    ("gained", "told"),
    [
        (
            (0.04, 0.05, 0.06),
            "more annotation would help: from 4 to 8 images x became better by 0.050",
        ),
        ((0.001, 0.0, 0.002), "more images like these would hardly help"),
        ((0.2, -0.1, 0.1), "whether more annotation would help cannot be told"),
        ((0.3,), "whether more annotation would help cannot be told"),
    ],
)
def test_the_verdict_says_no_more_than_the_images_tell(
    gained: tuple[float, ...], told: str
) -> None:
    assert verdict("x", 4, 8, spread_of(np.array(gained), lowest=-1)).startswith(told)


def test_too_few_images_have_no_learning_curve(request_: TrainRequest) -> None:
    few = replace(request_, hold_out=HoldOut(pages=(0, 1, 2, 3, 4)))
    with pytest.raises(ConfigError, match="needs 4 images to learn from and one that judges"):
        train_learning_curve(few)
    assert not request_.out.exists()
