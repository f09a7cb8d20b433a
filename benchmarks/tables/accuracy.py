"""The table of what recipe auto reaches on real data."""

from __future__ import annotations

from tables.results import NAMES, markdown, read_results


def accuracy_table() -> str:
    """Draw the accuracy table; its goals are those of benchmarks/accuracy.py."""
    rows = []
    for result in read_results("accuracy/*.json"):
        for goal in result["goals"]:
            images, key = result["images"], goal["figure"]
            rows.append(
                [
                    result["title"],
                    f"{images['trained_on']} / {images['validated_on']} / {images['scored']}",
                    f"{result['minutes']:g} min, {result['steps']} steps",
                    NAMES[key],
                    f"**{goal['reached']:.3f}**",
                    f"{max(one[key] for one in result['validations']):.3f}"
                    if goal["goal"].startswith(">")
                    else f"{min(one[key] for one in result['validations']):.3f}",
                    f"{goal['goal']}{'' if goal['met'] else ' (missed)'}",
                    f"`{result['command']}`",
                ]
            )
    head = (
        "job, images trained on / validated on / scored, training, figure, reached, "
        "best validation, goal, command"
    )
    return markdown(head.split(", "), rows)
