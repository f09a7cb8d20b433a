from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray
from PIL import Image as Pillow

from overtile.arrays import Labels
from overtile.data.normalise import normalise
from overtile.errors import (
    ConfigError,
    ImageError,
    ModelError,
    OutputError,
    PairError,
    StoppedError,
)
from overtile.inference import choose
from overtile.inference.agreement import Agreement
from overtile.inference.instances import label_instances
from overtile.inference.predict import Predictor
from overtile.io import Image, read_image, read_labels, write_labels
from overtile.locks import locked
from overtile.model.file import load_model, save_model
from overtile.progress import Silence
from overtile.records import read_record
from overtile.storage import make_folder
from overtile.workflows.predict import PredictResult, predict
from overtile.workflows.results import (
    RECORD_NAME,
    PredictionRecord,
    PredictRequest,
    ResultFolder,
    ResultKind,
)
from overtile.workflows.verify import verify_results

WriteTiff = Callable[[Path, NDArray[Any]], Path]


class Told(Silence):
    """A listener that remembers."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.states: list[tuple[str, float, float, str]] = []

    def say(self, text: str) -> None:
        self.said.append(text)

    def advance(self, task: str, done: float, total: float, note: str = "") -> None:
        self.states.append((task, done, total, note))


@pytest.fixture
def request_(trained: Path, cells: Path, tmp_path: Path, one_thread: None) -> PredictRequest:
    """Labels of two of the four cells."""
    return PredictRequest(
        model=trained,
        inputs=[str(cells / "images" / "cell[01].tif")],
        out=tmp_path / "out",
        save=("labels",),
        device="cpu",
    )


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_every_kind_of_result_has_its_name_and_type(request_: PredictRequest) -> None:
    predict(replace(request_, save=get_args(ResultKind)))
    maps = ("foreground", "probabilities", "uncertainty")
    kinds = {"labels": np.uint8, **dict.fromkeys(maps, np.float32)}
    for kind, dtype in kinds.items():
        array = tifffile.imread(request_.out / f"cell0_{kind}.tif")
        assert array.dtype == dtype
        assert array.shape[-2:] == (64, 64)
    with Pillow.open(request_.out / "cell0_overlay.png") as overlay:
        assert (overlay.format, overlay.mode, overlay.size) == ("PNG", "RGB", (64, 64))
    assert len(names(request_.out)) == 2 * 5 + 1


def test_results_are_what_the_network_says(request_: PredictRequest) -> None:
    predict(replace(request_, save=get_args(ResultKind), exact=True))
    network, record = load_model(request_.model)
    image = read_image(request_.inputs[0].replace("[01]", "0"))
    expected = Predictor(network=network).probabilities(normalise(image.pixels[0]))
    found = read_image(request_.out / "cell0_probabilities.tif")
    np.testing.assert_array_equal(found.pixels[0], expected)
    foreground = read_image(request_.out / "cell0_foreground.tif").pixels[0, 0]
    np.testing.assert_array_equal(foreground, 1 - expected[0])
    labels = read_labels(request_.out / "cell0_labels.tif").pixels[0, 0]
    np.testing.assert_array_equal(labels, label_instances(foreground, record.prediction))


def test_uncertainty_is_what_the_softened_likeliest_class_leaves(request_: PredictRequest) -> None:
    network, model = load_model(request_.model)
    heated = model.prediction.model_copy(update={"temperature": 2.0})
    file = request_.out.parent / "heated.safetensors"
    save_model(file, network, model.model_copy(update={"prediction": heated}))
    predict(replace(request_, model=file, save=("probabilities", "uncertainty")))
    probabilities = read_image(request_.out / "cell0_probabilities.tif").pixels[0]
    found = read_image(request_.out / "cell0_uncertainty.tif").pixels[0, 0]
    roots = np.sqrt(probabilities)  # logits halved
    np.testing.assert_allclose(found, 1 - (roots / roots.sum(axis=0)).max(axis=0), atol=1e-5)
    assert found.dtype == np.float32
    assert 0 <= found.min() < found.max() <= 0.5


def test_a_folder_goes_on_in_integers_with_the_ranges_of_its_first_image(
    request_: PredictRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(choose, "INT8_GATE", Agreement(flipped=1.0, difference=1.0))
    save = get_args(ResultKind)
    together = replace(request_, save=save, fast=True)
    predict(together)
    record = read_record(together.out / RECORD_NAME, PredictionRecord)
    assert (record.precision, len(record.ranges) > 0) == ("int8", True)

    in_turns = replace(together, out=tmp_path / "in turns")
    for number in "01":
        one = request_.inputs[0].replace("[01]", number)
        predict(replace(in_turns, inputs=(one,)))
    for name in names(together.out):
        if name != RECORD_NAME:
            assert (in_turns.out / name).read_bytes() == (together.out / name).read_bytes()


def test_fast_and_exact_contradict_each_other(request_: PredictRequest) -> None:
    with pytest.raises(ConfigError, match="contradict"):
        predict(replace(request_, fast=True, exact=True))
    assert not request_.out.exists()


def test_fast_without_its_extra_is_one_error_for_all_images(
    request_: PredictRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "openvino", None)
    with pytest.raises(ConfigError, match="OpenVINO, which is not installed"):
        predict(replace(request_, fast=True))
    assert not request_.out.exists()


def test_results_keep_the_pixel_size(request_: PredictRequest) -> None:
    predict(request_)
    assert read_labels(request_.out / "cell0_labels.tif").pixel_size_um == (0.5, 0.5)


def test_the_result_counts_objects_of_each_image(request_: PredictRequest) -> None:
    result = predict(request_)
    assert result.written == ("cell0.tif", "cell1.tif")
    for name, count in result.objects.items():
        labels = tifffile.imread(request_.out / name.replace(".tif", "_labels.tif"))
        assert labels.max() == count
    assert PredictResult.model_validate_json(result.model_dump_json()) == result


def test_a_stack_gives_a_stack(
    request_: PredictRequest, tmp_path: Path, write_tiff: WriteTiff
) -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (3, 20, 30)).astype(np.uint8)
    stack = write_tiff(tmp_path / "stack.tif", pixels)
    told = Told()
    result = predict(replace(request_, inputs=[str(stack)], save=("labels", "overlay")), told)
    labels = read_labels(request_.out / "stack_labels.tif")
    assert labels.pixels.shape == (3, 1, 20, 30)
    assert result.objects == {"stack.tif": sum(int(page.max()) for page in labels.pixels)}
    assert [state[1] for state in told.states] == sorted(state[1] for state in told.states)


def test_an_image_of_one_pixel_is_predicted(
    request_: PredictRequest, tmp_path: Path, write_tiff: WriteTiff
) -> None:
    path = write_tiff(tmp_path / "dot.tif", np.ones((1, 1), np.uint16))
    predict(replace(request_, inputs=[str(path)]))
    assert tifffile.imread(request_.out / "dot_labels.tif").shape == (1, 1)


def test_a_second_call_keeps_what_is_finished(request_: PredictRequest, cells: Path) -> None:
    predict(request_)
    before = (request_.out / "cell0_labels.tif").stat().st_mtime_ns
    result = predict(replace(request_, inputs=[str(cells / "images")]))
    assert result.kept == ("cell0.tif", "cell1.tif")
    assert result.written == ("cell2.tif", "cell3.tif")
    assert (request_.out / "cell0_labels.tif").stat().st_mtime_ns == before


def test_a_suffix_renames_the_one_kind_that_is_saved(request_: PredictRequest) -> None:
    predict(replace(request_, suffix="_cp_masks"))
    assert names(request_.out) == [
        "cell0_cp_masks.tif",
        "cell1_cp_masks.tif",
        "predictions.json",
    ]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"suffix": "_x", "save": ("labels", "overlay")},
            "renames one kind .* asks for 2; save",
        ),
        ({"suffix": "../x"}, "'../x' is no end of a file name; give one without folders"),
        ({"suffix": "a/b"}, "is no end of a file name"),
        ({"device": "tpu"}, "'tpu' is not a device"),
    ],
)
def test_an_impossible_request_leaves_nothing(
    request_: PredictRequest, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        predict(replace(request_, **changes))
    assert not request_.out.exists()


def test_a_missing_model_leaves_nothing(request_: PredictRequest, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="none: cannot be read"):
        predict(replace(request_, model=tmp_path / "none"))
    assert not request_.out.exists()


def test_equal_stems_are_refused(request_: PredictRequest, cells: Path, tmp_path: Path) -> None:
    shutil.copy(cells / "images" / "cell0.tif", tmp_path / "cell0.ome.tif")
    inputs = [*request_.inputs, str(tmp_path / "cell0.ome.tif")]
    with pytest.raises(PairError, match=r"same name as .*cell0\.tif, so that results would over"):
        predict(replace(request_, inputs=inputs))
    assert not request_.out.exists()


def test_a_place_that_is_no_folder_is_refused(request_: PredictRequest, tmp_path: Path) -> None:
    (taken := tmp_path / "file").touch()
    with pytest.raises(OutputError, match="file: is not a folder that can be written to"):
        predict(replace(request_, out=taken))


def test_a_folder_that_another_process_holds_is_left_alone(request_: PredictRequest) -> None:
    with locked(make_folder(request_.out)):
        before = names(request_.out)
        with pytest.raises(OutputError, match=r"out: is in use by process .* since"):
            predict(request_)
        assert names(request_.out) == before


def test_labels_that_were_corrected_by_hand_are_kept_and_the_others_go_on(
    request_: PredictRequest,
) -> None:
    predict(request_)
    mine = request_.out / "cell0_labels.tif"
    mine.write_bytes(b"corrected by hand")
    (request_.out / "cell1_labels.tif").unlink()
    result = predict(request_)
    assert mine.read_bytes() == b"corrected by hand"
    assert result.written == ("cell1.tif",)
    assert "cell0.tif: its result cell0_labels.tif is not as it was written" in result.failed[0]
    mine.unlink()
    assert predict(request_).written == ("cell0.tif",)


def test_a_full_disk_is_found_before_the_network_runs(
    request_: PredictRequest, tmp_path: Path, write_tiff: WriteTiff, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = write_tiff(tmp_path / "large.tif", np.ones((200, 200), np.uint8))
    monkeypatch.setattr("overtile.storage.disk.free_bytes", lambda folder: 150)
    monkeypatch.setattr(Predictor, "probabilities", None)
    # A byte of the labels and four of the foreground for each pixel, 1032 of them told by one.
    with pytest.raises(OutputError, match=f"{200 * 200 * 5 // 1032} bytes are needed and 150 are"):
        predict(replace(request_, inputs=[str(image)], save=("labels", "foreground")))


def test_a_name_too_long_for_its_results_is_found_first_and_stops_no_other(
    request_: PredictRequest, tmp_path: Path, write_tiff: WriteTiff
) -> None:
    long = write_tiff(tmp_path / f"{'a' * 250}.tif", np.ones((9, 9), np.uint8))
    result = predict(replace(request_, inputs=[str(long), *request_.inputs]))
    assert result.written == ("cell0.tif", "cell1.tif")
    assert result.failed == (f"{long}: has too long a name for its labels; shorten it",)


def test_an_image_that_is_named_twice_is_predicted_once(request_: PredictRequest) -> None:
    result = predict(replace(request_, inputs=[*request_.inputs, *request_.inputs]))
    assert result.written == ("cell0.tif", "cell1.tif")


def test_one_bad_image_does_not_stop_the_others(
    request_: PredictRequest, cells: Path, tmp_path: Path
) -> None:
    bad = tmp_path / "bad.tif"
    bad.write_bytes((cells / "images" / "cell0.tif").read_bytes()[:200])
    told = Told()
    result = predict(replace(request_, inputs=[str(bad), *request_.inputs]), told)
    assert result.written == ("cell0.tif", "cell1.tif")
    assert len(result.failed) == 1
    assert result.failed[0].startswith(f"{bad}: ")
    assert f"left out {result.failed[0]}" in told.said
    assert "bad_labels.tif" not in names(request_.out)


def test_one_bad_image_alone_is_an_error_and_leaves_no_file(
    request_: PredictRequest, tmp_path: Path
) -> None:
    (tmp_path / "bad.tif").write_bytes(b"")
    with pytest.raises(ImageError, match=r"bad\.tif: is empty; copy or download it again"):
        predict(replace(request_, inputs=[str(tmp_path / "bad.tif")]))
    assert names(request_.out) == []


def test_another_number_of_channels_is_told_with_the_file(
    request_: PredictRequest, tmp_path: Path
) -> None:
    Pillow.new("RGB", (20, 20)).save(tmp_path / "colour.png")
    with pytest.raises(
        ImageError, match=r"colour\.png: has 3 channels, the model was trained on 1"
    ):
        predict(replace(request_, inputs=[str(tmp_path / "colour.png")]))


def test_axes_that_the_user_names_are_used(request_: PredictRequest, tmp_path: Path) -> None:
    Pillow.new("RGB", (20, 20)).save(tmp_path / "pages.png")
    predict(replace(request_, inputs=[str(tmp_path / "pages.png")], axes="YXZ"))
    assert read_labels(request_.out / "pages_labels.tif").pages == 3


def test_stopping_keeps_finished_results_and_the_same_call_goes_on(
    request_: PredictRequest,
) -> None:
    def should_stop() -> int | None:
        return 130 if (request_.out / "cell0_labels.tif").exists() else None

    message = r"stopped after 1 of 2 images; finished results stay; the same command goes on"
    with pytest.raises(StoppedError, match=message) as stop:
        predict(request_, should_stop=should_stop)
    assert stop.value.exit_code == 130
    result = predict(request_)
    assert (result.kept, result.written) == (("cell0.tif",), ("cell1.tif",))


def test_a_disk_that_fails_part_way_stops_resumably(
    request_: PredictRequest, monkeypatch: pytest.MonkeyPatch
) -> None:

    def full_after_the_first(path: Path, labels: Labels, *, like: Image) -> None:
        if path.name == "cell1_labels.tif":
            raise OutputError("cannot be written (no space left)", path=path)
        write_labels(path, labels, like=like)

    monkeypatch.setattr("overtile.workflows.one_image.write_labels", full_after_the_first)
    with pytest.raises(StoppedError, match=r"no space left.*after 1 of 2 images") as stop:
        predict(request_)
    assert stop.value.exit_code == 3
    monkeypatch.undo()
    assert predict(request_).kept == ("cell0.tif",)


def test_averaged_versions_give_other_probabilities(
    request_: PredictRequest, tmp_path: Path
) -> None:
    plain = replace(request_, save=("foreground",))
    predict(plain)
    predict(replace(plain, test_time="flips8", out=tmp_path / "flips"))
    one = tifffile.imread(request_.out / "cell0_foreground.tif")
    other = tifffile.imread(tmp_path / "flips" / "cell0_foreground.tif")
    assert not np.array_equal(one, other)


def test_progress_names_the_model_and_counts_images(request_: PredictRequest) -> None:
    told = Told()
    predict(request_, told)
    assert told.said[0].startswith(f"model {request_.model / 'model.safetensors'} on CPU, ")
    assert told.said[0].endswith("; 2 image files")
    assert [told.states[0], told.states[-1]] == [
        ("predicting", 0, 2, "cell0.tif"),
        ("predicting", 2, 2, "cell1.tif"),
    ]


def test_the_record_of_many_images_is_not_written_for_each(
    request_: PredictRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[int] = []
    original = ResultFolder.note

    def counting(folder: ResultFolder) -> None:
        written.append(len(folder.record.finished))
        original(folder)

    monkeypatch.setattr(ResultFolder, "note", counting)
    inputs = [request_.inputs[0].replace("[01]", "*")]
    predict(replace(request_, inputs=inputs))
    assert written == [1, 4]  # the first one at once, the others within two seconds
    assert verify_results(request_.out).complete
