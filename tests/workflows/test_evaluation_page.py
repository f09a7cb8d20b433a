from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from overtile.errors import PairError
from overtile.progress import Silence
from overtile.report.evaluation_page import MOST_MAPS
from overtile.workflows.evaluate import EvaluateRequest, evaluate
from overtile.workflows.evaluation_page import raw_images, write_evaluation_page

WriteTiff = Callable[[Path, NDArray[Any]], Path]

TRUTH = np.kron(np.array([[1, 0, 2], [0, 0, 0]], np.uint16), np.ones((9, 9), np.uint16))
MISSED = np.where(TRUTH == 2, np.uint16(0), TRUTH)


class Told(Silence):
    """A listener that remembers what was said."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def say(self, text: str) -> None:
        self.said.append(text)


@pytest.fixture
def request_of(tmp_path: Path, write_tiff: WriteTiff) -> Callable[..., EvaluateRequest]:
    """Write predictions, all of one truth, and ask to score them."""

    def write(**predicted: NDArray[Any]) -> EvaluateRequest:
        for name, array in predicted.items():
            write_tiff(tmp_path / "p" / f"{name}.tif", array)
            write_tiff(tmp_path / "t" / f"{name}_mask.tif", np.broadcast_to(TRUTH, array.shape))
        return EvaluateRequest(
            predicted=str(tmp_path / "p"), truth=str(tmp_path / "t"), task="instances"
        )

    return write


RequestOf = Callable[..., EvaluateRequest]


def drawn(page: Path) -> list[str]:
    """Names above the maps."""
    return re.findall(r"<h3><bdi>(.*?)</bdi></h3>", page.read_text("utf-8"))


def test_the_worst_pages_of_files_and_stacks_are_drawn(
    request_of: RequestOf, tmp_path: Path
) -> None:
    request = request_of(a=TRUTH, b=np.stack([TRUTH, MISSED]))
    page = tmp_path / "new" / "page.html"
    write_evaluation_page(page, request, evaluate(request))
    assert drawn(page) == ["b.tif page 1", "a.tif", "b.tif page 0"]


def test_pages_that_were_not_scored_are_not_drawn(request_of: RequestOf, tmp_path: Path) -> None:
    request = replace(request_of(a=TRUTH, b=np.stack([TRUTH, MISSED])), pages=(2,))
    write_evaluation_page(tmp_path / "page.html", request, evaluate(request))
    assert drawn(tmp_path / "page.html") == ["b.tif page 1"]


def test_of_many_images_only_the_worst_are_drawn(request_of: RequestOf, tmp_path: Path) -> None:
    names = [f"n{number:02}" for number in range(MOST_MAPS + 3)]
    request = request_of(**dict.fromkeys(names, TRUTH), z=MISSED)
    write_evaluation_page(tmp_path / "page.html", request, evaluate(request))
    assert drawn(tmp_path / "page.html") == [
        "z.tif",
        *(f"{name}.tif" for name in names[: MOST_MAPS - 1]),
    ]


def test_raw_images_lie_below_the_maps(
    request_of: RequestOf, write_tiff: WriteTiff, tmp_path: Path
) -> None:
    request = request_of(a=TRUTH, b=np.stack([TRUTH, MISSED]))
    write_tiff(tmp_path / "i" / "a.tif", TRUTH * 9)
    write_tiff(tmp_path / "i" / "b.tif", np.stack([TRUTH * 9, TRUTH[::-1] * 9]))
    told = Told()
    raw = raw_images(str(tmp_path / "i"), request)
    write_evaluation_page(tmp_path / "page.html", request, evaluate(request), raw, told)
    sources = re.findall(r"data:image/jpeg[^\"]*", (tmp_path / "page.html").read_text("utf-8"))
    # The worst, page 1 of b, shows another image than a and page 0.
    assert len(sources) == 3
    assert sources[0] != sources[1] == sources[2]
    assert told.said == []


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (lambda path: path.write_bytes(b""), "a.tif is drawn without its image: .*a.tif: is empty"),
        (lambda path: path.unlink(), "a.tif is drawn without its image: .* cannot be read"),
    ],
)
def test_a_raw_image_that_cannot_be_read_does_not_cost_the_page(
    request_of: RequestOf,
    write_tiff: WriteTiff,
    tmp_path: Path,
    spoil: Callable[[Path], object],
    why: str,
) -> None:
    request, told = request_of(a=MISSED), Told()
    image = write_tiff(tmp_path / "i" / "a.tif", TRUTH)
    raw = raw_images(str(tmp_path / "i"), request)
    spoil(image)
    write_evaluation_page(tmp_path / "page.html", request, evaluate(request), raw, told)
    assert re.match(why, told.said[0])
    assert drawn(tmp_path / "page.html") == ["a.tif"]


def test_a_raw_image_of_another_size_is_left_out(
    request_of: RequestOf, write_tiff: WriteTiff, tmp_path: Path
) -> None:
    request, told = request_of(a=MISSED), Told()
    image = write_tiff(tmp_path / "i" / "a.tif", TRUTH[:9])
    raw = raw_images(str(image), request)
    write_evaluation_page(tmp_path / "page.html", request, evaluate(request), raw, told)
    assert told.said == [f"a.tif is drawn without {image}, which has another size"]


def test_images_of_other_names_are_refused_before_the_work(
    request_of: RequestOf, write_tiff: WriteTiff, tmp_path: Path
) -> None:
    request = request_of(a=MISSED, b=TRUTH)
    write_tiff(tmp_path / "i" / "other.tif", TRUTH)
    with pytest.raises(PairError, match="i: none of 1 images has the name of a truth file"):
        raw_images(str(tmp_path / "i"), request)
