"""What was tried against the project, and what it survived."""

from __future__ import annotations

from tables.results import Result, markdown, read_results

_COLUMNS = {"what", "tried", "survived", "test"}


def reliability_table() -> str:
    """Draw one row for each count of the long tier of the tests."""
    rows = [
        [count["what"], str(count["tried"]), f"**{count['survived']}**", _more(count), _test(count)]
        for result in read_results("reliability.json")
        for count in result["counts"]
    ]
    return markdown(["tried", "times", "survived", "among them", "test"], rows)


def sabotage_table() -> str:
    """Draw one row for each patch that breaks the code."""
    rows = [
        [patch["name"], f"`{patch['file']}`", f"`{patch['by']}`" if patch["caught"] else "**none**"]
        for result in read_results("sabotage.json")
        for patch in result["patches"]
    ]
    return markdown(["sabotage", "of", "noticed by"], rows)


def checkpoint_table() -> str:
    """Draw one row for each network whose checkpoints were timed."""
    rows = [
        [
            f"recipe {one['recipe']}, {one['base_channels']} base channels",
            f"{one['checkpoint_mb']:.0f} MB",
            f"{one['seconds_per_step']:.2g} s",
            f"{one['seconds_per_save']:.2g} s",
            f"{one['interval_seconds']:.0f} s",
            f"{100 * one['share_of_time']:.1f} %",
        ]
        for result in read_results("checkpoint_cost.json")
        for one in result["networks"]
    ]
    head = ["network", "checkpoint", "one step", "one save", "saved every", "share of the time"]
    return markdown(head, rows)


def _more(count: Result) -> str:
    others = (item for item in count.items() if item[0] not in _COLUMNS)
    return ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in others)


def _test(count: Result) -> str:
    return f"`{count['test'].partition('[')[0]}`"
