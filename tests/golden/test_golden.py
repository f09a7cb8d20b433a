"""What was ever released opens: models predict as they did, and runs can be gone on with."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tifffile

from overtile import __version__
from overtile.model.file import load_model, verify_model, weights_digest
from overtile.model.unet import UNet
from overtile.training.keeper import Keeper
from overtile.training.loop import TrainingState
from overtile.training.run import RunFolder
from overtile.workflows.predict import predict
from overtile.workflows.results import PredictRequest, ResultKind

RELEASES = sorted(path for path in Path(__file__).parent.iterdir() if (path / "image.tif").exists())
SAVE: tuple[ResultKind, ...] = ("labels", "foreground")
FURTHEST = 1e-4
"""Of two probabilities: machines round otherwise."""


def named(release: Path) -> str:
    return release.name


def test_this_release_is_among_them() -> None:
    assert __version__ in map(named, RELEASES)


@pytest.mark.parametrize("release", RELEASES, ids=named)
def test_a_released_model_opens_and_answers_its_self_test(release: Path) -> None:
    _, record = load_model(release / "model.safetensors")
    assert record.version == release.name
    assert record.origin is not None
    assert verify_model(release / "model.safetensors").self_test is not None


@pytest.mark.parametrize("release", RELEASES, ids=named)
def test_a_released_model_predicts_as_it_did(release: Path, tmp_path: Path) -> None:
    model, image = release / "model.safetensors", str(release / "image.tif")
    request = PredictRequest(model=model, inputs=[image], out=tmp_path, save=SAVE, device="cpu")
    predict(replace(request, exact=True))
    then, now = (
        {kind: tifffile.imread(folder / f"{start}{kind}.tif") for kind in SAVE}
        for folder, start in ((release, ""), (tmp_path, "image_"))
    )
    assert now["foreground"] == pytest.approx(then["foreground"], abs=FURTHEST)
    threshold = load_model(model)[1].prediction.threshold
    sure = np.abs(then["foreground"] - threshold) > FURTHEST
    assert np.array_equal(now["labels"][sure] > 0, then["labels"][sure] > 0)
    assert now["labels"].max() == then["labels"].max() > 1


@pytest.mark.parametrize("release", RELEASES, ids=named)
def test_a_run_of_a_release_can_be_gone_on_with(release: Path, tmp_path: Path) -> None:
    folder = RunFolder(shutil.copytree(release / "run", tmp_path / "run"))
    record = folder.record()
    recipe = record.recipe
    network = UNet(record.in_channels, len(record.class_names), recipe.network)
    state = TrainingState(network, recipe)
    resumed = Keeper(folder, record).load(state)
    assert resumed is not None
    assert resumed.damaged == ()
    assert resumed.record.history == folder.history()
    last, _ = load_model(folder.path / "last.safetensors")
    assert weights_digest(state.best_guess()) == weights_digest(last)
