"""The sliding window of Ciresan et al. 2012: balanced patches, and one pass a pixel.

Departures: one network instead of an average of four; rectifiers instead of tanh units; no
foveation and no non-uniform sampling of the window; Adam, because five minutes are nothing for
plain gradient descent; Bayes' rule instead of a fitted polynomial as calibration; no median filter.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import partial

import numpy as np
import torch
from method import Batch, Method, Source
from patch_network import PatchNetwork, predict_densely, predict_patches, window_around

from overtile.arrays import Floats
from overtile.data.sample import Annotated

BATCH = 32
TIMED_PATCHES = 2048


def sliding_window(window: int) -> Method:
    """Classify every pixel by the window around it, of `window` px."""
    return Method(
        build=partial(_build, window),
        source=partial(_source, window),
        predict=predict_densely,
        rates=(3e-4, 1e-3, 3e-3),
        other_route=time_patches,
    )


def time_patches(network: PatchNetwork, pixels: Floats) -> dict[str, float]:
    """Time the route of 2012 on some random pixels: one patch, one prediction.

    Returns
    -------
    times : dict
        Patches and their seconds as measured, and from them the seconds of a whole page.
    """
    rng = np.random.default_rng(0)
    rows, columns = rng.integers(0, pixels.shape[1:], size=(TIMED_PATCHES, 2)).T
    surroundings = window_around(pixels, (0, pixels.shape[1]), network.window)[0]
    began = time.monotonic()
    for start in range(0, TIMED_PATCHES, BATCH):
        part = slice(start, start + BATCH)
        predict_patches(network, cut(surroundings, rows[part], columns[part], network.window))
    seconds = time.monotonic() - began
    return {
        "patch_wise_patches_timed": TIMED_PATCHES,
        "patch_wise_seconds_timed": seconds,
        "patch_wise_seconds_per_image": seconds * pixels[0].size / TIMED_PATCHES,
    }


def cut(
    surroundings: Floats, rows: Sequence[int], columns: Sequence[int], window: int
) -> torch.Tensor:
    """Cut the (N, 1, window, window) patches around some pixels out of `window_around`."""
    patches = [
        surroundings[row : row + window, column : column + window]
        for row, column in zip(rows, columns, strict=True)
    ]
    return torch.from_numpy(np.stack(patches)[:, None])


def _build(window: int, pages: Sequence[Annotated]) -> PatchNetwork:
    return PatchNetwork(window, float(np.mean([page.labels.mean() for page in pages])))


def _source(window: int, pages: Sequence[Annotated], seed: int) -> Source:
    """Draw as many patches of membrane as of interior, turned and mirrored at random."""
    surroundings = [
        window_around(page.pixels, (0, page.labels.shape[0]), window)[0] for page in pages
    ]
    labels = np.stack([page.labels for page in pages])
    places = [np.argwhere(labels == k).astype(np.int16) for k in range(2)]

    def draw(step: int) -> Batch:
        rng = np.random.default_rng([seed, step])
        classes = np.arange(BATCH) % 2
        patches = []
        for k in classes:
            page, row, column = places[k][rng.integers(len(places[k]))]
            patch = surroundings[page][row : row + window, column : column + window]
            patch = np.rot90(patch, rng.integers(4))
            patches.append(patch[:, ::-1] if rng.random() < 0.5 else patch)
        return torch.from_numpy(np.stack(patches)[:, None]), torch.from_numpy(classes)[
            :, None, None
        ]

    return draw
