"""How long scoring takes: our measures and scikit-image's, side by side, on generated membranes.

``python benchmarks/metrics.py`` scores 30 pages of 512×512, one thread, medians of three rounds in
which the measures take turns; about two minutes.
"""

from __future__ import annotations

import os

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ[variable] = "1"

import json  # noqa: E402
import statistics  # noqa: E402
import time  # noqa: E402
from collections.abc import Callable  # noqa: E402
from pathlib import Path  # noqa: E402

import numpy as np  # noqa: E402
from machine import current_commit, describe_machine  # noqa: E402
from numpy.typing import NDArray  # noqa: E402
from scipy import ndimage as ndi  # noqa: E402
from skimage.measure import label  # noqa: E402
from skimage.metrics import adapted_rand_error  # noqa: E402

from overtile.data.synthetic import generate  # noqa: E402
from overtile.evaluation import (  # noqa: E402
    rand_error_sweep,
    score_instances,
    score_isbi2012,
    thinned_scores,
    warping_error_sweep,
)

RESULT = Path(__file__).parent / "results" / "metrics.json"
PAGES, SIDE = 30, 512
ROUNDS = 3
THRESHOLDS = np.arange(1, 21) / 21


def main() -> None:
    """Measure, and keep the figures."""
    truth, probability = _pages()
    pairs = list(zip(truth, probability, strict=True))
    named = [(str(number), *pair) for number, pair in enumerate(pairs)]
    ids = [label(page, connectivity=1) for page in truth]
    found = [label(page > 0.5, connectivity=1) for page in probability]
    jobs: dict[str, Callable[[], object]] = {
        "Rand error at 256 thresholds": lambda: rand_error_sweep(truth, probability),
        "scikit-image: label and adapted_rand_error at 20 thresholds": lambda: [
            adapted_rand_error(one, label(page > t, connectivity=1))
            for one, page in zip(ids, probability, strict=True)
            for t in THRESHOLDS
        ],
        "warping error at 19 thresholds": lambda: warping_error_sweep(truth, probability),
        "V_rand and V_info after thinning at 19 thresholds": lambda: thinned_scores(
            truth, probability
        ),
        "all of task isbi2012": lambda: score_isbi2012(named),
        "all of task instances": lambda: score_instances(
            (str(number), one, other)
            for number, (one, other) in enumerate(zip(ids, found, strict=True))
        ),
        "scikit-image: adapted_rand_error alone": lambda: [
            adapted_rand_error(one, other) for one, other in zip(ids, found, strict=True)
        ],
    }
    seconds = _measure(jobs)
    result = {
        "command": "python benchmarks/metrics.py",
        "commit": current_commit(),
        "machine": describe_machine(),
        "pages": f"{PAGES} of {SIDE}x{SIDE} px",
        "objects": int(sum(page.max() for page in ids)),
        "threads": 1,
        "rounds": ROUNDS,
        "seconds": {name: round(statistics.median(each), 3) for name, each in seconds.items()},
        "spread": {name: [round(min(s), 3), round(max(s), 3)] for name, s in seconds.items()},
    }
    RESULT.write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result, indent=1))


def _pages() -> tuple[NDArray[np.bool_], NDArray[np.float32]]:
    """Generate cells and their borders, and a proposal: the truth blurred, with smooth noise."""
    rng = np.random.default_rng(0)
    truth = np.stack([generate("membranes", (SIDE, SIDE), rng)[1] > 0 for _ in range(PAGES)])
    noise = ndi.gaussian_filter(rng.standard_normal(truth.shape), (0, 2, 2))
    blurred = ndi.gaussian_filter(truth.astype(np.float32), (0, 1.5, 1.5))
    return truth, np.clip(blurred + noise, 0, 1).astype(np.float32)


def _measure(jobs: dict[str, Callable[[], object]]) -> dict[str, list[float]]:
    for job in jobs.values():
        job()  # compiles what is compiled at its first use
    seconds: dict[str, list[float]] = {name: [] for name in jobs}
    for _ in range(ROUNDS):
        for name, job in jobs.items():
            began = time.perf_counter()
            job()
            seconds[name].append(time.perf_counter() - began)
    return seconds


if __name__ == "__main__":
    main()
