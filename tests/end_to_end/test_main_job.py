from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image as Pillow

from overtile.cli.main import main
from overtile.data.synthetic import generate
from overtile.io import read_image, read_labels

Start = Callable[..., subprocess.Popen[str]]


@dataclass(frozen=True)
class Done:
    """What a command left on its two streams."""

    out: str
    err: str


@dataclass(frozen=True)
class Job:
    """All commands of the main job, run once, and the folder that they worked in."""

    folder: Path
    check: Done
    train: Done
    predict: Done
    evaluate: Done


@pytest.fixture(scope="session")
def job(
    start: Start, cells: Path, tiny_recipe: Path, tmp_path_factory: pytest.TempPathFactory
) -> Job:
    folder = tmp_path_factory.mktemp("main job")
    new = folder / "new images"
    new.mkdir()
    rng = np.random.default_rng(7)
    pixels = np.stack([generate("cells", (96, 64), rng)[0] for _ in range(3)])
    tifffile.imwrite(
        new / "stack é.tif",
        pixels,
        imagej=True,
        resolution=(1 / 0.065, 1 / 0.13),
        metadata={"axes": "ZYX", "unit": "um"},
    )
    Pillow.fromarray(pixels[0].astype(np.uint16) * 200).save(new / "deep.png")

    def run(*arguments: str | Path) -> Done:
        process = start(*arguments)
        out, err = process.communicate(timeout=240)
        assert process.returncode == 0, err
        return Done(out, err)

    images, labels, model = cells / "images", cells / "labels", folder / "run"
    save = "labels,foreground,probabilities,overlay"
    return Job(
        folder=folder,
        check=run("check", images, labels),
        train=run(
            *("train", images, labels, "--out", model, "--recipe", tiny_recipe, "--steps", "40"),
            *("--validation-pages", "1", "--seed", "3", "--json", folder / "train.json"),
        ),
        predict=run(
            *("predict", model, new, images / "cell1.tif", "--exact", "--out", folder / "results"),
            *("--save", save, "--json", "-"),
        ),
        evaluate=run(
            *("evaluate", folder / "results" / "cell1_labels.tif", labels / "cell1.tif"),
            *("--json", folder / "scores.json"),
        ),
    )


def read_json(path: Path) -> Any:  # noqa: ANN401 - whatever the command wrote
    return json.loads(path.read_text("utf-8"))


@contextmanager
def standing_still(folder: Path) -> Iterator[None]:
    """Hold that no file in `folder` is written, removed or added."""

    def state() -> dict[Path, int]:
        return {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}

    before = state()
    yield
    assert state() == before


def test_check_tells_facts_and_that_nothing_is_wrong(job: Job) -> None:
    assert "4 pages in 4 files" in job.check.out
    assert job.check.out.endswith("no fault was found\n")
    assert job.check.err == ""


def test_train_says_on_standard_error_what_was_understood(job: Job) -> None:
    assert "labels: instances" in job.train.err
    assert "split: 3 images to train on, 1 held out" in job.train.err
    assert "\n\n" not in job.train.err


def test_train_summarises_on_standard_output_and_says_what_is_next(job: Job) -> None:
    assert "40 steps in" in job.train.out
    last = job.train.out.splitlines()[-1]
    assert last == f"next: overtile predict '{job.folder / 'run'}' IMAGES --out DIR"


def test_train_leaves_model_checkpoints_recipe_record_and_page(job: Job) -> None:
    assert {path.name for path in (job.folder / "run").iterdir()} == {
        *("model.safetensors", "last.safetensors", "checkpoints"),
        *("recipe.toml", "run.json", "history.json", "report.html"),
    }


def test_json_of_training_holds_what_a_program_needs(job: Job) -> None:
    result = read_json(job.folder / "train.json")
    assert Path(result["model"]).is_file()
    assert Path(result["report"]).is_file()
    assert (result["steps"], result["training_images"], result["validation_images"]) == (40, 3, 1)
    assert "average_precision_50" in result["scores"]


def test_json_on_standard_output_stands_alone(job: Job) -> None:
    result = json.loads(job.predict.out)
    assert result["written"] == ["deep.png", "stack é.tif", "cell1.tif"]
    assert (result["kept"], result["failed"]) == ([], [])


def test_every_image_has_the_promised_results(job: Job) -> None:
    kinds = ("_labels.tif", "_foreground.tif", "_probabilities.tif", "_overlay.png")
    names = {path.name for path in (job.folder / "results").iterdir()}
    stems = ("cell1", "deep", "stack é")
    assert names == {f"{stem}{kind}" for stem in stems for kind in kinds} | {"predictions.json"}


@pytest.mark.parametrize(("stem", "axes", "pages"), [("deep", "YX", 1), ("stack é", "ZYX", 3)])
def test_results_have_the_promised_types_and_the_axes_of_their_image(
    job: Job, stem: str, axes: str, pages: int
) -> None:
    results = job.folder / "results"
    labels = read_labels(results / f"{stem}_labels.tif")
    foreground = read_image(results / f"{stem}_foreground.tif")
    probabilities = read_image(results / f"{stem}_probabilities.tif")
    assert tifffile.imread(results / f"{stem}_labels.tif").dtype == np.uint8
    assert (labels.axes, labels.pages, labels.size) == (axes, pages, (96, 64))
    assert (foreground.axes, foreground.channels) == (axes, 1)
    assert (probabilities.axes, probabilities.channels) == (axes.replace("YX", "CYX"), 2)
    assert foreground.pixels.dtype == probabilities.pixels.dtype == np.float32
    np.testing.assert_allclose(probabilities.pixels.sum(axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(foreground.pixels[:, 0], probabilities.pixels[:, 1], atol=1e-6)


def test_results_keep_the_pixel_size_of_their_image(job: Job) -> None:
    for kind in ("labels", "foreground", "probabilities"):
        found = read_image(job.folder / "results" / f"stack é_{kind}.tif")
        assert found.pixel_size_um == pytest.approx((0.13, 0.065))


def test_the_overlay_is_a_picture_to_look_at(job: Job) -> None:
    with Pillow.open(job.folder / "results" / "deep_overlay.png") as overlay:
        assert (overlay.format, overlay.mode, overlay.size) == ("PNG", "RGB", (64, 96))


def test_evaluate_tells_scores_and_their_convention(job: Job) -> None:
    assert job.evaluate.out.startswith("average_precision_50")
    assert "TP/(TP+FP+FN)" in job.evaluate.out
    scores = read_json(job.folder / "scores.json")
    assert (scores["task"], scores["headline"]) == ("instances", "average_precision_50")


def test_evaluate_gives_what_training_gave_for_the_same_model_and_image(job: Job) -> None:
    scores = read_json(job.folder / "scores.json")["summary"]
    assert scores == pytest.approx(read_json(job.folder / "train.json")["scores"])


@pytest.mark.parametrize("name", [".", "model.safetensors", "last.safetensors"])
def test_info_tells_what_a_model_is_for(
    job: Job, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["info", str(job.folder / "run" / name), "--json", "-"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["recipe"], told["label_kind"], told["in_channels"]) == ("tiny", "instances", 1)
    assert told["pixel_size_um"] == [0.5, 0.5]


def test_report_writes_the_page_again(job: Job, capsys: pytest.CaptureFixture[str]) -> None:
    page = job.folder / "run" / "report.html"
    before = page.stat().st_mtime_ns
    assert main(["report", str(job.folder / "run"), "--json", "-"]) == 0
    assert json.loads(capsys.readouterr().out) == {"report": str(page)}
    assert page.stat().st_mtime_ns > before
    assert "http://" not in page.read_text("utf-8").replace("http://www.w3.org", "")


def test_a_second_predict_keeps_everything(job: Job, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = predict_again(job)
    with standing_still(job.folder / "results"):
        assert main(arguments) == 0
    assert "0 images written to" in (shown := capsys.readouterr().out)
    assert "2 were there already, 0 left out" in shown


def test_other_settings_are_refused_and_change_nothing(
    job: Job, capsys: pytest.CaptureFixture[str]
) -> None:
    with standing_still(job.folder / "results"):
        assert main([*predict_again(job), "--tta", "flips8"]) == 2
    shown = capsys.readouterr().err
    assert "holds results made with --tta none; choose another --out, or say --overwrite" in shown


def predict_again(job: Job) -> list[str]:
    run, new, results = (str(job.folder / name) for name in ("run", "new images", "results"))
    save = "overlay,probabilities,foreground,labels"
    return ["predict", run, new, "--out", results, "--save", save]


def test_overwrite_replaces_results_of_other_settings(
    job: Job, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    image = str(job.folder / "new images" / "deep.png")
    arguments = ["predict", str(job.folder / "run"), image, "--out", str(tmp_path / "out")]
    assert main([*arguments, "--save", "labels"]) == 0
    assert main([*arguments, "--save", "overlay", "--overwrite"]) == 0
    assert "1 image written to" in capsys.readouterr().out.splitlines()[-1]


def test_a_suffix_renames_one_kind(job: Job, tmp_path: Path) -> None:
    image = str(job.folder / "new images" / "deep.png")
    arguments = ["predict", str(job.folder / "run"), image, "--out", str(tmp_path / "out")]
    assert main([*arguments, "--save", "labels", "--suffix", "_cp_masks"]) == 0
    assert (tmp_path / "out" / "deep_cp_masks.tif").is_file()


def test_evaluate_finds_our_results_by_name(
    job: Job, cells: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run, out = str(job.folder / "run"), str(tmp_path / "out")
    assert main(["predict", run, str(cells / "images"), "--out", out]) == 0
    capsys.readouterr()
    assert main(["evaluate", out, str(cells / "labels"), "--json", "-"]) == 0
    scores = json.loads(capsys.readouterr().out)
    assert {row["image"] for row in scores["per_image"]} == {
        f"cell{number}_labels.tif" for number in range(4)
    }


def test_check_with_a_fault_lists_it_and_ends_with_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for folder in ("images", "labels"):
        (tmp_path / folder).mkdir()
        Pillow.new("L", (8, 8)).save(tmp_path / folder / "a.png")
    assert main(["check", str(tmp_path / "images"), str(tmp_path / "labels")]) == 2
    shown = capsys.readouterr().out
    assert "FAULT: a.png: every pixel is 0; export the image again" in shown
    assert shown.endswith("mend them before training\n")


def test_help_of_every_command_comes_without_torch() -> None:
    commands = [[], *([name] for name in ("check", "train", "predict", "evaluate", "report"))]
    code = (
        "import sys; from overtile.cli.main import main;"
        f"codes = [main([*command, '--help']) for command in {commands!r}];"
        "heavy = {'torch', 'numpy', 'scipy', 'skimage', 'matplotlib'} & set(sys.modules);"
        "sys.exit(' '.join(heavy) or max(codes))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
