from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tifffile

from overtile.errors import ConfigError, OutputError, RecordError, StoppedError
from overtile.inference.predict import Predictor
from overtile.model.file import load_model
from overtile.progress import never
from overtile.records import read_record
from overtile.training import session, tune
from overtile.training.run import RunFolder
from overtile.training.settle import choose
from overtile.training.validation import read_anew, score_predicted, validate
from overtile.workflows import folds as cross
from overtile.workflows import predict as predicting
from overtile.workflows import train as training
from overtile.workflows.annotated import Source
from overtile.workflows.folds import FoldsResult, train_in_folds
from overtile.workflows.hold_out import HoldOut
from overtile.workflows.parts import FOLDS_NAME
from overtile.workflows.predict import predict
from overtile.workflows.results import PredictRequest
from overtile.workflows.run_data import gather_again
from overtile.workflows.train import train
from overtile.workflows.train_request import TrainRequest


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out pages and turned versions, and tune by few objects: each has tests of its own."""
    monkeypatch.setattr(training, "write_report", lambda folder, *_: folder.path / "report.html")
    monkeypatch.setattr(session, "what_views_give", lambda *_: "turned versions: not tried")
    monkeypatch.setattr(tune, "LEAST_OBJECTS", 1)


@pytest.fixture
def request_(cells: Path, tiny_recipe: Path, tmp_path: Path, one_thread: None) -> TrainRequest:
    tuning = tmp_path / "tuning.toml"
    assert "[training]\n" in tiny_recipe.read_text()
    tuning.write_text(
        tiny_recipe.read_text().replace("[training]\n", "[training]\ntune_objects = true\n")
    )
    return TrainRequest(
        source=Source(images=str(cells / "images"), labels=str(cells / "labels")),
        out=tmp_path / "run",
        recipe=str(tuning),
        steps=2,
        device="cpu",
    )


def test_every_image_is_held_out_once_and_the_last_network_learns_from_all(
    request_: TrainRequest,
) -> None:
    result = train_in_folds(request_, 2)
    records = [RunFolder(request_.out / name).record() for name in ("fold-1", "fold-2", "all")]
    held_out = [{page.name for page in record.validation} for record in records]
    learnt = [{page.name for page in record.training} for record in records]
    assert [len(names) for names in held_out] == [2, 2, 0]
    assert not held_out[0] & held_out[1]
    assert learnt[0] == held_out[1]
    assert len(learnt[2]) == 4
    assert {row["image"] for row in result.scores.per_image} == held_out[0] | held_out[1]
    assert {row["image"] for row in result.scores.per_image if row["fold"] == 2} == held_out[1]
    assert result.model == str(request_.out / "all" / "model.safetensors")
    assert read_record(request_.out / FOLDS_NAME, FoldsResult) == result


def test_a_fold_is_scored_by_its_own_network_with_thresholds_that_the_other_chose(
    request_: TrainRequest,
) -> None:
    result = train_in_folds(replace(request_, steps=6), 2)
    predicted = []
    for name in ("fold-1", "fold-2"):
        record = RunFolder(request_.out / name).record()
        network, model = load_model(request_.out / name)
        images = gather_again(record).split.validation
        found = validate(
            Predictor(network=network), images, "instances", model.prediction, model.class_names
        )
        predicted.append(found.predicted)
    expected: list[float] = []
    for mine, others in (predicted, predicted[::-1]):
        config = choose(others, record).prediction
        scores = score_predicted(
            read_anew(mine, "instances", config), "instances", record.class_names, "instances"
        )
        expected += [float(row["average_precision_50"]) for row in scores.per_image]
    assert result.scores.summary["average_precision_50"] == pytest.approx(np.mean(expected))
    chosen = choose([*predicted[0], *predicted[1]], record).prediction
    assert load_model(request_.out / "all")[1].prediction == chosen
    assert result.decisions[0].startswith("objects: ")


def test_minutes_are_shared_by_all_trainings(
    request_: TrainRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[TrainRequest] = []

    def note(request: TrainRequest, *_: object) -> None:
        asked.append(request)
        raise KeyError

    monkeypatch.setattr(cross, "train", note)
    with pytest.raises(KeyError):
        train_in_folds(replace(request_, steps=None, minutes=30), 4)
    assert asked[0].minutes == 6
    assert asked[0].hold_out == HoldOut(pages=(0,))
    assert asked[0].out == request_.out / "fold-1"


def test_stopped_folds_go_on_and_what_is_finished_stays(
    request_: TrainRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop_in_the_second(request: TrainRequest, *rest: object) -> object:
        if request.out.name == "fold-2":
            raise StoppedError("stopped", remedy="go on with --resume", exit_code=130)
        return train(request, *rest)  # type: ignore[arg-type]

    with monkeypatch.context() as patched:
        patched.setattr(cross, "train", stop_in_the_second)
        with pytest.raises(StoppedError):
            train_in_folds(request_, 2)
    first = (request_.out / "fold-1" / "model.safetensors").read_bytes()
    resumed = train_in_folds(replace(request_, resume=True), 2)
    assert (request_.out / "fold-1" / "model.safetensors").read_bytes() == first
    whole = train_in_folds(replace(request_, out=request_.out.parent / "whole"), 2, None, never)
    assert resumed.scores == whole.scores


def test_folds_do_not_go_on_where_none_began(request_: TrainRequest, tmp_path: Path) -> None:
    elsewhere = replace(request_, out=tmp_path / "rnu", resume=True)
    with pytest.raises(RecordError, match="rnu: holds none of the trainings that --resume is to"):
        train_in_folds(elsewhere, 2)
    assert not elsewhere.out.exists()


@pytest.mark.parametrize("folds", [0, 1, 5])
def test_folds_that_do_not_suit_the_images_are_refused_before_any_work(
    request_: TrainRequest, folds: int
) -> None:
    with pytest.raises(ConfigError, match=f"--folds {folds} does not suit 4 images"):
        train_in_folds(request_, folds)
    assert not request_.out.exists()


def test_folds_take_no_other_way_to_hold_out(request_: TrainRequest) -> None:
    with pytest.raises(ConfigError, match="--folds holds out every image in turn"):
        train_in_folds(replace(request_, hold_out=HoldOut(fraction=0.2)), 2)


def test_the_folder_of_all_folds_predicts_the_mean_of_its_networks(
    request_: TrainRequest, cells: Path, tmp_path: Path
) -> None:
    train_in_folds(request_, 2)
    image = cells / "images" / "cell0.tif"
    runs = [request_.out / name for name in ("all", "fold-1", "fold-2")]
    shown = []
    for number, model in enumerate((request_.out, *runs)):
        asked = PredictRequest(
            model=model,
            inputs=[str(image)],
            out=tmp_path / f"{number}",
            save=("probabilities",),
            exact=True,
        )
        predict(asked)
        shown.append(tifffile.imread(tmp_path / f"{number}" / "cell0_probabilities.tif"))
    assert np.abs(shown[1] - shown[2]).max() > 1e-3
    np.testing.assert_allclose(shown[0], np.mean(shown[1:], axis=0), atol=1e-6)
    with pytest.raises(OutputError, match="model"):
        predict(replace(asked, model=request_.out))


def test_the_ranges_of_one_network_are_not_taken_for_another(
    request_: TrainRequest, tmp_path: Path, cells: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train_in_folds(request_, 2)
    monkeypatch.setattr(predicting, "demand_openvino", lambda _: None)
    asked = PredictRequest(
        model=request_.out, inputs=[str(cells / "images")], out=tmp_path / "out", fast=True
    )
    with pytest.raises(ConfigError, match="--fast knows the ranges of one network, and 3 are"):
        predict(asked)
