"""Run a simulation for every data set and seed that has no result yet, and keep each as it ends."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import torch
from machine import keep_to

Run = Callable[[str, int, Path], dict[str, Any]]
"""Runs one data set with one seed; the last argument is the folder of the data sets."""


def run_missing(
    run: Run, names: Iterable[str], seeds: int, results: Path, *, minutes: float
) -> None:
    """Run what is missing, on one core; ``--seeds N`` and ``--data NAME`` ask for less.

    ``--core N`` says which core that is; programs that are started compute on it, too.

    Parameters
    ----------
    run : callable
        Gives a result, ready for JSON, with `scores`.
    names : iterable of str
        Of the data sets.
    seeds : int
    results : path
        Where results are kept.
    minutes : float
        About what one seed of one data set takes.
    """
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=seeds)
    parser.add_argument("--data", choices=tuple(names), help="one data set only")
    parser.add_argument("--core", type=int, help="compute on this core only, with one thread")
    given = parser.parse_args()
    if given.core is not None:
        keep_to(given.core)
    asked = range(given.seeds)
    data = os.environ.get("OVERTILE_DATA")
    if data is None:
        sys.exit("error: OVERTILE_DATA is not set; name the folder of the data sets")
    torch.set_num_threads(1)
    results.mkdir(parents=True, exist_ok=True)
    chosen = [given.data] if given.data else list(names)
    jobs = [(name, seed, results / f"{name}-seed{seed}.json") for seed in asked for name in chosen]
    jobs = [job for job in jobs if not job[2].exists()]
    print(f"{len(jobs)} seeds of data sets, about {minutes * len(jobs):.0f} minutes", flush=True)
    for name, seed, path in jobs:
        began = time.monotonic()
        result = run(name, seed, Path(data))
        path.write_text(json.dumps(result, indent=1) + "\n")
        print(f"{name} seed {seed}: {time.monotonic() - began:.0f} s", flush=True)
        for way, score in result["scores"].items():
            print(f"  {way}: {score}", flush=True)
