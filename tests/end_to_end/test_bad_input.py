"""Each bad input ends with exit code 2, one line that names fault and remedy, and no new file."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image as Pillow

from overtile.cli.main import main

Fault = Callable[[Path], object]
TRAIN = ("train", "images", "labels", "--out", "run", "--recipe", "tiny.toml", "--steps", "1")
PREDICT = ("predict", "model", "new", "--out", "results")


@pytest.fixture
def place(
    cells: Path, tiny_recipe: Path, trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """The working folder of a user who has done everything right so far."""
    shutil.copytree(cells, tmp_path, dirs_exist_ok=True)
    shutil.copytree(cells / "labels", tmp_path / "predicted")
    shutil.copy(tiny_recipe, tmp_path / "tiny.toml")
    (tmp_path / "endless.toml").write_text('name = "endless"', "utf-8")
    (tmp_path / "model").mkdir()
    shutil.copy(trained / "model.safetensors", tmp_path / "model")
    (tmp_path / "new").mkdir()
    shutil.copy(cells / "images" / "cell0.tif", tmp_path / "new" / "one.tif")
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "thesis.txt").touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def files(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def assert_refused(
    place: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], *told: str
) -> None:
    """Hold that a command ends with 2, one line that tells all of `told`, and no change on disk."""
    before = files(place)
    assert main(arguments) == 2
    shown = capsys.readouterr()
    lines = shown.err.splitlines()
    errors = [line for line in lines if line.startswith("error: ")]
    assert errors == lines[-1:], shown.err
    assert [part for part in told if part not in errors[0]] == [], errors[0]
    assert "Traceback" not in shown.err + shown.out
    assert shown.out == ""
    assert files(place) == before


def write(path: str, array: Any) -> Fault:  # noqa: ANN401 - whatever numpy makes an array of
    return lambda place: tifffile.imwrite(place / path, array, photometric="minisblack")


def put(path: str, content: bytes) -> Fault:
    return lambda place: (place / path).write_bytes(content)


def cut(path: str, size: int) -> Fault:
    return lambda place: (place / path).write_bytes((place / path).read_bytes()[:size])


def remove(path: str) -> Fault:
    return lambda place: (place / path).unlink()


def paint(path: str) -> Fault:
    """Put a mask of two colours in the place of a label image."""

    def draw(place: Path) -> None:
        picture = Pillow.new("RGB", (64, 64), "red")
        picture.paste("blue", (0, 0, 9, 9))
        (place / path).unlink()
        picture.save((place / path).with_suffix(".png"))

    return draw


def empty_labels(place: Path) -> None:
    for path in (place / "labels").iterdir():
        tifffile.imwrite(path, np.zeros((64, 64), np.uint8))


def with_nan() -> np.ndarray[Any, Any]:
    pixels = np.zeros((64, 64), np.float32)
    pixels[3, 4] = np.nan
    return pixels


BAD_IMAGES: dict[str, tuple[Fault, tuple[str, ...]]] = {
    "empty": (put("images/cell1.tif", b""), ("cell1.tif: is empty", "download it again")),
    "truncated": (cut("images/cell1.tif", 900), ("cell1.tif: ", "copy or export it again")),
    "cut in its header": (cut("images/cell1.tif", 20), ("cell1.tif: cannot be decoded", "damaged")),
    "text": (put("images/cell1.tif", b"grey"), ("cell1.tif: is not a PNG, JPEG or TIFF", "give")),
    "web page": (put("images/cell1.tif", b"<html>"), ("cell1.tif: is a web page", "download")),
    "NaN": (
        write("images/cell1.tif", with_nan()),
        ("cell1.tif: holds 1 NaN or infinite pixels", "replace them"),
    ),
    "constant": (
        write("images/cell1.tif", np.full((64, 64), 9, np.uint8)),
        ("cell1.tif: every pixel is 9", "leave it out"),
    ),
    "other channels": (
        lambda place: (
            Pillow.effect_noise((64, 64), 50).convert("RGB").save(place / "images" / "cell1.tif")
        ),
        ("cell1.tif: has 3 channels, cell0.tif has 1", "images of one kind"),
    ),
    "unpaired image": (
        remove("labels/cell1.tif"),
        ("images: 1 of 4 images lack labels (cell1.tif)", "pairs with the label file"),
    ),
    "unpaired labels": (
        remove("images/cell1.tif"),
        ("images: 1 of 4 label files lack an image (cell1.tif)", "pairs with the label file"),
    ),
    "other size": (
        write("labels/cell1.tif", np.eye(60, dtype=np.uint8)),
        ("cell1.tif: the image is 64x64 px, its labels 60x60 px", "check --axes"),
    ),
    "other pages": (
        write("labels/cell1.tif", np.ones((5, 64, 64), np.uint8)),
        ("cell1.tif: has 1 pages, its labels cell1.tif have 5", "as many label pages"),
    ),
    "no foreground": (empty_labels, ("labels: no label image has any foreground", "0 means back")),
    "coloured mask": (
        paint("labels/cell1.tif"),
        ("cell1.png: is a coloured mask with 2 colours", "save one integer per pixel"),
    ),
    "fractions": (
        write("labels/cell1.tif", np.full((64, 64), 0.5)),
        ("cell1.tif: holds 4096 pixels that are fractions", "save one integer"),
    ),
    "foreground all over": (
        lambda place: [
            tifffile.imwrite(path, np.full((64, 64), 7, np.uint8))
            for path in (place / "labels").iterdir()
        ],
        (
            "cell0.tif: its labels, and those of all images, have no background",
            "0 means background",
        ),
    ),
    "two labels of one image": (
        lambda place: shutil.copy(place / "labels/cell1.tif", place / "labels/cell1_mask.tif"),
        ("cell1.tif: has two label files, ", "keep one"),
    ),
    "wrong pair": (
        lambda place: shutil.copy(place / "labels/cell0.tif", place / "labels/cell1.tif"),
        ("cell1.tif: is another image with the same labels as cell0.tif", "mend or remove it"),
    ),
}


@pytest.mark.parametrize("name", BAD_IMAGES)
def test_a_training_set_that_must_be_mended_is_refused(
    place: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    spoil, told = BAD_IMAGES[name]
    spoil(place)
    assert_refused(place, capsys, TRAIN, *told)
    assert not (place / "run").exists()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("train", "none", *TRAIN[2:]), ("none: does not exist", "give an image, a folder")),
        (
            ("train", "images/cell0.tif", *TRAIN[2:]),
            ("images/cell0.tif: 3 of 4 label files lack an image", "give a stack one stack"),
        ),
        (("train", "*.jpg", *TRAIN[2:]), ("*.jpg: matches no image", "inner folders")),
        (("train", ".", *TRAIN[2:]), ("holds no image", "give a place with")),
        ((*TRAIN, "--axes", "QYX"), ("cell0.tif: axes 'QYX' hold Q", "letters of P Z T C S Y X")),
        ((*TRAIN, "--axes", "ZYX"), ("cell0.tif: axes 'ZYX' are 3 letters", "each of its 2 axes")),
        ((*TRAIN, "--ignore", "0"), ("--ignore 0 would ignore the background", "say --sparse")),
        ((*TRAIN, "--ignore", "1", "--sparse"), ("--ignore 1 would ignore", "leave it out")),
        ((*TRAIN, "--ignore", "-1"), ("'--ignore'", "see `overtile --help`")),
        ((*TRAIN, "--labels", "cells"), ("'--labels'", "see `overtile --help`")),
        ((*TRAIN, "--steps", "0"), ("--steps must be positive, got 0", "such as --steps 20")),
        ((*TRAIN, "--steps", "1.5"), ("'--steps'", "see `overtile --help`")),
        ((*TRAIN, "--minutes", "1"), ("by --minutes or by --steps", "give one of them")),
        ((*TRAIN[:-2], "--minutes", "-1"), ("--minutes must be positive, got -1", "--minutes 20")),
        ((*TRAIN[:-2], "--minutes", "inf"), ("--minutes must be positive, got inf", "20")),
        ((*TRAIN[:-2], "--minutes", "nan"), ("--minutes must be positive, got nan", "20")),
        (
            (*TRAIN[:-3], "endless.toml"),
            ("recipe endless does not say how long to train", "give --minutes or --steps"),
        ),
        ((*TRAIN, "--validation", "1"), ("--validation is a share", "from 0 up to")),
        ((*TRAIN, "--validation-pages", "1,x"), ("'1,x' is not a list of pages", "such as 3,9")),
        ((*TRAIN, "--validation-pages", "4"), ("page 4, and labelled are 0…3", "from 0")),
        ((*TRAIN, "--validation-pages", "0,1,2,3"), ("holds out all 4 pages", "leave some")),
        ((*TRAIN, "--validation-images", "new"), ("images and labels", "give both")),
        ((*TRAIN, "--folds", "1"), ("--folds 1 does not suit 4 images", "from 2 to that")),
        ((*TRAIN, "--folds", "2", "--learning-curve"), ("are two questions", "one after")),
        (
            (*TRAIN, "--folds", "2", "--validation", "0.5"),
            ("--folds holds out every image in turn", "leave out the options of validation"),
        ),
        (
            (*TRAIN, "--learning-curve", "--validation-pages", "0"),
            ("needs 4 images to learn from", "annotate a few more"),
        ),
        ((*TRAIN, "--seed", "-1"), ("'--seed'", "see `overtile --help`")),
        ((*TRAIN, "--seed", str(1 << 70)), ("'--seed'", "see `overtile --help`")),
        ((*TRAIN, "--device", "gpu"), ("'gpu' is not a device", "use auto, cpu, cuda or cuda:N")),
        ((*TRAIN, "--device", "cuda:99"), ("cuda:99 is not there", "--device cpu")),
        ((*TRAIN, "--recipe", "best"), ("no recipe 'best'", "use one of auto, paper")),
        ((*TRAIN, "--recipe", "none.toml"), ("none.toml: cannot be read", "give the path")),
        ((*TRAIN, "--out", "work"), ("work: holds other work", "choose a new folder")),
        ((*TRAIN, "--out", "tiny.toml"), ("tiny.toml: is a file", "choose a new folder")),
        ((*TRAIN, "--out", "/dev/null/run"), ("/dev/null/run: is not a folder", "choose a place")),
        ((*TRAIN, "--resume"), ("run: is not a run folder", "give the --out folder")),
        (("segment",), ("No such command 'segment'", "see `overtile --help`")),
        (("check", "none", "labels"), ("none: does not exist", "give an image")),
        (("predict", "none", *PREDICT[2:]), ("none: cannot be read", "give a run folder")),
        (("predict", "work", *PREDICT[2:]), ("work: holds no model.safetensors", "give a run")),
        (
            ("predict", "tiny.toml", *PREDICT[2:]),
            ("tiny.toml: is not a model file of overtile", "give a run folder"),
        ),
        (("predict", "model", "none", "--out", "results"), ("none: does not exist", "give")),
        (
            (
                "predict",
                "model",
                "new",
                "images",
                "new/../images/cell0.tif",
                "--out",
                "new/one.tif",
            ),
            ("new/one.tif: is not a folder", "choose a place"),
        ),
        ((*PREDICT, "--save", "masks"), ("'masks' is not a list of results", "use any of labels")),
        ((*PREDICT, "--save", ""), ("'' is not a list of results", "use any of labels")),
        ((*PREDICT, "--suffix", "_x"), ("--suffix renames one kind", "save one kind")),
        ((*PREDICT, "--tta", "all"), ("'--tta'", "see `overtile --help`")),
        ((*PREDICT, "--device", "cpu:1"), ("'cpu:1' is not a device", "use auto, cpu")),
        ((*PREDICT, "--axes", "XX"), ("one.tif: axes 'XX' name an axis twice", "each of its 2")),
        (("evaluate", "none", "labels"), ("none: does not exist", "give an image")),
        (("evaluate", "new", "labels"), ("lack a prediction", "a prediction pairs with")),
        (("evaluate", "predicted", "labels", "--pages", "9"), ("page 9, and there are", "from 0")),
        (("evaluate", "predicted", "labels", "--pages", ""), ("'' is not a list of pages", "3,9")),
        (("report", "work"), ("work: is not a run folder", "give the --out folder")),
        (("info", "images/cell0.tif"), ("cell0.tif: is not a model file", "give a run folder")),
        (("demo", "--out", "work"), ("work: holds other work", "choose another --out")),
    ],
    ids=lambda value: " ".join(value)[:70] if isinstance(value, tuple) else None,
)
def test_a_command_that_cannot_be_done_is_refused(
    place: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
    told: tuple[str, ...],
) -> None:
    assert_refused(place, capsys, arguments, *told)


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"", "is not a model file of overtile"),
        (b"\xff" * 100, "is not a model file of overtile"),
        (b"\x02\0\0\0\0\0\0\0{}", "is not a model file of overtile"),
    ],
)
@pytest.mark.parametrize("command", [PREDICT, ("info", "model")])
def test_a_model_file_that_is_none_is_refused(
    place: Path,
    capsys: pytest.CaptureFixture[str],
    command: tuple[str, ...],
    content: bytes,
    fault: str,
) -> None:
    (place / "model" / "model.safetensors").write_bytes(content)
    assert_refused(place, capsys, command, f"model.safetensors: {fault}", "give a run folder")


def test_a_model_file_that_is_cut_short_is_refused(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cut("model/model.safetensors", -1)(place)
    told = ("model.safetensors: is damaged", "fetch the file again")
    assert_refused(place, capsys, PREDICT, *told)


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (put("new/one.tif", b""), ("one.tif: is empty", "download it again")),
        (cut("new/one.tif", 900), ("one.tif: ", "copy or export it again")),
        (write("new/one.tif", with_nan()), ("one.tif: holds 1 NaN", "replace them")),
        (write("new/one.tif", np.ones((9, 9), complex)), ("one.tif: holds complex", "real")),
    ],
    ids=["empty", "truncated", "NaN", "complex"],
)
def test_an_image_that_cannot_be_predicted_is_refused(
    place: Path, capsys: pytest.CaptureFixture[str], spoil: Fault, told: tuple[str, ...]
) -> None:
    spoil(place)
    assert_refused(place, capsys, PREDICT, *told)


def test_results_of_somebody_else_are_not_replaced(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    put("work/one_labels.tif", b"mine")(place)
    arguments = (*PREDICT[:-1], "work")
    told = ("one_labels.tif: is there already, and not from this model", "choose another --out")
    assert_refused(place, capsys, arguments, *told)


def test_an_image_is_not_replaced_by_its_result_even_where_asked(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    over = ("--save", "labels", "--suffix", "", "--overwrite")
    arguments = (*PREDICT[:-1], "new", *over)
    assert_refused(place, capsys, arguments, "one.tif: is an image to predict", "apart from")


def test_images_of_one_name_are_not_predicted_into_one_folder(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Pillow.new("L", (8, 8)).save(place / "one.png")
    arguments = ("predict", "model", "new", "one.png", "--out", "results")
    told = ("one.png: has the same name as new/one.tif", "different folders")
    assert_refused(place, capsys, arguments, *told)


def test_bad_images_among_good_ones_are_named_and_end_with_2(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    put("new/bad.tif", b"")(place)
    assert main(PREDICT) == 2
    shown = capsys.readouterr()
    assert "left out new/bad.tif: is empty; copy or download it again" in shown.err.splitlines()
    assert "LEFT OUT: new/bad.tif: is empty; copy or download it again" in shown.out.splitlines()
    assert "1 image written to results, 0 were there already, 1 left out" in shown.out
    assert (place / "results" / "one_labels.tif").is_file()
    assert not (place / "results" / "bad_labels.tif").exists()
