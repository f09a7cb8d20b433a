"""What the reliability tests tried, and what was survived: the long tier, which takes an hour.

``make reliability``, or ``python benchmarks/reliability/run.py [--keep]`` to gather what an earlier
run of the tests has counted. Writes benchmarks/results/reliability.json.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "benchmarks"))

from machine import current_commit, describe_machine  # noqa: E402

COUNTS = ROOT / "runs" / "reliability"
RESULT = ROOT / "benchmarks" / "results" / "reliability.json"
TESTS = ("tests/reliability",)


def run_tests() -> dict[str, Any]:
    """Run the long tier; give how it went."""
    shutil.rmtree(COUNTS, ignore_errors=True)
    began = time.monotonic()
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-q", "--timeout", "7200"),
            *("-n", str(os.cpu_count()), "--dist", "loadfile", *TESTS),
        ],
        cwd=ROOT,
        env={**os.environ, "OVERTILE_RELIABILITY": str(COUNTS)},
        check=False,
    )
    how = {"exit_code": done.returncode, "seconds": round(time.monotonic() - began)}
    (COUNTS / "how.txt").write_text(json.dumps(how))
    return how


def earlier_tests() -> dict[str, Any]:
    """Tell how an earlier run went; one that was stopped has counted what it had reached."""
    told = COUNTS / "how.txt"
    return json.loads(told.read_text()) if told.exists() else {"stopped_before_its_end": True}


def main() -> int:
    """Run, gather, write."""
    how = earlier_tests() if "--keep" in sys.argv else run_tests()
    counts = [json.loads(path.read_text()) for path in sorted(COUNTS.glob("*.json"))]
    result = {
        "command": "make reliability",
        "machine": describe_machine(),
        "commit": current_commit(),
        **how,
        "counts": sorted(counts, key=lambda count: (count["test"], count["what"])),
    }
    RESULT.write_text(json.dumps(result, indent=2, ensure_ascii=False) + "\n")
    lost = [count["what"] for count in counts if count["survived"] != count["tried"]]
    print(f"{len(counts)} counts in {RESULT.relative_to(ROOT)}; not all survived: {lost or 'none'}")
    return int(bool(lost) or how.get("exit_code", 0) != 0)


if __name__ == "__main__":
    sys.exit(main())
