"""Does the plan of a prediction say what it takes? Peak memory of fresh processes against the plan.

``python benchmarks/speed/memory.py`` takes about two minutes.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
import torch
from machine import current_commit, describe_machine

from overtile.config import NetworkConfig
from overtile.inference.predict import Predictor
from overtile.model.geometry import smallest_input
from overtile.model.unet import UNet

COMMAND = "python benchmarks/speed/memory.py"
RESULT = Path(__file__).parents[1] / "results" / "speed" / "memory.json"
CASES = [
    (base, side, precision, limit_mb)
    for base in (16, 32, 64)
    for precision in ("fp32", "bf16")
    for side, limit_mb in ((2048, 1074), (4096, 1074), (4096, 300))
]


def main() -> None:
    """Measure all cases, each in a process of its own."""
    rows = []
    for case in CASES:
        words = [sys.executable, __file__, "--case", *map(str, case)]
        done = subprocess.run(words, check=True, stdout=subprocess.PIPE)
        rows.append(json.loads(done.stdout))
        print(json.dumps(rows[-1]), flush=True)
    content = {"command": COMMAND, "commit": current_commit(), "machine": describe_machine()}
    RESULT.write_text(json.dumps(content | {"rows": rows}, indent=1) + "\n")


def measure(base: int, side: int, precision: Any, limit_mb: int) -> dict[str, Any]:  # noqa: ANN401
    """Let the first rows of an image through the network, until nothing more is taken."""
    network = UNet(1, 2, NetworkConfig(base_channels=base)).eval()
    predictor = Predictor(network=network, precision=precision, memory_bytes=limit_mb * 10**6)
    plan = predictor.plan((side, side))
    least = smallest_input(1)
    predictor.engine.stream().push(torch.zeros(1, 1, least, least))  # All that is taken once.
    strip = plan.strips[0]
    pixels = np.zeros((1, plan.block_rows, strip.read[1] - strip.read[0]), np.float32)
    before = _peak_bytes()
    stream = predictor.engine.stream()
    for _ in range(-(-500 // plan.block_rows)):
        stream.push(torch.from_numpy(pixels)[None])
    return {
        "base_channels": base,
        "side_px": side,
        "precision": precision,
        "limit_mb": limit_mb,
        "strips": len(plan.strips),
        "redundancy": round(plan.redundancy, 4),
        "planned_mb": round(plan.memory_bytes / 1e6),
        "measured_mb": round((_peak_bytes() - before) / 1e6),
    }


def _peak_bytes() -> int:
    status = Path("/proc/self/status").read_text().splitlines()
    return 1024 * int(next(line for line in status if line.startswith("VmHWM")).split()[1])


if __name__ == "__main__":
    if "--case" in sys.argv:
        base, side, precision, limit_mb = sys.argv[2:]
        print(json.dumps(measure(int(base), int(side), precision, int(limit_mb))))
    else:
        main()
