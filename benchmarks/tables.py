"""Put the figures of benchmarks/results into the documents, between their markers.

``python benchmarks/tables.py`` rewrites the tables; with ``--check`` it only says whether they are
those of the results, and exits with 1 if not.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
DOCUMENTS = ("README.md", "benchmarks/README.md")
ORDER = ("isbi2012-auto", "dsb2018-auto", "isbi2012-paper-width16")
NAMES = {
    "rand_error": "Rand error",
    "pixel_error": "pixel error at 0.5",
    "best_pixel_error": "pixel error at its best threshold",
    "average_precision_50": "AP at IoU 0.5",
}


def accuracy_table(results: list[dict[str, Any]]) -> str:
    """Draw the accuracy table in Markdown."""
    lines = [
        "| job | images trained on / scored | training | figure | best model | last model | goal "
        "| command |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for result in results:
        for goal in result["goals"]:
            images = result["images"]
            lines.append(
                f"| {result['title']} | {images['trained_on']} / {images['scored']} "
                f"| {result['minutes']:g} min, {result['steps']} steps "
                f"| {NAMES[goal['figure']]} | **{goal['reached']:.3f}** "
                f"| {result['validations'][-1][goal['figure']]:.3f} "
                f"| {goal['goal']}{'' if goal['met'] else ' (missed)'} "
                f"| `{result['command']}` |"
            )
    return "\n".join(lines)


def with_tables(text: str, tables: dict[str, str]) -> str:
    """Replace what stands between ``<!-- table:NAME -->`` and ``<!-- end -->``."""
    for name, table in tables.items():
        pattern = rf"(<!-- table:{name} -->\n).*?(<!-- end -->)"
        text = re.sub(
            pattern, lambda match, table=table: f"{match[1]}{table}\n{match[2]}", text, flags=re.S
        )
    return text


def main() -> int:
    """Rewrite or check all documents."""
    files = [ROOT / "benchmarks" / "results" / f"{name}.json" for name in ORDER]
    results = [json.loads(file.read_text()) for file in files if file.exists()]
    tables = {"accuracy": accuracy_table(results)}
    stale = 0
    for name in DOCUMENTS:
        document = ROOT / name
        before = document.read_text()
        after = with_tables(before, tables)
        stale += before != after
        if "--check" not in sys.argv:
            document.write_text(after)
        elif before != after:
            print(f"{name}: its tables are not those of benchmarks/results; run `make tables`")
    return int(bool(stale) and "--check" in sys.argv)


if __name__ == "__main__":
    sys.exit(main())
