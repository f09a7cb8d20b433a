"""How long scoring takes."""

from __future__ import annotations

from tables.results import markdown, read_results


def metrics_table() -> str:
    """Draw the seconds of every measure of benchmarks/metrics.py."""
    rows = [
        [name, f"{seconds:.2f} s", f"`{result['command']}`"]
        for result in read_results("metrics.json")
        for name, seconds in result["seconds"].items()
    ]
    return markdown(["30 pages of 512×512, one thread", "median", "command"], rows)
