"""What the U-Net replaced and competes with, side by side."""

from __future__ import annotations

from tables.results import NAMES, Result, markdown, read_results

_FIGURES = ("v_rand", "v_info", "warping_error", "rand_error", "best_pixel_error")
_DECIMALS = {"warping_error": 5}


def baseline_table() -> str:
    """Draw the table of all baselines, the best V_rand first."""
    found = sorted(read_results("baselines/*.json"), key=lambda result: -_of(result, "v_rand"))
    head = [
        "trained for equal time",
        "weights",
        "training",
        "seconds a 512×512 image",
        *(NAMES[key] for key in _FIGURES),
        "boundary F",
        "command",
    ]
    return markdown(head, [_row(result) for result in found])


def short_baseline_table() -> str:
    """Draw the same in few columns."""
    found = sorted(read_results("baselines/*.json"), key=lambda result: -_of(result, "v_rand"))
    rows = [
        [
            result["title"],
            f"{_of(result, 'v_rand'):.3f}",
            f"{_of(result, 'rand_error'):.3f}",
            _seconds(result),
            f"`{result['command']}`",
        ]
        for result in found
    ]
    head = [
        "trained for equal time",
        NAMES["v_rand"],
        NAMES["rand_error"],
        "seconds a 512×512 image",
    ]
    return markdown([*head, "command"], rows)


def _row(result: Result) -> list[str]:
    return [
        result["title"],
        f"{result['parameters'] / 1e6:.2f} M",
        f"{result['training_seconds']:.0f} s, {result['steps']} steps",
        _seconds(result),
        *(f"{_of(result, key):.{_DECIMALS.get(key, 3)}f}" for key in _FIGURES),
        f"{result['class_summary']['boundary_f_interior']:.3f}",
        f"`{result['command']}`",
    ]


def _seconds(result: Result) -> str:
    prediction = result["prediction"]
    seconds = f"{prediction['seconds_per_image']:.2g}"
    if "patch_wise_seconds_per_image" in prediction:
        seconds += f" dense, {prediction['patch_wise_seconds_per_image']:.0f} patch by patch"
    return seconds


def _of(result: Result, key: str) -> float:
    return float(result["summary"].get(key, float("nan")))
