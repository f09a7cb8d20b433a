"""Everything that the page tells about a run, as plain values and arrays: no file, no network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from overtile.arrays import ClassMap, Floats, Labels
from overtile.choices import LabelKind
from overtile.colours import RGB
from overtile.evaluation.calibration import Reliability
from overtile.evaluation.scores import TaskScores


@dataclass(frozen=True, kw_only=True, eq=False)
class Example:
    """One annotated image as it was read, to show that image and labels belong together."""

    name: str
    pixels: Floats
    """(C, Y, X) normalised grey values, mostly in [-1, 1]."""

    labels: Labels
    """(Y, X) ids of objects, or class indices."""

    ignore: NDArray[np.bool_] | None = None
    """(Y, X), where the labels say nothing; None if they tell of all pixels."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Tile:
    """What the network sees in one step, S × S pixels, and what it is asked for, T × T < S × S."""

    pixels: Floats
    """(C, S, S) augmented grey values."""

    classes: ClassMap
    """(T, T) classes of the centre, 0…K-1."""

    weights: Floats
    """(T, T) loss weights of the centre."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Prediction:
    """One held-out image, its truth, and what the network made of it."""

    name: str
    pixels: Floats
    """(C, Y, X) normalised grey values, mostly in [-1, 1]."""

    truth: Labels
    """(Y, X) ids of objects, or class indices."""

    predicted: Labels
    """(Y, X) ids of objects, or class indices."""

    foreground: Floats
    """(Y, X) probability of being foreground, in [0, 1]."""

    scores: Mapping[str, str | int | float]
    """The row of this image in `TaskScores.per_image`; text, such as its name, is not shown."""

    ignore: NDArray[np.bool_] | None = None
    """(Y, X), where the truth says nothing; None if it tells of all pixels."""


@dataclass(frozen=True, kw_only=True)
class LearningStory:
    """Trainings on more and more images, judged by the same held-out ones."""

    points: Sequence[tuple[int, float, float, float]]
    """Images that were learnt from, the headline, and the range of its mean, 95 % confidence."""

    verdict: str
    """Whether more annotation would help, in words."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Story:
    """What the page tells; an empty sequence or None where something is not known yet."""

    name: str
    """What a person calls the run: the name of its folder."""

    version: str
    """Release of overtile that trained."""

    created: str
    """When the run began: UTC, ISO 8601."""

    finished: bool
    device: str
    """The machine in words."""

    label_kind: LabelKind
    class_names: Sequence[str]
    """Names of the K classes, background first."""

    class_colours: Sequence[RGB]
    """Of the classes behind the background."""

    facts: Sequence[tuple[str, str]]
    """The data as understood: names and values."""

    decisions: Sequence[str]
    """Why the recipe is what it is, one sentence each."""

    recipe_toml: str
    training_names: Sequence[str]
    """Images that were trained on."""

    validation_names: Sequence[str]
    """Images that were held out; empty if none was."""

    commands: Sequence[tuple[str, str]]
    """What to do next: a purpose and the exact command for it."""

    headline: str
    """Name of the score to quote, a key of every entry of `validations`."""

    lower_is_better: bool
    """Whether a lower headline is the better one."""

    losses: Sequence[tuple[int, float, float, float]] = ()
    """Step, seconds since the start, mean loss since the last entry, learning rate."""

    warnings: Sequence[str] = ()
    """What went wrong without ending the run: likely cause and remedy."""

    validations: Sequence[Mapping[str, float]] = ()
    """Each holds `step`, `seconds` and the summary of its scores."""

    best_step: int | None = None
    """Step of the weights that were kept."""

    learning: LearningStory | None = None
    """What fewer images came to; None if nobody tried."""

    scores: TaskScores | None = None
    """Scores of the weights that were kept, on the held-out images."""

    reliability: tuple[Reliability, Reliability] | None = None
    """How sure the network is of held-out pixels, and how often right: before and after the
    temperature. None if nothing was held out."""

    seconds: float = 0.0
    """Time trained so far."""

    parameters: int = 0
    """Numbers that the network learns."""

    peak_memory_mb: float = 0.0
    examples: Sequence[Example] = ()
    weighed: Sequence[Tile] = ()
    """Tiles whose weight maps are shown."""

    augmented: Sequence[Tile] = ()
    """Tiles that show whether augmentation is plausible; may be those of `weighed`."""

    predictions: Sequence[Prediction] = ()
    """In any order; the page shows the worst first."""

    @property
    def steps(self) -> int:
        """Steps done so far, as far as the history says."""
        return max((entry[0] for entry in self.losses), default=self.best_step or 0)

    @property
    def headline_value(self) -> float | None:
        """The score of the weights that were kept; None if nothing was validated yet."""
        if self.scores is not None:
            return self.scores.summary[self.scores.headline]
        for entry in self.validations:
            if entry["step"] == self.best_step and self.headline in entry:
                return entry[self.headline]
        return None
