"""Put the figures of benchmarks/results into the documents, between their markers.

``python benchmarks/tables`` rewrites the tables; with ``--check`` it only says whether they are
those of the results, and exits with 1 if not.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "benchmarks"))

from tables.accuracy import accuracy_table  # noqa: E402
from tables.annotation import (  # noqa: E402
    going_on_table,
    objects_table,
    stroke_table,
    suggestion_table,
)
from tables.baselines import baseline_table, short_baseline_table  # noqa: E402
from tables.claims import claim_tables  # noqa: E402
from tables.comparison import comparison_table  # noqa: E402
from tables.metrics import metrics_table  # noqa: E402
from tables.paper import paper_table, seam_table  # noqa: E402
from tables.reliability import (  # noqa: E402
    checkpoint_table,
    reliability_table,
    sabotage_table,
)
from tables.speed import (  # noqa: E402
    agreement_table,
    huge_table,
    learning_table,
    short_speed_table,
    speed_table,
)

DOCUMENTS = (
    "README.md",
    "benchmarks/README.md",
    "docs/explanation/paper-map.md",
    "docs/explanation/reliability.md",
)


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
    tables = {
        "accuracy": accuracy_table(),
        "baselines": baseline_table(),
        "baselines-short": short_baseline_table(),
        "metrics": metrics_table(),
        "paper": paper_table(),
        "claim-seams": seam_table(),
        "reliability": reliability_table(),
        "sabotage": sabotage_table(),
        "checkpoints": checkpoint_table(),
        "speed": speed_table(),
        "speed-short": short_speed_table(),
        "huge": huge_table(),
        "learning": learning_table(),
        "agreement": agreement_table(),
        "suggestions": suggestion_table(),
        "strokes": stroke_table(),
        "going-on": going_on_table(),
        "objects": objects_table(),
        "comparison": comparison_table(),
        **claim_tables(),
    }
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
