"""Has something become slow? Every row in a short form, at half of the ratio that is asked for.

``python benchmarks/speed/quick.py`` takes about two minutes once the environment of the peers is
made. Rows that were measured while other programs used the machine are skipped: they say nothing.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

SCRIPTS = ("kernels", "training", "whole_image")
BUSY_CORES = 0.3


def main() -> int:
    """Measure, print a line for each row, and tell by the exit code whether one is too slow."""
    failed = 0
    for script in SCRIPTS:
        busy = os.getloadavg()[0]
        for row in _rows(script):
            gate = row["at_least"] / 2
            said = f"{row['job']}: {row['ratio']:.2f} of {row['against']}, gate {gate:.2f}"
            if row["foreign_cores"] > BUSY_CORES:
                print(f"SKIPPED {said}; others use {row['foreign_cores']} cores, load {busy:.1f}")
            elif row["ratio"] < gate:
                failed += 1
                print(f"SLOW    {said}")
            else:
                print(f"fine    {said}")
    return 1 if failed else 0


def _rows(script: str) -> list[dict[str, Any]]:
    path = Path(__file__).with_name(f"{script}.py")
    done = subprocess.run(
        [sys.executable, str(path), "--quick"],
        check=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    rows: list[dict[str, Any]] = json.loads(done.stdout.strip().splitlines()[-1])
    return rows


if __name__ == "__main__":
    sys.exit(main())
