from __future__ import annotations

import json
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile
from safetensors.torch import load_file

from overtile.cli.main import main
from overtile.records import write_record
from overtile.training.run import RECORD_NAME, RunFolder

Start = Callable[..., subprocess.Popen[str]]
MODELS = ("model.safetensors", "last.safetensors")
STEPS = 150

pytestmark = pytest.mark.usefixtures("one_thread")


def wait_for(path: Path, process: subprocess.Popen[str]) -> None:
    """Wait until the process has written a file."""
    end = time.monotonic() + 240
    while not path.exists():
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < end, f"{path} did not come"
        time.sleep(0.005)


def stop(process: subprocess.Popen[str], number: signal.Signals) -> tuple[int, str]:
    """Send a signal; give the exit code and the last line on standard error."""
    process.send_signal(number)
    _, err = process.communicate(timeout=240)
    return process.returncode, (err.splitlines() or [""])[-1]


def weights(run: Path, name: str) -> dict[str, bytes]:
    return {key: value.numpy().tobytes() for key, value in load_file(run / name).items()}


@pytest.fixture(scope="session")
def command(cells: Path, tiny_recipe: Path) -> Callable[[Path], list[str]]:
    """The words that train a run into a folder."""

    def words(out: Path) -> list[str]:
        images, labels = str(cells / "images"), str(cells / "labels")
        recipe = ["--recipe", str(tiny_recipe), "--steps", str(STEPS), "--device", "cpu"]
        return ["train", images, labels, "--out", str(out), *recipe]

    return words


Command = Callable[[Path], list[str]]


@pytest.fixture
def whole(command: Command, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run that nobody interrupts, made once."""
    out = tmp_path_factory.getbasetemp() / "uninterrupted"
    if not out.exists():
        assert main(command(out)) == 0
    return out


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 75)])
def test_a_stopped_run_leaves_a_model_says_how_to_go_on_and_ends_as_if_never_stopped(
    start: Start, command: Command, whole: Path, tmp_path: Path, number: signal.Signals, code: int
) -> None:
    out = tmp_path / "run"
    process = start(*command(out))
    wait_for(out / "checkpoints" / "step-00000000.safetensors", process)
    found, last = stop(process, number)
    assert found == code
    assert last.startswith("stopped: stopped at step ")
    assert last.endswith("holds a usable model; go on with the same command and --resume")
    assert main(["info", str(out)]) == 0
    assert json.loads((out / "history.json").read_text("utf-8"))["step"] < STEPS
    assert main([*command(out), "--resume"]) == 0
    for name in MODELS:
        assert weights(out, name) == weights(whole, name)


def test_a_killed_run_goes_on_from_its_checkpoint_to_the_same_end(
    start: Start, command: Command, whole: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    process = start(*command(out))
    wait_for(out / "model.safetensors", process)  # written by the first validation
    assert stop(process, signal.SIGKILL)[0] == -signal.SIGKILL
    assert main([*command(out), "--resume"]) == 0
    for name in MODELS:
        assert weights(out, name) == weights(whole, name)


@pytest.fixture
def own(whole: Path, cells: Path, tmp_path: Path) -> Path:
    """A run with images of its own, which may be changed: {folder}/run, images and labels."""
    shutil.copytree(cells, tmp_path, dirs_exist_ok=True)
    shutil.copytree(whole, tmp_path / "run")
    folder = RunFolder(tmp_path / "run")
    moved = {"images": str(tmp_path / "images"), "labels": str(tmp_path / "labels")}
    write_record(folder.path / RECORD_NAME, folder.record().model_copy(update=moved))
    return tmp_path


def resume(folder: Path, *options: str) -> int:
    """Resume in-process the run in a folder."""
    places = [str(folder / "images"), str(folder / "labels"), "--out", str(folder / "run")]
    return main(["train", *places, "--resume", *options])


@pytest.mark.parametrize(
    ("options", "difference"),
    [
        (["--steps", "7"], f"--steps {STEPS}, not 7"),
        (["--seed", "1"], "--seed 0, not 1"),
        (["--recipe", "paper"], "--recipe tiny, not paper"),
        (["--validation", "0.5"], "with cell2.tif held out, not cell1.tif, cell3.tif"),
        (["--axes", "YX"], "--axes None, not YX"),
    ],
)
def test_going_on_with_other_settings_is_refused_naming_the_difference(
    own: Path, options: list[str], difference: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before = weights(own / "run", "model.safetensors")
    assert resume(own, *options) == 2
    assert difference in (last := capsys.readouterr().err.splitlines()[-1])
    assert last.startswith("error: ")
    assert weights(own / "run", "model.safetensors") == before


def test_going_on_with_changed_images_is_refused(
    own: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = own / "images" / "cell0.tif"
    tifffile.imwrite(path, 255 - tifffile.imread(path))
    assert resume(own) == 2
    error = capsys.readouterr().err
    assert "images: the images or labels are not those that the run started with" in error
    assert ": cell0.tif changed; bring them back" in error


def test_going_on_with_other_images_names_those_that_came_and_went(
    own: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for kind in ("images", "labels"):
        (own / kind / "cell3.tif").rename(own / kind / "cell9.tif")
    assert resume(own) == 2
    assert "started with: cell3.tif gone, cell9.tif new; bring" in capsys.readouterr().err


def test_a_new_run_never_takes_the_folder_of_another(
    own: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = weights(own / "run", "model.safetensors")
    places = [str(own / "images"), str(own / "labels"), "--out", str(own / "run")]
    assert main(["train", *places, "--steps", "1"]) == 2
    assert "already holds a run; go on with --resume, or choose" in capsys.readouterr().err
    assert weights(own / "run", "model.safetensors") == before


def test_ctrl_c_in_predict_keeps_finished_results_and_the_same_command_goes_on(
    start: Start, trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "in").mkdir()
    rng = np.random.default_rng(0)
    for number in range(12):
        pixels = rng.integers(0, 255, (200, 200)).astype(np.uint8)
        tifffile.imwrite(tmp_path / "in" / f"{number}.tif", pixels)
    words = [
        "predict",
        "--exact",
        str(trained),
        str(tmp_path / "in"),
        "--out",
        str(tmp_path / "out"),
    ]
    process = start(*words)
    wait_for(tmp_path / "out" / "1_labels.tif", process)
    code, last = stop(process, signal.SIGINT)
    assert code == 130
    assert last.endswith("of 12 images; finished results stay; the same command goes on")
    assert main([*words, "--json", "-"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert len(result["kept"]) >= 1
    assert len(result["kept"]) + len(result["written"]) == 12
    assert len(list((tmp_path / "out").glob("*_labels.tif"))) == 12
    assert list((tmp_path / "out").glob(".*")) == []
