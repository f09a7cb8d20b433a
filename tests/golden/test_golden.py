"""Every model that was ever released opens, answers its self-test and predicts as it did."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile

from overtile import __version__
from overtile.model.file import load_model, verify_model
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
    predict(PredictRequest(model=model, inputs=[image], out=tmp_path, save=SAVE, device="cpu"))
    then, now = (
        {kind: tifffile.imread(folder / f"{start}{kind}.tif") for kind in SAVE}
        for folder, start in ((release, ""), (tmp_path, "image_"))
    )
    assert now["foreground"] == pytest.approx(then["foreground"], abs=FURTHEST)
    threshold = load_model(model)[1].prediction.threshold
    sure = np.abs(then["foreground"] - threshold) > FURTHEST
    assert np.array_equal(now["labels"][sure] > 0, then["labels"][sure] > 0)
    assert now["labels"].max() == then["labels"].max() > 1
