"""How good is a prediction? Arrays in, numbers out; no torch, no files.

A map of the floor, from what a user asks for down to what everything is made of::

    table         score_isbi2012, score_instances, score_classes: a set of images -> TaskScores
    conventions   what each number means, in words
    scores        TaskScores: summary, spread, and one row per image, the worst first
    rand          Rand errors and scores, each with its convention
    rand_sums     the sums behind them, at all thresholds in one sweep
    pixel         pixel error, at one threshold and at the best
    objects       matching objects: average precision, F1, count error
    classes       confusion matrix, Dice and IoU of each class
    contingency   which object overlaps which
    thresholds    the 256 thresholds of a probability
    checks        what every measure demands of its arrays

Errors are lower is better, scores are higher is better; the name says which.
"""

from overtile.evaluation.classes import ClassScores, class_scores, confusion_matrix
from overtile.evaluation.contingency import Contingency, contingency
from overtile.evaluation.objects import ObjectMatch, match_objects, match_overlaps
from overtile.evaluation.pixel import BestPixelError, best_pixel_error, pixel_error
from overtile.evaluation.rand import (
    RandScore,
    RandSweep,
    foreground_restricted_rand,
    rand_error_sweep,
    rand_index_error,
)
from overtile.evaluation.scores import Spread, TaskScores
from overtile.evaluation.table import score_classes, score_instances, score_isbi2012

__all__ = [
    "BestPixelError",
    "ClassScores",
    "Contingency",
    "ObjectMatch",
    "RandScore",
    "RandSweep",
    "Spread",
    "TaskScores",
    "best_pixel_error",
    "class_scores",
    "confusion_matrix",
    "contingency",
    "foreground_restricted_rand",
    "match_objects",
    "match_overlaps",
    "pixel_error",
    "rand_error_sweep",
    "rand_index_error",
    "score_classes",
    "score_instances",
    "score_isbi2012",
]
