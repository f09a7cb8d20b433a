"""The table of recipe `auto` and its peers, trained on the same images for the same time."""

from __future__ import annotations

from typing import TypeAlias

from tables.results import NAMES, Result, figure, markdown, read_results

_FIGURES = {
    "isbi2012": ("rand_error", "pixel_error"),
    "dsb2018": ("average_precision_50", "average_precision_75"),
    "t98g": ("average_precision_50", "average_precision_75"),
    "hippocampus": ("mean_dice",),
}
_Row: TypeAlias = tuple[str, bool, int, float, int]
"""Data set, whether few images, how many, minutes, cores."""

_METHODS = ("auto", "paper", "nnunet", "monai", "milesial")


def comparison_table() -> str:
    """Draw a row for each data set, figure, number of images and length; the best cell is bold."""
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
        for key in _FIGURES[data]:
            told = _told(key, found, methods)
            rows.append([data, NAMES[key], f"{images}", f"{minutes:g} min × {cores}", *told])
    head = ["data", "figure", "images", "time × cores", *(titles[method] for method in methods)]
    return markdown(head, rows)


def _told(key: str, found: dict[str, list[Result]], methods: list[str]) -> list[str]:
    values = {method: [one["summary"][key] for one in results] for method, results in found.items()}
    best = _best(values, lower=key.endswith("_error"))
    told = {method: figure(key, value) for method, value in values.items()}
    told[best] = f"**{told[best]}**"
    return [told.get(method, "–") for method in methods]


def _order(item: tuple[_Row, object]) -> tuple[int, float, bool]:
    (data, few, _, minutes, _), _ = item
    return list(_FIGURES).index(data), minutes, few


def _best(values: dict[str, list[float]], *, lower: bool) -> str:
    means = {method: sum(found) / len(found) for method, found in values.items()}
    return (min if lower else max)(means, key=means.__getitem__)
