"""What checkpoints cost: seconds to save one, beside seconds to train a step, for three networks.

``python benchmarks/reliability/checkpoint_cost.py`` writes benchmarks/results/checkpoint_cost.json.
A run saves every minute, more seldom where that is dear; the share of the time is what follows.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import torch

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "benchmarks"))

from machine import current_commit, describe_machine  # noqa: E402

from overtile.config import read_recipe  # noqa: E402
from overtile.model.geometry import smallest_input  # noqa: E402
from overtile.model.unet import UNet  # noqa: E402
from overtile.training.checkpoint import CheckpointRecord, Checkpoints  # noqa: E402
from overtile.training.history import History  # noqa: E402
from overtile.training.keeper import (  # noqa: E402
    CHECKPOINT_SECONDS,
    LARGEST_SHARE,
    LONGEST_CHECKPOINT_SECONDS,
)
from overtile.training.loop import Batch, TrainingState, take_step  # noqa: E402
from overtile.training.sampling import tile_output_size  # noqa: E402

SAVES = 5
STEPS = 3


def measure(name: str, width: int) -> dict[str, Any]:
    """Time steps and saves of one recipe at one width."""
    recipe = read_recipe(name)
    network = recipe.network.model_copy(update={"base_channels": width})
    recipe = recipe.model_copy(update={"network": network})
    state = TrainingState(UNet(1, 2, network), recipe)
    tile = tile_output_size(recipe)
    side = smallest_input(tile, network.depth)
    batch = Batch(
        pixels=torch.randn(1, 1, side, side),
        classes=torch.zeros(1, tile, tile, dtype=torch.long),
        weights=torch.ones(1, tile, tile),
        places=("noise",),
    )
    steps = [_timed(lambda: take_step(state, batch, recipe)) for _ in range(1 + STEPS)][1:]
    with tempfile.TemporaryDirectory(dir=ROOT) as folder:
        checkpoints = Checkpoints(Path(folder), "run")
        saves = []
        for step in range(SAVES):
            record = CheckpointRecord(run="run", step=step, history=History(), unnoted=())
            saves.append(_timed(lambda record=record: checkpoints.add(state, record)))
        size = max(checkpoints.folder.iterdir()).stat().st_size
    save = statistics.median(saves)
    interval = min(max(CHECKPOINT_SECONDS, save / LARGEST_SHARE), LONGEST_CHECKPOINT_SECONDS)
    return {
        "recipe": name,
        "base_channels": width,
        "parameters": sum(part.numel() for part in state.network.parameters()),
        "checkpoint_mb": round(size / 1e6, 1),
        "seconds_per_step": round(statistics.median(steps), 3),
        "seconds_per_save": round(save, 3),
        "interval_seconds": round(interval, 1),
        "share_of_time": round(save / interval, 4),
    }


def _timed(work: Any) -> float:  # noqa: ANN401 - anything that can be called
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def main() -> None:
    """Measure and write."""
    result = {
        "command": "python benchmarks/reliability/checkpoint_cost.py",
        "machine": describe_machine(),
        "commit": current_commit(),
        "networks": [measure("auto", 16), measure("paper", 16), measure("paper", 64)],
    }
    path = ROOT / "benchmarks" / "results" / "checkpoint_cost.json"
    path.write_text(json.dumps(result, indent=2) + "\n")
    for network in result["networks"]:
        print(network)


if __name__ == "__main__":
    main()
