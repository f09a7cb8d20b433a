"""How fast: ratios to the usual tools, huge images, and the plan of memory."""

from __future__ import annotations

from typing import Any

from tables.results import markdown, read_results

RATIOS = ("whole_image", "tiles", "training", "kernels", "cold_start")


def speed_table() -> str:
    """Draw all rows of benchmarks/speed that have two sides."""
    rows = [
        [
            row["job"],
            row["against"],
            _seconds(row["ours_s"]),
            _seconds(row["theirs_s"]),
            f"**{_ratio(row['ratio'])}**",
            _goal(row),
            ". ".join(part for part in (row["gate"], row["note"]) if part not in ("", "-")),
            f"`{result['command']}`",
        ]
        for name in RATIOS
        for result in read_results(f"speed/{name}.json")
        for row in result["rows"]
    ]
    head = ["job", "against", "ours", "theirs", "ratio", "asked for", "gate", "command"]
    return markdown(head, rows)


def short_speed_table() -> str:
    """Draw what a reader of the front page asks for: whole images and training."""
    rows = [
        [
            row["job"],
            row["against"],
            f"{_ratio(row['ratio'])} times as fast",
            f"`{result['command']}`",
        ]
        for name in ("whole_image", "training")
        for result in read_results(f"speed/{name}.json")
        for row in result["rows"]
        if "fp32" not in row["job"]
    ]
    return markdown(["job", "against", "ratio", "command"], rows)


def huge_table() -> str:
    """Draw images too large for memory."""
    rows = [
        [
            f"{row['side_px']}×{row['side_px']}",
            f"{row['seconds']:.0f} s",
            f"{row['seconds_per_megapixel']:.3f} s",
            f"{row['peak_memory_mb']} MB of {result['memory']}",
            str(row["objects"]),
            f"`{result['command']}`",
        ]
        for result in read_results("speed/huge.json")
        for row in result["rows"]
    ]
    head = ["image", "time", "a megapixel", "peak memory of the process", "objects", "command"]
    return markdown(head, rows)


def learning_table() -> str:
    """Draw what a training step waits for, and whether bfloat16 learns the same."""
    rows: list[list[str]] = []
    for result in read_results("speed/training.json"):
        for wait in result["waits"]:
            what = f"recipe {wait['recipe']}, width {wait['base_channels']}: share of a step waited"
            rows.append([what, f"{100 * wait['share_waited']:.3f} %", f"`{result['command']}`"])
        curves = result["curves"]
        ends = curves["mean_loss_of_the_last_50_steps"]
        what = f"loss after {curves['steps']} steps in bf16, in fp32, in fp32 with another seed"
        shown = ", ".join(f"{ends[name]:.4f}" for name in ("bf16", "fp32", "other"))
        rows.append([what, shown, f"`{result['command']}`"])
    return markdown(["training", "measured", "command"], rows)


def agreement_table() -> str:
    """Draw what faster arithmetic changes in the results of a trained network."""
    rows = [
        [
            row["arithmetic"],
            f"{100 * row['changed_classes']:.3f} %",
            f"{row['largest_difference']:.3f}",
            f"{row['average_precision_50']:.4f}",
            f"`{result['command']}`",
        ]
        for result in read_results("speed/agreement.json")
        for row in result["arithmetics"]
    ]
    head = ["arithmetic", "pixels of another class", "largest difference", "AP 0.5", "command"]
    return markdown(head, rows)


def _goal(row: dict[str, Any]) -> str:
    if row["at_least"] in (0, 1) and row["aim"] in (0, 1):
        return "–"
    missed = "" if row["ratio"] >= row["at_least"] else " (missed)"
    return f">= {row['at_least']:.3g}, aim {row['aim']:.3g}{missed}"


def _ratio(ratio: float) -> str:
    return f"{ratio:.0f}" if ratio >= 100 else f"{ratio:.3g}"


def _seconds(seconds: float) -> str:
    if seconds < 1:
        return f"{1e3 * seconds:.3g} ms"
    return f"{seconds:.0f} s" if seconds >= 100 else f"{seconds:.3g} s"
