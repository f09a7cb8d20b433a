"""How long `overtile predict` takes until the network gets its first rows, against importing torch.

``python benchmarks/speed/cold_start.py`` takes about a minute, after ``huge.py``, whose network it
uses.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from huge import WORK, prepare
from row import Row, interleave, median, print_rows, write_rows

COMMAND = "python benchmarks/speed/cold_start.py"

# Ends the process where the first rows enter; nothing is imported for it before the command does.
UNTIL_FIRST_ROWS = """
import os, sys
import overtile.cli.main
class Finder:
    def find_spec(self, name, path, target=None):
        if name == "overtile.inference.predict":
            from overtile.inference.stream import RowStream
            RowStream.push = lambda stream, pixels: os._exit(0)
sys.meta_path.insert(0, Finder())
overtile.cli.main.main(sys.argv[1:])
"""


def rows(quick: bool) -> list[Row]:
    """Start both in turns."""
    prepare()
    out = WORK / "cold"
    shutil.rmtree(out, ignore_errors=True)
    image = next((WORK / "images").iterdir())
    words = ["predict", str(WORK / "run"), str(image), "--out", str(out), "--save", "labels"]

    def start(*command: str) -> None:
        subprocess.run([sys.executable, "-c", *command], check=True, stderr=subprocess.DEVNULL)

    rounds = 3 if quick else 9
    sides = {
        "ours": lambda: start(UNTIL_FIRST_ROWS, *words),
        "theirs": lambda: start("import torch"),
    }
    seconds, foreign = interleave(sides, rounds)
    return [
        Row(
            job="start of `overtile predict` until the first rows enter the network",
            against="`import torch` alone",
            ours_s=median(seconds["ours"]),
            theirs_s=median(seconds["theirs"]),
            at_least=1 / 1.5,
            aim=1 / 1.2,
            rounds=rounds,
            gate="-",
            foreign_cores=foreign,
            note="the ratio is that of torch alone to all",
        )
    ]


if __name__ == "__main__":
    if "--quick" in sys.argv:
        print_rows(rows(quick=True))
    else:
        write_rows("cold_start", COMMAND, rows(quick=False))
