"""The tables of what annotating little is worth: strokes, suggestions, going on from a model."""

from __future__ import annotations

import numpy as np
from tables.results import NAMES, Result, figure, markdown, read_results

_OBJECT_FIGURES = ("average_precision_50", "average_precision_75", "seg", "merges", "splits")


def suggestion_table() -> str:
    """Draw scores after each round of annotating."""
    rows = []
    for data, results in _by_data("suggestions/*.json").items():
        first, *more = results[0]["regions"]
        counts = f"{first}, then {', '.join(map(str, more))} regions"
        for score in results[0]["scores"]["random"][0]:
            for way in ("suggested", "random"):
                rounds = zip(*(result["scores"][way] for result in results), strict=True)
                cells = [figure("", [one[score] for one in scores]) for scores in rounds]
                rows.append([f"{data}, {counts}", score, str(len(results)), way, *cells])
            rows.append(
                [f"{data}, {counts}", score, str(len(results)), "saved", *_saved(results, score)]
            )
    times = ["first regions", "twice as many", "4 times", "8 times"]
    return markdown(["data", "score", "seeds", "regions", *times], rows)


def _saved(results: list[Result], score: str) -> list[str]:
    """Tell how many pixels fewer than random regions suggested ones need for the same score.

    Pixels that random regions need are interpolated between rounds, over the logarithm of pixels.
    """
    pixels, scores = {}, {}
    for way in ("suggested", "random"):
        pixels[way] = np.mean([result["pixels"][way] for result in results], axis=0)
        found = [[one[score] for one in result["scores"][way]] for result in results]
        scores[way] = np.mean(found, axis=0)
    reached = np.maximum.accumulate(scores["random"])
    cells = ["–"]
    for taken, value in zip(pixels["suggested"][1:], scores["suggested"][1:], strict=True):
        if value <= reached[0]:  # The first regions, which nobody chose, gave as much.
            cells.append("–")
            continue
        needed = np.exp(np.interp(value, reached, np.log(pixels["random"])))
        share = 100 * (1 - taken / needed)
        # Random regions may never come as far: then what they had in the end is not enough.
        cells.append(f"over {max(share, 0):.0f} %" if value > reached[-1] else f"{share:.0f} %")
    return cells


def stroke_table() -> str:
    """Draw what strokes reach beside full labels."""
    rows = []
    for data, results in _by_data("strokes/*.json").items():
        key = results[0]["figure"]
        whole = _mean_score(results, "all pixels")
        for way in ("all pixels", "strokes"):
            told = f"strokes on {100 * results[0]['share']:g} %" if way == "strokes" else way
            values = [result["scores"][way] for result in results]
            share = f"{_mean_score(results, way) / whole:.2f}"
            rows.append([data, told, NAMES[key], figure(key, values), share, str(len(results))])
    head = ["data", "labelled", "figure", "reached", "share of the score of all pixels", "seeds"]
    return markdown(head, rows)


def _mean_score(results: list[Result], way: str) -> float:
    """Give the mean score, higher being better: an error is taken from 1."""
    mean = float(np.mean([result["scores"][way] for result in results]))
    return 1 - mean if results[0]["figure"].endswith("_error") else mean


def going_on_table() -> str:
    """Draw what training from an earlier model reaches."""
    rows = []
    for data, results in _by_data("going_on/*.json").items():
        first = results[0]
        few, every = first["images"]
        whole, tenth = first["steps"]
        told = {
            "first": f"{few} images, {whole} steps",
            "from": f"then {every} images, {tenth} steps from that model",
            "anew": f"{every} images, {whole} steps anew",
            "anew in a tenth": f"{every} images, {tenth} steps anew",
        }
        for key, words in told.items():
            values = [result["scores"][key] for result in results]
            rows.append([f"{data}, {first['score']}", words, figure("", values), str(len(values))])
    return markdown(["data", "trained on", "score", "seeds"], rows)


def objects_table() -> str:
    """Draw what chosen thresholds and growth give against connected components above one half."""
    rows = []
    for result in read_results("objects/*.json"):
        for name, scheme in result["schemes"].items():
            cells = [figure(key, [scheme[key]]) for key in _OBJECT_FIGURES]
            rows.append([result["data"], _scheme(name, scheme["prediction"]), *cells])
    return markdown(["data", "objects are", *(NAMES[key] for key in _OBJECT_FIGURES)], rows)


def _scheme(name: str, prediction: dict[str, float]) -> str:
    if name == "plain":
        return "components above 0.5, the plain scheme"
    core = max(prediction["threshold"], prediction["core_threshold"] or 0)
    return (
        f"cores above {core:g} that grow by {prediction['grow_px']} px above "
        f"{prediction['threshold']:g}, chosen by validation"
    )


def _by_data(pattern: str) -> dict[str, list[Result]]:
    found: dict[str, list[Result]] = {}
    for result in read_results(pattern):
        found.setdefault(result["data"], []).append(result)
    return found
