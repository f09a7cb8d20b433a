from __future__ import annotations

from pathlib import Path

import pytest
import torch

from overtile.inference.predict import Predictor
from overtile.model.file import load_model
from overtile.training.run import RunFolder
from overtile.workflows import judge as judging
from overtile.workflows.judge import judge
from overtile.workflows.run_data import gather_again


@pytest.mark.parametrize(
    ("device", "precision", "expected"),
    [("cpu", "fp32", "fp32"), ("cpu", "bf16", "bf16"), ("cuda", "bf16", "fp32")],
)
def test_a_model_of_a_gpu_that_is_gone_is_judged_as_suits_the_processor(
    trained: Path, monkeypatch: pytest.MonkeyPatch, device: str, precision: str, expected: str
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(judging, "fastest_precision", lambda _: ("fp32", "imitated"))
    record = RunFolder(trained).record()
    images = gather_again(record).split.validation
    network, model = load_model(trained)
    used: list[str] = []

    def validate(predictor: Predictor, *arguments: object) -> None:
        used.append(predictor.precision)

    monkeypatch.setattr(judging, "validate", validate)
    judge(
        network,
        model.model_copy(update={"precision": precision}),
        record.model_copy(update={"device": device}),
        images,
    )
    assert used == [expected]
