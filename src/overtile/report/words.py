"""Names of scores, and numbers, as a person says them."""

from __future__ import annotations

import re
from datetime import datetime

MEANINGS = {
    "average_precision_50": (
        "The share of all objects, true or predicted, that were found: one predicted object for "
        "one true object, overlapping by at least half (IoU 0.5). 1 is perfect, and every missed, "
        "invented, merged or split object lowers it."
    ),
    "rand_error": (
        "How wrongly pixels are grouped into objects. It grows when objects are merged or split; "
        "the exact place of a border hardly counts. 0 is perfect."
    ),
    "mean_dice": (
        "How well predicted and true regions overlap, averaged over the classes: twice the shared "
        "pixels, divided by the pixels of both. 1 is perfect, 0 is no overlap."
    ),
}

_TITLES = {
    "average_precision": "Average precision",
    "f1": "F1",
    "mean_matched_iou": "Mean IoU of matched objects",
    "true_positives": "Objects found",
    "false_positives": "Objects invented",
    "false_negatives": "Objects missed",
    "count_error": "Predicted minus true objects",
    "mean_dice": "Mean Dice",
    "mean_iou": "Mean IoU",
    "seg": "SEG",
    "aji": "Aggregated Jaccard index",
    "absolute_count_error": "Size of the count error",
    "mean_boundary_f": "Mean boundary F-score",
    "v_rand": "V-Rand, borders thinned",
    "v_rand_split": "V-Rand, split part",
    "v_rand_merge": "V-Rand, merge part",
    "v_info": "V-Info, borders thinned",
    "v_info_split": "V-Info, split part",
    "v_info_merge": "V-Info, merge part",
    "warping_merges": "Merges that warping leaves",
    "warping_splits": "Splits that warping leaves",
    "warping_objects_added": "Invented objects that warping leaves",
    "warping_objects_removed": "Missed objects that warping leaves",
    "warping_holes_added": "Invented holes that warping leaves",
    "warping_holes_removed": "Missed holes that warping leaves",
    "warping_error_threshold": "Threshold of the warping error",
    "v_rand_threshold": "Threshold of V-Rand",
    "v_info_threshold": "Threshold of V-Info",
    "rand_index_error": "Rand index error",
    "rand_error_threshold": "Threshold of the Rand error",
    "best_pixel_error": "Lowest pixel error",
    "best_pixel_threshold": "Threshold of the lowest pixel error",
}
_OF_CLASS = {
    "dice_": "Dice",
    "iou_": "IoU",
    "boundary_f_": "Boundary F-score",
    "hausdorff95_px_": "Hausdorff distance (95 %), px",
    "hausdorff95_um_": "Hausdorff distance (95 %), µm",
    "true_area_px_": "True area, px",
    "predicted_area_px_": "Predicted area, px",
    "true_area_um2_": "True area, µm²",
    "predicted_area_um2_": "Predicted area, µm²",
    "true_volume_px_": "True volume, px",
    "predicted_volume_px_": "Predicted volume, px",
    "true_volume_um3_": "True volume, µm³",
    "predicted_volume_um3_": "Predicted volume, µm³",
}
_COUNTS = re.compile(
    r"(true_positives|false_positives|false_negatives|count_error|merges|splits"
    r"|(objects|holes)_(added|removed))(_\d+)?$|_(area|volume)_px_"
)
_NO_DIRECTION = re.compile(r"threshold|_(area|volume)_")
_LOWER = re.compile(r"_error$|false_|merges$|splits$|_(added|removed)$|^hausdorff")
_STRICT = re.compile(r"_(55|60|65|70|75|80|85|90|95)$")
_AT_IOU = re.compile(r"(.+)_(\d\d)$")


def title(name: str) -> str:
    """Say the name of a score in words.

    Examples
    --------
    >>> title("average_precision_50"), title("pooled_false_negatives_50"), title("dice_nucleus")
    ('Average precision at IoU 0.50', 'Objects missed at IoU 0.50, all images', 'Dice: nucleus')
    """
    if name.startswith("pooled_"):
        return f"{title(name.removeprefix('pooled_'))}, all images"
    for measure, words in _OF_CLASS.items():
        if name.startswith(measure):
            return f"{words}: {name.removeprefix(measure)}"
    parts = _AT_IOU.match(name)
    if parts and parts[1] in _TITLES:
        return f"{_TITLES[parts[1]]} at IoU 0.{parts[2]}"
    return _TITLES.get(name, name.replace("_", " ").capitalize())


def brief(name: str) -> str:
    """Say the name of a score where the usual overlap, half, goes without saying."""
    return title(name).replace(" at IoU 0.50", "")


def is_principal(name: str) -> bool:
    """Say whether a score is for everyone; those at stricter IoU are for who asks."""
    return not _STRICT.search(name)


def better(name: str) -> str:
    """Say which way a score improves; nothing for a threshold or a size."""
    name = next((measure for measure in _OF_CLASS if name.startswith(measure)), name)
    if _NO_DIRECTION.search(name):
        return ""
    if name.removeprefix("pooled_") == "count_error":
        return "near 0"
    return "lower" if _LOWER.search(name) else "higher"


def score(name: str, value: float) -> str:
    """Write a score: counts as they are, all else with three decimals, small ones with two digits.

    Examples
    --------
    >>> score("rand_error", 0.05), score("true_positives_50", 12.0), score("warping_error", 6.4e-4)
    ('0.050', '12', '0.00064')
    """
    text = f"{value:g}" if _COUNTS.search(name) else _rounded(value)
    return text.replace("-", "\N{MINUS SIGN}")


def average(name: str, value: float) -> str:
    """Write a mean or SD of a score over images: counts need a decimal then."""
    text = f"{value:.1f}" if _COUNTS.search(name) else _rounded(value)
    return text.replace("-", "\N{MINUS SIGN}")


def _rounded(value: float) -> str:
    return f"{value:.2g}" if 1e-4 <= abs(value) < 5e-3 else f"{value:.3f}"


def duration(seconds: float) -> str:
    """Write a time span in the unit that suits it.

    Examples
    --------
    >>> duration(42), duration(90), duration(5400)
    ('42 s', '1.5 min', '1 h 30 min')
    """
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes = seconds / 60
    if minutes < 60:
        return f"{minutes:.1f} min"
    return f"{int(minutes // 60)} h {int(minutes % 60)} min"


def memory(megabytes: float) -> str:
    """Write an amount of memory.

    Examples
    --------
    >>> memory(512), memory(2345)
    ('512 MB', '2.3 GB')
    """
    return f"{megabytes:.0f} MB" if megabytes < 1000 else f"{megabytes / 1000:.1f} GB"


def count(number: float) -> str:
    """Write a whole number with thin spaces between thousands, as scientists do."""
    return f"{number:,.0f}".replace(",", "\N{NARROW NO-BREAK SPACE}")


def date(iso: str) -> str:
    """Write a point in time for people; text that is not ISO 8601 stays as it is.

    Examples
    --------
    >>> date("2026-03-02T10:14:00+00:00")
    '2 March 2026, 10:14 UTC'
    """
    try:
        moment = datetime.fromisoformat(iso)
    except ValueError:
        return iso
    zone = f" {moment.tzname()}" if moment.tzname() else ""
    return f"{moment.day} {moment:%B %Y, %H:%M}{zone}"
