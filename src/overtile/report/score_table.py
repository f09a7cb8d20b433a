"""Scores as a table for a spreadsheet: all numbers of every image, then their mean and SD."""

from __future__ import annotations

import csv
from io import StringIO

import numpy as np

from overtile.evaluation.scores import TaskScores


def over_images(scores: TaskScores, name: str) -> tuple[float | None, float | None]:
    """Give mean and sample SD (n − 1) of a number over the images that have it, where there are."""
    values = [float(row[name]) for row in scores.per_image if name in row]
    mean = float(np.mean(values)) if values else None
    return mean, float(np.std(values, ddof=1)) if len(values) > 1 else None


def scores_csv(scores: TaskScores) -> str:
    """Write scores as comma-separated values.

    Returns
    -------
    text : str
        A line of names, one line for each image, the worst first, and the lines ``mean`` and
        ``sd`` over images. A number that an image lacks, such as the Dice of a class that it does
        not show, is an empty cell.
    """
    names = list(dict.fromkeys(name for row in scores.per_image for name in row))
    spreads = {name: over_images(scores, name) for name in names if name != "image"}
    table = StringIO()
    writer = csv.DictWriter(table, names, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(scores.per_image)
    for place, word in enumerate(("mean", "sd")):
        writer.writerow({"image": word} | {name: both[place] for name, both in spreads.items()})
    # A file name need not be text: bytes that are not arrive as lone surrogates.
    return table.getvalue().encode("utf-8", "replace").decode()
