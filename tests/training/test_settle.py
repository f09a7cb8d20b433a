"""The last word of a run that has learnt from strokes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from overtile.choices import LabelKind
from overtile.config import PredictionConfig, Recipe, TrainingConfig
from overtile.data.partial import PartialLabels
from overtile.data.sample import Annotated
from overtile.inference.instances import label_instances
from overtile.training.run import RunFolder, RunRecord
from overtile.training.settle import choose
from overtile.training.validation import Predicted

PAIRS = 12


def joined_pairs() -> Predicted:
    """Pairs of squares joined by a faint bridge, a speck beside each, a stroke on each square."""
    probability = np.full((12 * PAIRS, 24), 0.05, np.float32)
    strokes, ignore = np.zeros(probability.shape, np.uint32), np.ones(probability.shape, bool)
    for pair in range(PAIRS):
        top = 12 * pair + 2
        for side, left in enumerate((2, 10)):
            probability[top : top + 7, left : left + 7] = 0.95
            strokes[top + 3, left + 1 : left + 6] = 2 * pair + side + 1
        probability[top + 3, 9] = 0.55
        probability[top, 20] = 0.6
    ignore[strokes > 0] = False
    ignore[:, 22:] = False
    image = Annotated(name="pairs", pixels=probability[None], labels=strokes, ignore=ignore)
    objects = label_instances(probability)
    return Predicted(
        image=image, probabilities=np.stack([1 - probability, probability]), objects=objects
    )


@pytest.fixture
def record(trained: Path) -> RunRecord:
    """Of a run that has learnt from strokes on objects."""
    recipe = Recipe(name="tiny", training=TrainingConfig(tile_output=16, tune_objects=True))
    strokes = PartialLabels(sparse=True)
    return RunFolder(trained).record().model_copy(update={"recipe": recipe, "partial": strokes})


def test_strokes_choose_the_thresholds_and_the_smallest_object(record: RunRecord) -> None:
    twice = [joined_pairs(), joined_pairs()]
    assert twice[0].objects.max() == 2 * PAIRS  # pairs in one, and specks
    settled = choose(twice, record)
    objects, smallest, _ = settled.decisions
    assert smallest.startswith("smallest object: 24 px, half of what 99 in 100 predicted ones")
    assert "0 merges instead of" in objects
    assert objects.endswith(", on the painted pixels")
    assert settled.prediction.core > 0.55
    assert settled.found is not None


@pytest.mark.parametrize(
    ("kind", "sparse", "smallest_px", "told"),
    [
        ("instances", True, 7, ["objects", "uncertainty"]),
        ("binary", True, 0, ["smallest object", "uncertainty"]),
        ("instances", False, 0, ["objects", "uncertainty"]),
    ],
)
def test_each_kind_of_strokes_chooses_what_it_can_tell(
    record: RunRecord, kind: LabelKind, sparse: bool, smallest_px: int, told: list[str]
) -> None:
    prediction = PredictionConfig(smallest_object_px=smallest_px)
    what = record.model_copy(
        update={
            "label_kind": kind,
            "partial": PartialLabels(sparse=sparse),
            "recipe": record.recipe.model_copy(update={"prediction": prediction}),
        }
    )
    settled = choose([joined_pairs(), joined_pairs()], what)
    assert [line.split(":")[0] for line in settled.decisions] == told
