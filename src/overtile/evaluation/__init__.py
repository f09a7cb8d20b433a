"""How good is a prediction? Arrays in, numbers out; no torch, no files.

A map of the floor: one folder a task, whose ``table`` scores a set of images, and what all share::

    isbi2012/     table         score_isbi2012: foreground probabilities, as the EM challenge does
                  rand          Rand errors and scores, each with its convention
                  rand_sums     the sums behind them, at all thresholds in one sweep
                  information   information scores: what a segmentation tells of the truth
                  foreground    the overlaps that Rand and information scores sum up
                  thinned       V^Rand and V^Info: both scores after border thinning
                  thinning      border thinning: objects grow until a line separates them
                  pixel         pixel error, at one threshold and at the best
                  warping       warping error: what bending the truth cannot explain
                  mistakes      the kinds of what is left: merges, splits, objects, holes
                  topology      objects and holes of a page, and simple points
                  pages         one page or a stack, checked and taken apart
                  thresholds    the 256 thresholds of a probability
    instances/    table         score_instances: label images
                  matching      matching objects: average precision, F1, count error
                  seg           SEG of the Cell Tracking Challenge
                  panoptic      panoptic quality
                  aji           aggregated Jaccard index
                  mistakes      which objects were merged, split, missed, invented
    classes/      table         score_classes: class maps
                  overlap       confusion matrix, Dice and IoU of each class
                  boundary      boundary F-score and Hausdorff distance of each class
    scores        TaskScores: summary, spread, and one row per image, the worst first
    contingency   which object overlaps which
    checks        what every measure demands of its arrays

Errors are lower is better, scores are higher is better; the name says which.
"""

from overtile.evaluation.classes.boundary import BoundaryScores, boundary_scores
from overtile.evaluation.classes.overlap import ClassScores, class_scores, confusion_matrix
from overtile.evaluation.classes.table import score_classes
from overtile.evaluation.contingency import Contingency, contingency
from overtile.evaluation.instances.aji import aggregated_jaccard_index
from overtile.evaluation.instances.matching import (
    ObjectMatch,
    match_objects,
    match_overlaps,
    mean_average_precision,
)
from overtile.evaluation.instances.mistakes import ObjectMistakes, object_mistakes
from overtile.evaluation.instances.panoptic import PanopticQuality, panoptic_quality
from overtile.evaluation.instances.seg import seg_jaccards, seg_score
from overtile.evaluation.instances.table import score_instances
from overtile.evaluation.isbi2012.information import (
    InformationScore,
    foreground_restricted_information,
)
from overtile.evaluation.isbi2012.pixel import BestPixelError, best_pixel_error, pixel_error
from overtile.evaluation.isbi2012.rand import (
    RandScore,
    RandSweep,
    foreground_restricted_rand,
    rand_error_sweep,
    rand_index_error,
)
from overtile.evaluation.isbi2012.table import score_isbi2012
from overtile.evaluation.isbi2012.thinned import ThinnedScores, thinned_scores
from overtile.evaluation.isbi2012.thinning import thin_borders
from overtile.evaluation.isbi2012.warping import (
    WarpingError,
    WarpingSweep,
    warping_error,
    warping_error_sweep,
)
from overtile.evaluation.scores import Confusion, Page, Pages, Spread, TaskScores

__all__ = [
    "BestPixelError",
    "BoundaryScores",
    "ClassScores",
    "Confusion",
    "Contingency",
    "InformationScore",
    "ObjectMatch",
    "ObjectMistakes",
    "Page",
    "Pages",
    "PanopticQuality",
    "RandScore",
    "RandSweep",
    "Spread",
    "TaskScores",
    "ThinnedScores",
    "WarpingError",
    "WarpingSweep",
    "aggregated_jaccard_index",
    "best_pixel_error",
    "boundary_scores",
    "class_scores",
    "confusion_matrix",
    "contingency",
    "foreground_restricted_information",
    "foreground_restricted_rand",
    "match_objects",
    "match_overlaps",
    "mean_average_precision",
    "object_mistakes",
    "panoptic_quality",
    "pixel_error",
    "rand_error_sweep",
    "rand_index_error",
    "score_classes",
    "score_instances",
    "score_isbi2012",
    "seg_jaccards",
    "seg_score",
    "thin_borders",
    "thinned_scores",
    "warping_error",
    "warping_error_sweep",
]
