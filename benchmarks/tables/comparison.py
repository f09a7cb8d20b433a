"""The table of recipe `auto` and its peers, trained on the same images for the same time."""

from __future__ import annotations

from typing import TypeAlias

from tables.results import NAMES, Result, figure, markdown, read_results

_HEADLINES = {
    "isbi2012": "rand_error",
    "dsb2018": "average_precision_50",
    "t98g": "average_precision_50",
    "hippocampus": "mean_dice",
}
_Row: TypeAlias = tuple[str, bool, int, float, int]
"""Data set, whether few images, how many, minutes, cores."""

_METHODS = ("auto", "paper", "nnunet", "monai", "milesial")


def comparison_table() -> str:
    """Draw one row for each data set, number of images and length; the best cell is bold."""
    cells: dict[_Row, dict[str, list[Result]]] = {}
    for result in read_results("comparison/*.json"):
        images = len(result["images"])
        few = not result["all_images"]
        row = (result["data"], few, images, result["minutes"], result["cores"])
        cells.setdefault(row, {}).setdefault(result["method"], []).append(result)
    titles = {
        result["method"]: result["title"] for row in cells.values() for (result, *_) in row.values()
    }
    methods = [method for method in _METHODS if method in titles]
    rows = []
    for (data, _, images, minutes, cores), found in sorted(cells.items(), key=_order):
        key = _HEADLINES[data]
        values = {
            method: [one["summary"][key] for one in results] for method, results in found.items()
        }
        best = _best(values, lower=key.endswith("_error"))
        told = [
            f"**{figure(key, values[method])}**"
            if method == best
            else figure(key, values[method])
            if method in values
            else "–"
            for method in methods
        ]
        rows.append([data, NAMES[key], f"{images}", f"{minutes:g} min × {cores}", *told])
    head = ["data", "figure", "images", "time × cores", *(titles[method] for method in methods)]
    return markdown(head, rows)


def _order(item: tuple[_Row, object]) -> tuple[int, float, bool]:
    (data, few, _, minutes, _), _ = item
    return list(_HEADLINES).index(data), minutes, few


def _best(values: dict[str, list[float]], *, lower: bool) -> str:
    means = {method: sum(found) / len(found) for method, found in values.items()}
    return (min if lower else max)(means, key=means.__getitem__)
