"""The paper's Table 1, and the same experiment here."""

from __future__ import annotations

from tables.results import markdown, read_results

PAPER = {"warping_error": "0.000353", "rand_error": "0.0382", "best_pixel_error": "0.0611"}
"""Table 1 of Ronneberger et al. (2015), row "u-net": on 30 slices whose labels are not public."""


def paper_table() -> str:
    """Draw Table 1 with our rows below the paper's."""
    head = "who, trained on / scored on, training, warping error, Rand error, pixel error, command"
    rows = [["the paper", "30 / 30 hidden slices", "10 hours, one GPU", *PAPER.values(), "–"]]
    for result in read_results("paper/*.json"):
        images, summary = result["images"], result["summary"]
        rows.append(
            [
                f"ours, recipe {result['recipe']['name']}",
                f"{images['trained_on']} / {images['scored']} held-out slices",
                f"{result['steps']} steps, {result['threads']} thread, {result['minutes']:.0f} min",
                f"{summary['warping_error']:.6f}",
                f"{summary['rand_error']:.4f}",
                f"{summary['best_pixel_error']:.4f}",
                f"`{result['command']}`",
            ]
        )
    return markdown(head.split(", "), rows)


def seam_table() -> str:
    """Draw what tiling changes, for every route of benchmarks/claims/seams.py."""
    head = "tiles, largest change along seams, mean along seams, largest anywhere, pixels that flip"
    rows = [
        [
            route["title"],
            f"{route['largest_along_seams']:.1e}",
            f"{route['mean_along_seams']:.1e}",
            f"{route['largest']:.1e}",
            f"{100 * route['share_of_flipped_pixels']:.3f} %",
        ]
        for result in read_results("seams.json")
        for route in result["routes"]
    ]
    return markdown(head.split(", "), rows)
