from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from overtile.errors import ImageError, OutputError, RecordError
from overtile.progress import Silence
from overtile.seal import file_digest
from overtile.storage import TEMPORARY_SUFFIX
from overtile.workflows.results import (
    PredictRequest,
    ResultFolder,
    digest_if_there,
    image_digest,
    stem,
)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    (tmp_path / "model").write_bytes(b"weights")
    return tmp_path / "model"


@pytest.fixture
def images(tmp_path: Path) -> list[Path]:
    (tmp_path / "in").mkdir()
    paths = [tmp_path / "in" / name for name in ("a.png", "b.ome.tif")]
    for path in paths:
        path.write_bytes(path.name.encode())
    return paths


def folder(model: Path, **changes: Any) -> ResultFolder:  # noqa: ANN401 - fields of the request
    settings: dict[str, Any] = {
        "model": model,
        "inputs": [],
        "out": model.parent / "out",
        "save": ("labels",),
    }
    (model.parent / "out").mkdir(exist_ok=True)
    return ResultFolder(PredictRequest(**settings | changes), model_sha256=file_digest(model))


def make(results: ResultFolder, images: list[Path]) -> None:
    """Let `results` be made of all `images`."""
    results.open(images)
    results.claim()
    for path in images:
        for kind in results.request.save:
            results.target(path, kind).write_bytes(b"result")
        results.finish(path, image_digest(path))
    results.note()


def test_a_result_that_is_complete_is_known_again(model: Path, images: list[Path]) -> None:
    make(folder(model), images)
    again = folder(model)
    again.open(images)
    assert [again.has(path, Silence()) for path in images] == [True, True]


class Told(Silence):
    """A listener that remembers."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def say(self, text: str) -> None:
        self.said.append(text)


def test_a_result_that_is_gone_is_made_again_and_told(model: Path, images: list[Path]) -> None:
    results = folder(model, save=("labels", "overlay"))
    make(results, images)
    results.target(images[0], "overlay").unlink()
    told = Told()
    assert [results.has(path, told) for path in images] == [False, True]
    assert told.said == ["a_overlay.png: gone; a.png is predicted again"]
    results.refuse_changed(images[0])


def test_a_result_that_is_not_as_it_was_is_never_replaced(model: Path, images: list[Path]) -> None:
    results = folder(model, save=("labels", "overlay"))
    make(results, images)
    results.target(images[0], "labels").write_bytes(b"corrected by hand")
    assert [results.has(path, Silence()) for path in images] == [False, True]
    told = r"its result a_labels\.tif is not as it was written: .* move it to another folder"
    with pytest.raises(RecordError, match=told):
        results.refuse_changed(images[0])
    folder(model, save=("labels", "overlay"), overwrite=True).refuse_changed(images[0])


def test_a_result_of_an_image_that_has_changed_is_made_again(
    model: Path, images: list[Path]
) -> None:
    make(folder(model), images)
    images[0].write_bytes(b"another image of the same name")
    again = folder(model)
    again.open(images)
    assert [again.has(path, Silence()) for path in images] == [False, True]


def test_a_result_that_was_begun_and_not_finished_is_ours_to_replace(
    model: Path, images: list[Path]
) -> None:
    killed = folder(model)
    killed.open(images)
    killed.claim()
    killed.target(images[0], "labels").write_bytes(b"begun")
    again = folder(model)
    again.open(images)
    assert not again.has(images[0], Silence())


def test_nothing_is_written_before_the_first_result(model: Path, images: list[Path]) -> None:
    folder(model).open(images)
    assert list((model.parent / "out").iterdir()) == []


def test_files_of_others_are_never_replaced(model: Path, images: list[Path]) -> None:
    target = folder(model).target(images[1], "labels")
    target.write_bytes(b"mine")
    with pytest.raises(OutputError, match=r"b_labels\.tif: is there already, and not from this"):
        folder(model).open(images)
    assert target.read_bytes() == b"mine"


def test_files_of_others_stay_beside_results(model: Path, images: list[Path]) -> None:
    results = folder(model)
    (results.request.out / "thesis.txt").write_bytes(b"mine")
    make(results, images)
    assert (results.request.out / "thesis.txt").read_bytes() == b"mine"


@pytest.mark.parametrize(
    ("changes", "difference"),
    [
        ({"save": ("labels", "overlay")}, "--save labels"),
        ({"test_time": "flips8"}, "--tta none"),
        ({"axes": "YX"}, "--axes left out"),
        ({"suffix": "_x"}, "--suffix left out"),
    ],
)
def test_results_of_other_settings_are_refused_naming_the_difference(
    model: Path, images: list[Path], changes: dict[str, Any], difference: str
) -> None:
    make(folder(model), images)
    message = f"out: holds results made with {difference}; choose another --out, or say --overwrite"
    with pytest.raises(OutputError, match=message):
        folder(model, **changes).open(images)


def test_results_of_another_model_are_refused(model: Path, images: list[Path]) -> None:
    make(folder(model), images)
    model.write_bytes(b"other weights")
    with pytest.raises(OutputError, match="holds results made with another model"):
        folder(model).open(images)


def test_overwrite_takes_the_folder_and_makes_everything_again(
    model: Path, images: list[Path]
) -> None:
    make(folder(model), images)
    over = folder(model, overwrite=True, test_time="flips8")
    make(over, images)
    assert not over.has(images[0], Silence())
    again = folder(model, test_time="flips8")
    again.open(images)
    assert again.has(images[0], Silence())


@pytest.mark.parametrize("content", [b"", b"[]", b'{"format": 1}', b"\xff"])
def test_a_record_that_is_none_is_refused_unless_overwritten(
    model: Path, images: list[Path], content: bytes
) -> None:
    (record := folder(model).path).write_bytes(content)
    message = r"predictions\.json: is damaged.*; choose another --out, or say --overwrite"
    with pytest.raises(RecordError, match=message):
        folder(model).open(images)
    assert record.read_bytes() == content
    make(folder(model, overwrite=True), images)
    assert json.loads(record.read_text("utf-8"))["format"] == 2


def test_any_flipped_bit_of_the_record_is_noticed(model: Path, images: list[Path]) -> None:
    make(folder(model), images)
    whole = folder(model).path.read_bytes()
    for position in range(0, len(whole), 7):
        flipped = bytes([whole[position] ^ 1 << position % 8])
        folder(model).path.write_bytes(whole[:position] + flipped + whole[position + 1 :])
        with pytest.raises(RecordError):
            folder(model).open(images)


def test_the_record_holds_the_digest_of_every_result(model: Path, images: list[Path]) -> None:
    make(folder(model, save=("labels", "overlay")), images)
    finished = json.loads(folder(model).path.read_text("utf-8"))["finished"]
    result = hashlib.sha256(b"result").hexdigest()
    assert finished["b"] == {
        "image_sha256": hashlib.sha256(b"b.ome.tif").hexdigest(),
        "results": {"b_labels.tif": result, "b_overlay.png": result},
    }


def test_a_name_that_is_no_text_is_refused(model: Path) -> None:
    with pytest.raises(ImageError, match=r"a\\udcff\.tif: has a name that is not UTF-8; rename it"):
        folder(model).refuse_name(Path("a\udcff.tif"))


def test_a_name_that_leaves_no_room_for_that_of_a_result_is_refused(model: Path) -> None:
    results = folder(model, save=("labels", "foreground"))
    results.refuse_name(Path(f"{'a' * 240}.tif"))
    with pytest.raises(ImageError, match="has too long a name for its foreground; shorten it"):
        results.refuse_name(Path(f"{'a' * 241}.tif"))


def test_the_digest_of_what_is_not_there_is_none(tmp_path: Path) -> None:
    assert digest_if_there(tmp_path / "none") is None
    with pytest.raises(ImageError, match="none: cannot be read"):
        image_digest(tmp_path / "none")


@pytest.mark.parametrize("overwrite", [False, True])
def test_an_image_is_never_written_over(model: Path, images: list[Path], overwrite: bool) -> None:
    (image := images[0].with_name("c.tif")).write_bytes(b"image")
    results = folder(model, out=image.parent, suffix="", overwrite=overwrite)
    with pytest.raises(OutputError, match=r"c\.tif: is an image to predict, and would be a result"):
        results.open([image])


def test_results_are_never_predicted_in_their_turn(model: Path, images: list[Path]) -> None:
    beside = folder(model, out=images[0].parent)
    make(beside, images)
    everything = sorted(path for path in images[0].parent.iterdir() if path.suffix != ".json")
    with pytest.raises(OutputError, match=r"a_labels\.tif: is an image to predict, and would be"):
        folder(model, out=images[0].parent).open(everything)


def test_what_a_killed_writer_left_is_swept(model: Path, images: list[Path]) -> None:
    out = model.parent / "out"
    out.mkdir(exist_ok=True)
    rest = out / f".0{TEMPORARY_SUFFIX}"
    rest.touch()
    folder(model).open(images)
    assert not rest.exists()


@pytest.mark.parametrize(
    ("name", "expected"), [("a.png", "a"), ("a.ome.tif", "a"), ("a.b.tif", "a.b")]
)
def test_results_bear_the_name_of_their_image(name: str, expected: str) -> None:
    assert stem(Path(name)) == expected
