"""What the held-out images of a run say of its model."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from overtile.data.sample import Annotated
from overtile.inference.predict import Predictor
from overtile.model.device import fastest_precision
from overtile.model.file import ModelRecord
from overtile.model.unet import UNet
from overtile.training.run import RunRecord
from overtile.training.validation import Validation, validate


def judge(
    network: UNet, model: ModelRecord, record: RunRecord, images: Sequence[Annotated]
) -> Validation:
    """Score images as the model of a run reads them.

    On the device of the run where that is at hand, and in its arithmetic; else on the CPU.
    """
    device, precision = torch.device(record.device), model.precision
    if device.type == "cuda" and not torch.cuda.is_available():
        device = torch.device("cpu")
        precision = fastest_precision(device)[0]
    return validate(
        Predictor(network=network.to(device), precision=precision),
        images,
        record.label_kind,
        model.prediction,
        record.class_names,
        record.task,
    )
