"""Training steps against plain ones, what a step waits for, and whether bfloat16 learns the same.

``python benchmarks/speed/training.py`` takes about eight minutes on two cores. Plain means: the
same layers in torch, fp32, channels first, as public repositories train them, on equal threads.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

import numpy as np
import torch
from row import Row, interleave, median, print_rows, write_rows
from torch.nn import functional

from overtile.choices import Precision
from overtile.config import NetworkConfig, Recipe, read_recipe
from overtile.data.normalise import normalise
from overtile.data.sample import Annotated
from overtile.data.synthetic import generate
from overtile.model.geometry import context_px
from overtile.model.unet import UNet
from overtile.training.loop import Batch, TrainingState, take_step, train_steps
from overtile.training.sampling import make_sampler
from overtile.training.schedule import Clock, Pace, RunLength
from overtile.training.tiles_ahead import TilesAhead

COMMAND = "python benchmarks/speed/training.py"
CURVE_STEPS = 300
WAIT_STEPS = 40


def rows(quick: bool) -> list[Row]:
    """Measure steps of both networks, or of the narrower one."""
    found = [_steps("width 32, batch normalisation, 4 tiles of 252 px", 32, True, 4, 252, 2.2, 3)]
    if not quick:
        found.append(_steps("the paper's, a tile of 572 px", 64, False, 1, 572, 2.0, 3))
    return found


def _steps(
    title: str, base: int, batch_norm: bool, count: int, side: int, at_least: float, rounds: int
) -> Row:
    ours, plain = (_ours(base, batch_norm, count, side), _plain(base, batch_norm, count, side))
    rounds = 9 if base < 64 else rounds
    seconds, foreign = interleave({"ours": ours, "theirs": plain}, rounds)
    numbers = [str(number) for number in (base, int(batch_norm), count, side)]
    peaks = [
        json.loads(
            subprocess.run(
                [sys.executable, __file__, "--peak", which, *numbers],
                check=True,
                stdout=subprocess.PIPE,
            ).stdout
        )
        for which in ("ours", "plain")
    ]
    return Row(
        job=f"training step, {title}",
        against="plain torch, fp32",
        ours_s=median(seconds["ours"]),
        theirs_s=median(seconds["theirs"]),
        at_least=at_least,
        aim=3,
        rounds=rounds,
        gate="see `curves`",
        foreign_cores=foreign,
        note=f"peak memory {peaks[0] / 1e6:.0f} MB against {peaks[1] / 1e6:.0f} MB, "
        f"{peaks[0] / peaks[1]:.2f} times as much",
    )


def _recipe(base: int, batch_norm: bool, precision: Precision) -> Recipe:
    recipe = read_recipe("paper")
    network = {"base_channels": base, "batch_norm": batch_norm}
    return recipe.model_copy(
        update={
            "network": recipe.network.model_copy(update=network),
            "training": recipe.training.model_copy(update={"precision": precision}),
        }
    )


def _batch(count: int, side: int) -> Batch:
    random = torch.Generator().manual_seed(0)
    output = side - 2 * context_px()
    return Batch(
        pixels=torch.randn(count, 1, side, side, generator=random),
        classes=torch.randint(0, 2, (count, output, output), generator=random),
        weights=torch.rand(count, output, output, generator=random) + 0.5,
        places=("noise",) * count,
    )


def _ours(base: int, batch_norm: bool, count: int, side: int) -> Callable[[], object]:
    torch.manual_seed(0)
    recipe, batch = _recipe(base, batch_norm, "bf16"), _batch(count, side)
    state = TrainingState(UNet(1, 2, recipe.network), recipe)
    return lambda: take_step(state, batch, recipe)


def _plain(base: int, batch_norm: bool, count: int, side: int) -> Callable[[], object]:
    torch.manual_seed(0)
    network = UNet(1, 2, NetworkConfig(base_channels=base, batch_norm=batch_norm)).train()
    optimiser = torch.optim.SGD(network.parameters(), lr=1e-3, momentum=0.99)
    batch = _batch(count, side)

    def step() -> float:
        optimiser.zero_grad()
        errors = functional.cross_entropy(network(batch.pixels), batch.classes, reduction="none")
        loss = (errors * batch.weights).mean()
        loss.backward()
        optimiser.step()
        return loss.item()

    return step


def _print_peak() -> None:
    """Take three steps in this process, and tell by how much its peak of memory grew."""
    which, *numbers = sys.argv[2:]
    base, batch_norm, count, side = map(int, numbers)
    make = _ours if which == "ours" else _plain
    before = _peak_bytes()
    step = make(base, bool(batch_norm), count, side)
    for _ in range(3):
        step()
    print(_peak_bytes() - before)


def _peak_bytes() -> int:
    # Not `getrusage`: it begins with the peak of the process that started this one.
    status = Path("/proc/self/status").read_text().splitlines()
    return 1024 * int(next(line for line in status if line.startswith("VmHWM")).split()[1])


def _cells(count: int) -> list[Annotated]:
    rng = np.random.default_rng(0)
    images = []
    for number in range(count):
        pixels, labels = generate("cells", (384, 384), rng)
        ids = labels.astype(np.uint32)
        images.append(Annotated(name=str(number), pixels=normalise(pixels[None]), labels=ids))
    return images


def _curves() -> dict[str, Any]:
    """Train in both arithmetics from the same weights on the same tiles."""
    losses: dict[str, list[float]] = {}
    for name, precision, seed in (("fp32", "fp32", 0), ("bf16", "bf16", 0), ("other", "fp32", 1)):
        recipe = read_recipe("auto")
        recipe = recipe.model_copy(
            update={
                "network": recipe.network.model_copy(update={"base_channels": 16}),
                "training": recipe.training.model_copy(
                    update={"precision": precision, "tile_output": 68, "batch": 2}
                ),
            }
        )
        torch.manual_seed(seed)
        state = TrainingState(UNet(1, 2, recipe.network), recipe)
        sampler = make_sampler(recipe, "instances", 2, seed, _cells(4))
        pace = Pace(RunLength(steps=CURVE_STEPS), Clock())
        losses[name] = [step.loss for step in train_steps(state, sampler, recipe, pace)]
    ends = {name: float(np.mean(values[-50:])) for name, values in losses.items()}
    return {
        "steps": CURVE_STEPS,
        "mean_loss_of_the_last_50_steps": {name: round(value, 5) for name, value in ends.items()},
        "bf16_from_fp32": round(abs(ends["bf16"] - ends["fp32"]), 5),
        "another_seed_from_fp32": round(abs(ends["other"] - ends["fp32"]), 5),
    }


def _waits() -> list[dict[str, Any]]:
    """Measure the share of a step that goes by until its tiles are there."""
    found = []
    for name, base, output in (("auto", 16, 260), ("auto", 32, 260), ("paper", 64, 388)):
        recipe = read_recipe(name)
        recipe = recipe.model_copy(
            update={
                "network": recipe.network.model_copy(update={"base_channels": base}),
                "training": recipe.training.model_copy(
                    update={"precision": "bf16", "tile_output": output, "batch": 1}
                ),
            }
        )
        torch.manual_seed(0)
        state = TrainingState(UNet(1, 2, recipe.network), recipe)
        sampler = make_sampler(recipe, "instances", 2, 0, _cells(4))
        steps = WAIT_STEPS if base < 64 else 8
        waited = _Waiting()
        began = time.perf_counter()
        for step in train_steps(state, sampler, recipe, Pace(RunLength(steps=steps), Clock())):
            if step.step == 2:  # The first steps compile and warm up.
                waited.seconds, began = 0.0, time.perf_counter()
        whole = time.perf_counter() - began
        waited.stop()
        found.append(
            {
                "recipe": name,
                "base_channels": base,
                "seconds_a_step": round(whole / (steps - 2), 4),
                "share_waited": round(waited.seconds / whole, 5),
            }
        )
    return found


class _Waiting:
    """Counts the seconds that the training loop waits for tiles."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._original = TilesAhead.next
        original = self._original

        def timed(tiles: TilesAhead[Any]) -> Any:  # noqa: ANN401
            began = time.perf_counter()
            batch = original(tiles)
            self.seconds += time.perf_counter() - began
            return batch

        TilesAhead.next = timed  # type: ignore[method-assign]

    def stop(self) -> None:
        TilesAhead.next = self._original  # type: ignore[method-assign]


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "2")
    if "--peak" in sys.argv:
        _print_peak()
    elif "--quick" in sys.argv:
        print_rows(rows(quick=True))
    else:
        measured = rows(quick=False)
        more = {"curves": _curves(), "waits": _waits(), "threads": torch.get_num_threads()}
        print(json.dumps(more, indent=1))
        write_rows("training", COMMAND, measured, **more)
