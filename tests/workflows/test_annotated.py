from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray
from PIL import Image as Pillow

from overtile.data.check import Page
from overtile.errors import LabelError
from overtile.workflows.annotated import AnnotatedSet, Source, data_digest, page_names
from overtile.workflows.annotated import read_annotated as read

WriteTiff = Callable[[Path, NDArray[Any]], Path]


def ramp(*shape: int, start: int = 0) -> NDArray[np.uint16]:
    """Grey values of which no two are equal."""
    return (np.arange(np.prod(shape)).reshape(shape) + start).astype(np.uint16)


def squares(*shape: int, ids: int = 4) -> NDArray[np.uint8]:
    """Rows of objects that do not touch, numbered from 1."""
    labels = np.zeros(shape, np.uint8)
    for number in range(ids):
        labels[..., 2 * number, : 3 + number] = number + 1
    return labels


def source(folder: Path, **more: Any) -> Source:  # noqa: ANN401 - fields of Source
    return Source(images=str(folder / "images"), labels=str(folder / "labels"), **more)


@pytest.fixture
def pair(tmp_path: Path, write_tiff: WriteTiff) -> Path:
    """Two images with their labels."""
    for number, name in enumerate(("a.tif", "b.tif")):
        write_tiff(tmp_path / "images" / name, ramp(8, 9, start=number))
        write_tiff(tmp_path / "labels" / name, squares(8, 9, ids=3 + number))
    return tmp_path


def test_what_was_understood_is_told_in_words(cells: Path) -> None:
    facts = dict(read(source(cells)).facts)
    assert facts["images"] == "4 pages in 4 files"
    assert facts["size"] == "64x64 px"
    assert facts["axes"] == "YX from ImageJ metadata"
    assert facts["channels"] == "1"
    assert facts["grey values"].startswith("uint8, ")
    assert facts["pixel size"] == "0.5 x 0.5 um (y, x)"
    assert facts["labels"].startswith("instances: ids up to ")


def test_objects_and_foreground_are_counted(pair: Path) -> None:
    facts = dict(read(source(pair)).facts)
    assert facts["objects"] == "7, from 3 to 4 an image"
    # 3 + 4 + 5 and 3 + 4 + 5 + 6 of 72 pixels
    assert facts["foreground"] == f"{100 * (12 + 18) / 144:.0f} % of the pixels"
    assert facts["pixel size"] == "not told by the files"


def test_pages_are_the_images_with_their_own_labels(pair: Path) -> None:
    found = read(source(pair))
    assert [page.name for page in found.pages] == ["a.tif", "b.tif"]
    assert [int(page.labels.max()) for page in found.pages] == [3, 4]
    assert found.faults == []


def test_annotated_images_are_normalised_each_by_itself(pair: Path) -> None:
    first, second = read(source(pair)).annotated()
    assert first.pixels.dtype == np.float32
    assert first.pixels.shape == (1, 8, 9)
    assert float(np.median(first.pixels)) == pytest.approx(0, abs=0.05)
    np.testing.assert_allclose(first.pixels, second.pixels, atol=1e-6)


def test_binary_labels_become_one_id_per_piece(tmp_path: Path, write_tiff: WriteTiff) -> None:
    write_tiff(tmp_path / "images" / "a.tif", ramp(8, 9))
    write_tiff(tmp_path / "labels" / "a.tif", 255 * (squares(8, 9) > 0).astype(np.uint8))
    found = read(source(tmp_path))
    assert dict(found.facts)["objects"] == "4, from 4 to 4 an image"
    assert int(found.annotated()[0].labels.max()) == 4


def test_the_kind_that_the_user_names_is_taken(pair: Path) -> None:
    found = read(source(pair, label_kind="classes"))
    assert found.demand().kind == "classes"
    assert dict(found.facts)["classes"] == "5"


def test_a_stack_is_its_pages(tmp_path: Path, write_tiff: WriteTiff) -> None:
    write_tiff(tmp_path / "images" / "s.tif", ramp(5, 8, 9))
    write_tiff(tmp_path / "labels" / "s.tif", squares(5, 8, 9))
    found = read(source(tmp_path))
    assert [page.name for page in found.pages] == [f"s.tif page {n}" for n in range(5)]
    assert dict(found.facts)["images"] == "5 pages in 1 file"


def test_axes_that_the_user_names_hold_for_images_and_labels(
    tmp_path: Path, write_tiff: WriteTiff
) -> None:
    write_tiff(tmp_path / "images" / "s.tif", ramp(2, 5, 8, 9))
    write_tiff(tmp_path / "labels" / "s.tif", squares(5, 8, 9))
    found = read(source(tmp_path, axes="CZYX"))
    assert [page.pixels.shape for page in found.pages] == [(2, 8, 9)] * 5


def test_labels_whose_axes_are_plain_need_not_follow_the_images(
    tmp_path: Path, write_tiff: WriteTiff
) -> None:
    # Three channels in planes, beside a grey mask that was saved as RGB.
    write_tiff(tmp_path / "images" / "a.tif", ramp(3, 8, 9))
    path = write_tiff(tmp_path / "labels" / "a.tif", squares(8, 9))
    tifffile.imwrite(path, np.stack([squares(8, 9)] * 3, -1), photometric="rgb")
    found = read(source(tmp_path, axes="CYX"))
    assert found.faults == []
    assert found.pages[0].labels.shape == (8, 9)


def test_one_bad_file_does_not_hide_the_next(pair: Path, write_tiff: WriteTiff) -> None:
    (pair / "images" / "a.tif").write_bytes(b"")
    write_tiff(pair / "labels" / "b.tif", squares(9, 8))
    found = read(source(pair))
    assert [finding.what for finding in found.faults] == [
        "is empty",
        "the image is 8x9 px, its labels 9x8 px",
    ]
    assert (found.reading, found.facts, list(found.pages)) == (None, (), [])


def test_faults_come_before_notes(pair: Path, write_tiff: WriteTiff) -> None:
    write_tiff(pair / "images" / "c.tif", ramp(8, 9, start=7))
    write_tiff(pair / "labels" / "c.tif", np.zeros((8, 9), np.uint8))
    write_tiff(pair / "images" / "d.tif", np.ones((8, 9), np.uint8))
    write_tiff(pair / "labels" / "d.tif", squares(8, 9))
    levels = [finding.level for finding in read(source(pair)).findings]
    assert levels == ["fault", "note"]


def test_a_set_with_faults_is_refused_by_the_first_and_the_others_are_counted(
    pair: Path,
) -> None:
    for name in ("a.tif", "b.tif"):
        (pair / "images" / name).write_bytes(b"GIF89a")
    message = r"a\.tif: is a GIF, which is not read \(and 1 more faults: `overtile check` lists"
    with pytest.raises(LabelError, match=message):
        read(source(pair)).annotated()


def test_labels_without_any_foreground_are_a_fault_of_the_set(
    pair: Path, write_tiff: WriteTiff
) -> None:
    for name in ("a.tif", "b.tif"):
        write_tiff(pair / "labels" / name, np.zeros((8, 9), np.uint8))
    with pytest.raises(LabelError, match=r"labels: no label image has any foreground"):
        read(source(pair)).demand()


def test_other_numbers_of_pages_are_told_with_a_way_out(
    tmp_path: Path, write_tiff: WriteTiff
) -> None:
    write_tiff(tmp_path / "images" / "a.tif", ramp(3, 8, 9))
    write_tiff(tmp_path / "labels" / "a.tif", squares(8, 9))
    (finding,) = read(source(tmp_path)).faults
    assert finding.what == "has 3 pages, its labels a.tif have 1"
    assert "say --axes CYX" in finding.remedy


def test_unpaired_files_are_faults_beside_the_others(pair: Path) -> None:
    (pair / "labels" / "b.tif").unlink()
    (pair / "images" / "a.tif").write_bytes(b"")
    pairing, reading = read(source(pair)).faults
    assert pairing.where == str(pair / "images")
    assert pairing.what == "1 of 2 images lack labels (b.tif)"
    assert reading.what == "is empty"


def test_files_that_are_no_images_are_counted(pair: Path) -> None:
    assert "ignored" not in dict(read(source(pair)).facts)
    for name in (".DS_Store", "._a.tif", "notes.txt"):
        (pair / "images" / name).touch()
    (pair / "labels" / "old").mkdir()
    assert dict(read(source(pair)).facts)["ignored"] == "3 other files, 1 inner folder"


def test_what_reading_left_out_is_noted_once(pair: Path) -> None:
    for name in ("a.tif", "b.tif"):
        (pair / "images" / name).unlink()
        grey = ramp(8, 9, start=ord(name[0])).astype(np.uint8)
        picture = Pillow.fromarray(np.dstack([grey, grey, grey, 255 - grey]))
        picture.save(pair / "images" / name.replace("tif", "png"))
    notes = [str(one) for one in read(source(pair)).findings]
    assert notes == ["2 of the images: its alpha channel is left out, in a.png, b.png"]


def test_many_sizes_are_told_as_a_range(tmp_path: Path, write_tiff: WriteTiff) -> None:
    for side in (9, 10, 11, 12):
        write_tiff(tmp_path / "images" / f"{side}.tif", ramp(side, side))
        write_tiff(tmp_path / "labels" / f"{side}.tif", squares(side, side))
    found: AnnotatedSet = read(source(tmp_path))
    assert dict(found.facts)["size"] == "9x9 px to 12x12 px (4 different)"


def page(name: str = "a", grey: int = 0, labels: int = 1) -> Page:
    pixels = np.full((1, 2, 2), grey, np.uint8)
    return Page(name=name, pixels=pixels, labels=np.full((2, 2), labels, np.uint32))


def test_the_digest_changes_with_pixels_labels_and_order() -> None:
    sets = [
        [page(), page(grey=1)],
        [page(grey=1), page()],
        [page(), page(grey=2)],
        [page(), page(grey=1, labels=2)],
        [page()],
    ]
    assert len({data_digest(pages) for pages in sets}) == len(sets)


def test_the_digest_tells_background_from_what_is_not_labelled() -> None:
    one = page(labels=0)
    masks = [np.zeros((2, 2), bool), np.eye(2, dtype=bool), np.ones((2, 2), bool)]
    digests = {data_digest([replace(one, ignore=mask)]) for mask in masks}
    assert len(digests | {data_digest([one])}) == 4


def test_the_digest_knows_no_names() -> None:
    assert data_digest([page("a")]) == data_digest([page("b")])


def test_pages_are_named_from_zero_unless_there_is_one() -> None:
    assert page_names(Path("in/a.tif"), 1) == ["a.tif"]
    assert page_names(Path("in/a.tif"), 2) == ["a.tif page 0", "a.tif page 1"]


def test_pixel_size_is_the_first_that_a_file_tells(pair: Path) -> None:
    assert read(source(pair)).pixel_size_um is None
    path = pair / "images" / "b.tif"
    tifffile.imwrite(path, ramp(8, 9), imagej=True, resolution=(4, 2), metadata={"unit": "um"})
    assert read(source(pair)).pixel_size_um == (0.5, 0.25)
