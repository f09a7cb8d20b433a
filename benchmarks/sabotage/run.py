"""The tests, tested: each patch breaks one promise of the code, and a test must notice.

``make sabotage``, or ``python benchmarks/sabotage/run.py [NAME ...]``. A patch is applied to a copy
of the tree, never to the tree itself. Writes benchmarks/results/sabotage.json.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "benchmarks"))

from machine import current_commit, describe_machine  # noqa: E402
from patches import PACKAGE, PATCHES, Patch  # noqa: E402

RESULT = ROOT / "benchmarks" / "results" / "sabotage.json"
PASSED, FAILED = 0, 1
COPIED = ("src", "tests", "pyproject.toml", "README.md", "docs", "examples", "benchmarks")


def copy_tree(target: Path) -> None:
    """Copy what the tests need."""
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, target / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)


def run_tests(tree: Path, tests: tuple[str, ...]) -> tuple[int, str]:
    """Run tests in a copy of the tree; give pytest's exit code, and the first test that failed."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *tests],
        cwd=tree,
        env={**os.environ, "PYTHONPATH": str(tree / "src"), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    lines = done.stdout.splitlines()
    first = next((line for line in lines if line.startswith(("FAILED", "ERROR"))), "")
    return done.returncode, first.partition(" - ")[0].partition(" ")[2]


def sabotage(patch: Patch, tree: Path) -> dict[str, Any]:
    """Apply a patch, see whether it is caught, and take it back."""
    path = tree / PACKAGE / patch.file
    whole = path.read_text("utf-8")
    if whole.count(patch.old) != 1:
        raise SystemExit(f"{patch.name}: what it replaces is not there, or more than once")
    began = time.monotonic()
    path.write_text(whole.replace(patch.old, patch.new), "utf-8")
    code, test = run_tests(tree, patch.tests)
    path.write_text(whole, "utf-8")
    # A test that fails without the patch has noticed nothing.
    caught = code == FAILED and run_tests(tree, (test,))[0] == PASSED
    return {
        "name": patch.name,
        "file": patch.file,
        "caught": caught,
        "by": test,
        "seconds": round(time.monotonic() - began, 1),
    }


def _keep(results: list[dict[str, Any]]) -> None:
    """Put results in the place of the earlier ones of the same patches."""
    found = {result["name"]: {**result, "commit": current_commit()} for result in results}
    if RESULT.exists():
        found = {one["name"]: one for one in json.loads(RESULT.read_text())["patches"]} | found
    content = {
        "command": "make sabotage",
        "machine": describe_machine(),
        "patches": [found[patch.name] for patch in PATCHES if patch.name in found],
    }
    RESULT.write_text(json.dumps(content, indent=2) + "\n")


def main() -> int:
    """Run all patches, or those that are named."""
    names = sys.argv[1:]
    chosen = [patch for patch in PATCHES if not names or patch.name in names]
    results = []
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder)
        copy_tree(tree)
        for patch in chosen:
            results.append(sabotage(patch, tree))
            word = "caught" if results[-1]["caught"] else "NOT CAUGHT"
            print(f"{word}  {patch.name}  {results[-1]['by']}", flush=True)
    caught = sum(result["caught"] for result in results)
    print(f"{caught} of {len(results)} caught")
    _keep(results)
    return int(caught < len(results))


if __name__ == "__main__":
    sys.exit(main())
