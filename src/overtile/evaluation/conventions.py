"""What each number of an evaluation means, in words: measures of one name differ."""

from __future__ import annotations

ISBI2012 = (
    "rand_error is 1 - the maximal foreground-restricted Rand F-score over 256 thresholds "
    "(4-connected components per page, truth background left out, proposal background as "
    "one-pixel segments, sums of squares over all pages, borders not thinned), and per image the "
    "same at the threshold that is best for all; pixel_error is the share of differing pixels at "
    "0.5 and best_pixel_error the lowest over thresholds; rand_index_error is 1 - the classic "
    "Rand index over all pixel pairs at 0.5, background one segment, averaged over pages."
)
INSTANCES = (
    "average_precision_N is TP/(TP+FP+FN) and f1_N is 2TP/(2TP+FP+FN) with objects matched one to "
    "one at an IoU of at least N/100, 1 where truth and prediction are both empty, averaged over "
    "images; mean_matched_iou_50 is the mean over images of the IoU of matched pairs, 0 where "
    "nothing matched; pooled numbers add up the objects of all images at IoU 0.5; count_error is "
    "predicted minus true objects."
)
CLASSES = (
    "dice and iou are computed for each class from the pixels of all images together (per image "
    "from its own), and their means are over the classes but the background, a class that is "
    "neither in truth nor in prediction being left out; pixel_accuracy includes the background."
)
