"""One row of the speed tables: two sides of one job, measured in turns in one process."""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from machine import current_commit, describe_machine

RESULTS = Path(__file__).parents[1] / "results" / "speed"
_STATISTICS = Path("/proc/stat")
_TICKS_PER_SECOND = 100


@dataclass(frozen=True, kw_only=True)
class Row:
    """What one job took here and elsewhere, and whether both gave the same."""

    job: str
    against: str
    """What the other side is."""

    ours_s: float
    theirs_s: float
    """Medians, in seconds."""

    at_least: float
    aim: float
    """Ratios that are asked for."""

    rounds: int
    gate: str
    """What was compared, and how far it differed."""

    foreign_cores: float
    """Cores that other programs used meanwhile; above 0.3, two threads are slowed."""

    note: str = ""

    @property
    def ratio(self) -> float:
        """How many times as fast we are."""
        return self.theirs_s / self.ours_s


def interleave(
    sides: Mapping[str, Callable[[], object]], rounds: int, warm: bool = True
) -> tuple[dict[str, list[float]], float]:
    """Time all sides in turns.

    Parameters
    ----------
    sides : mapping of callables
    rounds : int
    warm : bool
        Call each once before, untimed.

    Returns
    -------
    seconds : dict of list
        Of each side, in the order of the rounds.
    foreign_cores : float
        Cores that other programs used meanwhile.
    """
    if warm:
        for run in sides.values():
            run()
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    busy, own, began = _busy_seconds(), time.process_time(), time.perf_counter()
    for _ in range(rounds):
        for name, run in sides.items():
            start = time.perf_counter()
            run()
            seconds[name].append(time.perf_counter() - start)
    wall = time.perf_counter() - began
    foreign = (_busy_seconds() - busy - (time.process_time() - own)) / wall
    return seconds, round(max(0.0, foreign), 2)


def median(seconds: list[float]) -> float:
    """Give the median, to six digits."""
    return float(f"{statistics.median(seconds):.6g}")


def print_rows(rows: list[Row]) -> None:
    """Print `rows` as one line of JSON, for `quick.py`."""
    print(json.dumps([asdict(row) | {"ratio": row.ratio} for row in rows]))


def write_rows(name: str, command: str, rows: list[Row], **more: Any) -> Path:  # noqa: ANN401
    """Write `rows` to ``benchmarks/results/speed/NAME.json``, and print them."""
    RESULTS.mkdir(parents=True, exist_ok=True)
    path = RESULTS / f"{name}.json"
    content = {
        "command": command,
        "commit": current_commit(),
        "machine": describe_machine(),
        **more,
        "rows": [asdict(row) | {"ratio": float(f"{row.ratio:.4g}")} for row in rows],
    }
    path.write_text(json.dumps(content, indent=1) + "\n")
    for row in rows:
        print(
            f"{row.job}: {row.ours_s:.4g} s against {row.theirs_s:.4g} s of {row.against}: "
            f"{row.ratio:.1f} times as fast (at least {row.at_least:g}, aim {row.aim:g}); "
            f"{row.gate}"
        )
    return path


def _busy_seconds() -> float:
    """Give the processor time that all programs have used since the start of the machine."""
    if not _STATISTICS.exists():
        return time.process_time()
    user, nice, system = map(int, _STATISTICS.read_text().split()[1:4])
    return (user + nice + system) / _TICKS_PER_SECOND
