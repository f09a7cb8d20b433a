"""The last word of a run: how the probabilities of its best model are read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from overtile.config import PredictionConfig
from overtile.progress import StopRequest, never
from overtile.training.calibrate import fit_temperature, measure_reliability
from overtile.training.run import RunRecord
from overtile.training.tune import tune_objects
from overtile.training.validation import Predicted


@dataclass(frozen=True, kw_only=True)
class Settled:
    """What was chosen, and why."""

    prediction: PredictionConfig
    decisions: tuple[str, ...]


def settle(
    predicted: Sequence[Predicted], record: RunRecord, should_stop: StopRequest = never
) -> Settled:
    """Choose thresholds and growth of objects, if the recipe wants it, and the temperature.

    Parameters
    ----------
    predicted : sequence of Predicted
        Validation images, as the best model sees them.
    record : RunRecord
    should_stop : callable, optional

    Raises
    ------
    StoppedError
        If `should_stop` gave an exit code.
    """
    prediction, decisions = record.recipe.prediction, []
    if record.recipe.training.tune_objects and record.task == "instances":
        tuned = tune_objects(predicted, prediction, should_stop)
        prediction = tuned.prediction
        decisions.append(f"objects: {tuned.reason}")
    kind = record.label_kind
    temperature = fit_temperature(predicted, kind)
    before, after = (measure_reliability(predicted, kind, t).error for t in (1.0, temperature))
    decisions.append(
        f"uncertainty: temperature {temperature:g}, so that how sure the network is and how often "
        f"it is right differ by {100 * after:.2g} % instead of {100 * before:.2g} %"
    )
    return Settled(
        prediction=prediction.model_copy(update={"temperature": temperature}),
        decisions=tuple(decisions),
    )
