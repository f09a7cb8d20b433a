"""What trainings on more and more annotated images came to."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from overtile.config import Settings
from overtile.evaluation.scores import Spread

CURVE_NAME = "learning_curve.json"
"""In the folder of the trainings."""


class LearningPoint(Settings):
    """What a number of annotated images came to."""

    images: Annotated[int, Field(ge=1)]
    run: str
    value: float
    """The headline over all held-out images."""

    spread: Spread


class LearningCurve(Settings):
    """Scores on the same held-out images by the number trained on; serialises to JSON."""

    out: str
    model: str
    """Trained on all images but those held out."""

    headline: str
    points: tuple[LearningPoint, ...]
    gain: Spread
    """What all images gained over half of them, image by image; more is better."""

    verdict: str
