"""Several trainings for one question, and what they came to on a terminal."""

from __future__ import annotations

import shlex

from overtile.cli.output import table
from overtile.cli.score_lines import score_lines
from overtile.config import Settings
from overtile.errors import ConfigError
from overtile.progress import Progress, StopRequest
from overtile.wording import counted
from overtile.workflows.folds import train_in_folds
from overtile.workflows.learning_curve import train_learning_curve
from overtile.workflows.parts import ALL_NAME
from overtile.workflows.train_request import TrainRequest


def train_several(
    request: TrainRequest,
    folds: int | None,
    progress: Progress,
    should_stop: StopRequest,
    *,
    learning_curve: bool,
) -> tuple[list[str], Settings]:
    """Cross-validate in `folds`, or draw a learning curve.

    Returns
    -------
    lines : list of str
        For a person.
    result : FoldsResult or LearningCurve
        For a program.

    Raises
    ------
    ConfigError
        If both are asked for.
    """
    if folds is not None and learning_curve:
        raise ConfigError(
            "--folds and --learning-curve are two questions", remedy="ask one after the other"
        )
    whole = shlex.quote(str(request.out / ALL_NAME))
    following = f"next: overtile predict {whole} IMAGES --out DIR"
    if folds is not None:
        judged = train_in_folds(request, folds, progress, should_stop)
        facts = [("model", judged.model), ("trained", f"{folds} folds, and on all images")]
        return [*table(facts), *score_lines(judged.scores), following], judged
    curve = train_learning_curve(request, progress, should_stop)
    facts = [("model", curve.model)]
    facts += [
        (
            counted(point.images, "image"),
            f"{curve.headline} {point.value:.4f}, mean {point.spread.low:.4f} to "
            f"{point.spread.high:.4f} with 95 % confidence",
        )
        for point in curve.points
    ]
    return [*table(facts), curve.verdict, following], curve
