"""U-Net segmentation for biomedical images from a handful of annotated examples.

The house, from the roof down; a floor imports only from floors below it:

=================  =================================================================
``cli``            the command ``overtile``
``workflows``      what a person does: check, train, predict, evaluate, report, demo
``training``       plan, loop, loss, run folder, session
``report``         the page that tells a run
``inference``      overlap-tile prediction, test-time views, objects
``data``           normalise, augment, deform, separate, weigh, check, generate
``model``          the network, its geometry, its file
``evaluation``     scores: arrays in, numbers out
``io``             image files to arrays and back
``config``         the recipe, checked once
``storage``        the only module that writes
=================  =================================================================

Names listed in `__all__` are imported when they are first used, so that whoever only scores never
loads torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

__version__ = "0.1.0"

if TYPE_CHECKING:
    from overtile.config import Recipe, read_recipe
    from overtile.data.normalise import normalise
    from overtile.data.targets import separate_touching
    from overtile.data.weight_map import border_weight_map
    from overtile.errors import OvertileError
    from overtile.evaluation import score_classes, score_instances, score_isbi2012
    from overtile.inference.predict import Predictor
    from overtile.io import read_image, read_labels
    from overtile.model.file import load_model
    from overtile.model.unet import UNet
    from overtile.workflows.annotated import Source
    from overtile.workflows.check import check
    from overtile.workflows.evaluate import EvaluateRequest, evaluate
    from overtile.workflows.hold_out import HoldOut
    from overtile.workflows.predict import predict
    from overtile.workflows.results import PredictRequest
    from overtile.workflows.train import train
    from overtile.workflows.train_request import TrainRequest

_HOMES = {
    "EvaluateRequest": "workflows.evaluate",
    "HoldOut": "workflows.hold_out",
    "OvertileError": "errors",
    "PredictRequest": "workflows.results",
    "Predictor": "inference.predict",
    "Recipe": "config",
    "Source": "workflows.annotated",
    "TrainRequest": "workflows.train_request",
    "UNet": "model.unet",
    "border_weight_map": "data.weight_map",
    "check": "workflows.check",
    "evaluate": "workflows.evaluate",
    "load_model": "model.file",
    "normalise": "data.normalise",
    "predict": "workflows.predict",
    "read_image": "io",
    "read_labels": "io",
    "read_recipe": "config",
    "score_classes": "evaluation",
    "score_instances": "evaluation",
    "score_isbi2012": "evaluation",
    "separate_touching": "data.targets",
    "train": "workflows.train",
}

__all__ = [
    "EvaluateRequest",
    "HoldOut",
    "OvertileError",
    "PredictRequest",
    "Predictor",
    "Recipe",
    "Source",
    "TrainRequest",
    "UNet",
    "border_weight_map",
    "check",
    "evaluate",
    "load_model",
    "normalise",
    "predict",
    "read_image",
    "read_labels",
    "read_recipe",
    "score_classes",
    "score_instances",
    "score_isbi2012",
    "separate_touching",
    "train",
]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
