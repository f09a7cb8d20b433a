"""Are tiles seamless? Every way of tiling against the same network on the whole page at once.

``python benchmarks/claims/seams.py`` needs two trained networks: that of the trial
``augmentation-elastic-20-slices-seed0``, and MONAI's of ``baselines/run.py monai``. It runs itself
in the environment of MONAI, whose sliding window it measures.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT / "benchmarks" / folder) for folder in ("claims", "baselines", ".")]

import torch  # noqa: E402
from machine import current_commit, describe_machine  # noqa: E402
from networks import build  # noqa: E402
from peer_environment import peer_python  # noqa: E402
from safetensors.torch import load_file  # noqa: E402
from trial import read_split  # noqa: E402
from trials import all_trials  # noqa: E402

from overtile.arrays import Floats  # noqa: E402
from overtile.data.mirror import mirror_crop  # noqa: E402
from overtile.inference.predict import Predictor  # noqa: E402
from overtile.model.geometry import context_px  # noqa: E402
from overtile.model.unet import UNet  # noqa: E402

TRIAL = "augmentation-elastic-20-slices-seed0"
RUNS = ROOT / "runs"
OURS = RUNS / "claims" / TRIAL / "weights.safetensors"
MONAIS = RUNS / "baselines" / "monai" / "weights.safetensors"
RESULT = ROOT / "benchmarks" / "results" / "seams.json"
OUTPUT_PX = 196
WINDOW_PX = 256
NARROW_BYTES = 16_000_000
"""Memory for maps that cuts a page of 512 px into a few strips."""

NEAR_PX = 8
"""A pixel at most so far from a seam lies along it."""

Probability = Callable[[Floats], Floats]
"""From grey values (1, Y, X) to the (Y, X) probability of interior."""


@dataclass(frozen=True, kw_only=True)
class Route:
    """One way of tiling, and the same network without tiles."""

    title: str
    stitched: Probability
    whole: Probability
    seams: tuple[int, ...]
    """Rows and columns of a 512 px page where windows begin or end."""


def main() -> None:
    """Measure every route on the held-out pages."""
    if "OVERTILE_DATA" not in os.environ:
        sys.exit("error: OVERTILE_DATA is not set; name the folder of the data sets")
    for weights, command in ((OURS, f"claims/run.py {TRIAL}"), (MONAIS, "baselines/run.py monai")):
        if not weights.exists():
            sys.exit(f"error: {weights} is not there; run `python benchmarks/{command}` first")
    if "--inside" not in sys.argv:
        python = peer_python()
        sys.exit(subprocess.run([python, __file__, "--inside"], check=False).returncode)
    trial = next(trial for trial in all_trials() if trial.name == TRIAL)
    _, _, pages = read_split(trial, Path(os.environ["OVERTILE_DATA"]))
    network = build(1, trial.settled().network, trial.shape, trial.start, trial.seed)
    network.load_state_dict(load_file(OURS))
    routes = [*_with_context(network.eval()), *_padded()]
    result = {
        "command": "python benchmarks/claims/seams.py",
        "commit": current_commit(),
        "machine": describe_machine(),
        "pages": [page.name for page in pages],
        "near_px": NEAR_PX,
        "routes": [_measure(route, [page.pixels for page in pages]) for route in routes],
    }
    RESULT.write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result["routes"], indent=1))


def _measure(route: Route, pages: list[Floats]) -> dict[str, Any]:
    differences, flips = [], 0
    for pixels in pages:
        stitched, whole = route.stitched(pixels), route.whole(pixels)
        differences.append(np.abs(stitched - whole))
        flips += int(np.count_nonzero((stitched > 0.5) != (whole > 0.5)))
    difference = np.stack(differences)
    place = np.arange(difference.shape[-1])
    near = np.any([np.abs(place + 0.5 - seam) <= NEAR_PX for seam in route.seams], axis=0)
    along = difference[:, near[:, None] | near[None, :]]
    return {
        "title": route.title,
        "largest_along_seams": float(along.max()),
        "mean_along_seams": float(along.mean()),
        "largest": float(difference.max()),
        "share_of_flipped_pixels": flips / difference.size,
    }


def _with_context(network: UNet) -> Iterator[Route]:
    """Give the overlap-tile strategy, by our step and by that of the paper's figure."""

    def whole(pixels: Floats) -> Floats:
        return Predictor(network=network).probabilities(pixels)[1]

    in_strips = Predictor(network=network, memory_bytes=NARROW_BYTES)
    strips = in_strips.plan((512, 512)).strips
    yield Route(
        title="overlap-tile as here: steps of a multiple of 2^depth",
        stitched=lambda pixels: in_strips.probabilities(pixels)[1],
        whole=whole,
        seams=tuple(strip.keep.start for strip in strips[1:]),
    )
    yield Route(
        title=f"overlap-tile, steps of the full output of {OUTPUT_PX} px",
        stitched=lambda pixels: _steps_of_the_output(network, pixels),
        whole=whole,
        seams=tuple(range(OUTPUT_PX, 512, OUTPUT_PX)),
    )


def _steps_of_the_output(network: UNet, pixels: Floats) -> Floats:
    rim = context_px(network.config.depth)
    height, width = pixels.shape[1:]
    result = np.empty((height, width), np.float32)
    for y in range(0, height, OUTPUT_PX):
        for x in range(0, width, OUTPUT_PX):
            rows, columns = ((at - rim, at + OUTPUT_PX + rim) for at in (y, x))
            tile = _probability(network, mirror_crop(pixels, rows, columns))
            kept = result[y : y + OUTPUT_PX, x : x + OUTPUT_PX]
            kept[:] = tile[: kept.shape[0], : kept.shape[1]]
    return result


def _padded() -> Iterator[Route]:
    """Give MONAI's padded network on windows side by side, and blended by MONAI."""
    from monai.inferers import SlidingWindowInferer
    from monai.networks.nets import BasicUNet

    network = BasicUNet(spatial_dims=2, in_channels=1, out_channels=2).eval()
    network.load_state_dict(load_file(MONAIS))

    def whole(pixels: Floats) -> Floats:
        return _probability(network, pixels)

    def blended(overlap: float) -> Probability:
        inferer = SlidingWindowInferer(WINDOW_PX, overlap=overlap, mode="gaussian")

        def predict(pixels: Floats) -> Floats:
            with torch.inference_mode():
                logits = inferer(torch.from_numpy(pixels)[None], network)
            return logits[0].softmax(dim=0)[1].numpy()

        return predict

    yield Route(
        title=f"MONAI BasicUNet, windows of {WINDOW_PX} px side by side",
        stitched=_side_by_side(network),
        whole=whole,
        seams=(WINDOW_PX,),
    )
    for overlap in (0.25, 0.5):
        step = int(WINDOW_PX * (1 - overlap))
        begins = {min(at, 512 - WINDOW_PX) for at in range(0, 512 - WINDOW_PX + step, step)}
        edges = begins | {begin + WINDOW_PX for begin in begins}
        yield Route(
            title=f"MONAI BasicUNet, windows of {WINDOW_PX} px blended, overlap {overlap}",
            stitched=blended(overlap),
            whole=whole,
            seams=tuple(sorted(edges - {0, 512})),
        )


def _side_by_side(network: torch.nn.Module) -> Probability:
    def predict(pixels: Floats) -> Floats:
        result = np.empty(pixels.shape[1:], np.float32)
        for y in range(0, result.shape[0], WINDOW_PX):
            for x in range(0, result.shape[1], WINDOW_PX):
                window = (slice(y, y + WINDOW_PX), slice(x, x + WINDOW_PX))
                result[window] = _probability(network, pixels[:, *window])
        return result

    return predict


def _probability(network: torch.nn.Module, pixels: Floats) -> Floats:
    with torch.inference_mode():
        logits = network(torch.from_numpy(np.ascontiguousarray(pixels))[None])
    return logits[0].softmax(dim=0)[1].numpy()


if __name__ == "__main__":
    main()
