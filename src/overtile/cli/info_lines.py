"""What a model, or a folder of results, comes to on a terminal; the JSON holds all of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from overtile.cli.output import table
from overtile.wording import counted

if TYPE_CHECKING:
    from overtile.workflows.verify import VerifiedResults


def info_lines(content: Mapping[str, Any]) -> list[str]:
    """Write a line for each fact; of the origin, what fits on a line, and what was verified last.

    Parameters
    ----------
    content : mapping
        From `workflows.info`.
    """
    facts = {name: value for name, value in content.items() if value not in (None, {})}
    verified = facts.pop("verified", None)
    if "origin" in facts:
        facts["origin"] = _without_lists(facts["origin"])
    lines = table((name, _shown(value)) for name, value in facts.items())
    return lines if verified is None else [*lines, *_verified(verified)]


def results_lines(results: VerifiedResults) -> list[str]:
    """Write a line for each file of results that is not as it was left, and a summary last."""
    lines = [f"MISSING: {name}" for name in results.missing]
    lines += [f"DAMAGED: {name}" for name in results.damaged]
    lines += [f"UNFINISHED: {name}" for name in results.unfinished]
    if results.complete:
        return [f"verified: {results.whole} files of results are as they were written"]
    return [*lines, f"{counted(len(lines), 'fault')}; give the command of `overtile predict` again"]


def _without_lists(origin: Mapping[str, Any]) -> dict[str, Any]:
    told = {name: value for name, value in origin.items() if not isinstance(value, dict | list)}
    return {**told, "images": len(origin["pages"])}


def _verified(verified: Mapping[str, Any]) -> list[str]:
    off = verified["self_test"]
    answer = "has no self-test" if off is None else f"answers its self-test, off by {off:.2g}"
    return [*table([("sha256", verified["sha256"])]), f"verified: it is whole, and {answer}"]


def _shown(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {_shown(one)}" for name, one in value.items())
    if isinstance(value, list):
        return ", ".join(map(_shown, value))
    return f"{value:.4g}" if isinstance(value, float) else str(value)
