"""The figures that were measured, and how they are written down."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, TypeAlias

RESULTS = Path(__file__).parents[1] / "results"

Result: TypeAlias = dict[str, Any]
"""One JSON file of benchmarks/results."""

NAMES = {
    "rand_error": "Rand error",
    "v_rand": "V_rand",
    "v_info": "V_info",
    "warping_error": "warping error",
    "pixel_error": "pixel error at 0.5",
    "best_pixel_error": "best pixel error",
    "average_precision_50": "AP at IoU 0.5",
    "average_precision_75": "AP at IoU 0.75",
    "seg": "SEG",
    "mean_dice": "mean Dice",
    "merges": "merges",
    "splits": "splits",
}
"""What a figure is called in a table."""

_DECIMALS = {"warping_error": 5, "merges": 0, "splits": 0}


def read_results(pattern: str) -> list[Result]:
    """Read all results below benchmarks/results that match, in the order of their names."""
    return [json.loads(path.read_text()) for path in sorted(RESULTS.glob(pattern))]


def figure(key: str, values: Sequence[float]) -> str:
    """Write the mean of one figure over seeds, and its sample standard deviation."""
    decimals = _DECIMALS.get(key, 3)
    mean = f"{statistics.fmean(values):.{decimals}f}"
    if len(values) < 2:
        return mean
    return f"{mean} ± {statistics.stdev(values):.{decimals}f}"


def markdown(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Draw a table in Markdown."""
    lines = [list(head), ["---"] * len(head), *map(list, rows)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
