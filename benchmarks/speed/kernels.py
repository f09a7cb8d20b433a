"""Deformation, weight maps and scores against the usual tools, on one thread.

``python benchmarks/speed/kernels.py`` takes about two minutes; ``--quick`` half a minute.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ[variable] = "1"
sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1])]

from peer_environment import among_peers  # noqa: E402

if __name__ == "__main__":
    among_peers()

import math  # noqa: E402
from collections.abc import Iterator  # noqa: E402

import numpy as np  # noqa: E402
from numpy.typing import NDArray  # noqa: E402
from row import Row, interleave, median, print_rows, write_rows  # noqa: E402
from scipy import ndimage as ndi  # noqa: E402
from skimage.measure import label  # noqa: E402
from skimage.metrics import adapted_rand_error  # noqa: E402

from overtile.config import LossConfig  # noqa: E402
from overtile.data.deform import affine_field, bend, resample, resample_labels  # noqa: E402
from overtile.data.normalise import normalise  # noqa: E402
from overtile.data.synthetic import generate  # noqa: E402
from overtile.data.weight_map import border_weight_map  # noqa: E402
from overtile.evaluation import contingency, rand_error_sweep, warping_error_sweep  # noqa: E402
from overtile.evaluation.instances.seg import mean_jaccard, seg_jaccards  # noqa: E402

SIDE = 512
SLICES = 30
THRESHOLDS = np.arange(1, 21) / 21
Ids = NDArray[np.int64]


def rows(quick: bool) -> list[Row]:
    """Measure everything, in fewer rounds if `quick`."""
    rounds = 3 if quick else 9
    found = [_deformation(rounds), *_weight_maps(rounds, quick), _normalisation(rounds)]
    found += [_contingency(rounds), _rand(3), *([] if quick else [_warping(3)])]
    return found


def _deformation(rounds: int) -> Row:
    import elasticdeform

    rng = np.random.default_rng(0)
    image = ndi.gaussian_filter(rng.random((SIDE, SIDE)), 2).astype(np.float32)
    ids = rng.integers(0, 50, (SIDE // 16, SIDE // 16)).repeat(16, 0).repeat(16, 1)
    ids = ids.astype(np.uint32)
    grid = rng.normal(scale=10, size=(2, 3, 3))
    middle = ((SIDE - 1) / 2, (SIDE - 1) / 2)

    def ours() -> tuple[NDArray[np.float32], NDArray[np.uint32]]:
        field = affine_field((SIDE, SIDE), middle)
        bend(field, grid)
        return resample(image[None], field), resample_labels(ids, field)

    def theirs() -> list[NDArray[np.generic]]:
        deformed: list[NDArray[np.generic]] = elasticdeform.deform_grid(
            [image, ids], grid, order=[3, 0], mode="mirror"
        )
        return deformed

    seconds, foreign = interleave({"ours": ours, "theirs": theirs}, rounds)
    bent = np.zeros((2, SIDE, SIDE), np.float32)
    bend(bent, grid)
    nodes = np.linspace(0, 2, SIDE)
    fine = np.meshgrid(nodes, nodes, indexing="ij")
    exact = [ndi.map_coordinates(one, fine, order=3, mode="mirror") for one in grid]
    apart = float(np.abs(bent - np.stack(exact)).max())
    other = float(np.mean(ours()[1] != theirs()[1]))
    return Row(
        job=f"elastic deformation of an image and its labels, {SIDE}x{SIDE} px",
        against="elasticdeform",
        ours_s=median(seconds["ours"]),
        theirs_s=median(seconds["theirs"]),
        at_least=20,
        aim=40,
        rounds=rounds,
        gate=f"field within {apart:.1g} px of scipy's spline, {other:.1g} of the labels differ",
        foreign_cores=foreign,
        note="ours resamples by cubic convolution, elasticdeform by a cubic spline",
    )


def _weight_maps(rounds: int, quick: bool) -> Iterator[Row]:
    config = LossConfig()
    for side, count, radius in ((512, 850, 6), (2048, 4200, 11)):
        if quick and side > 512:
            continue
        labels = _discs(side, count, radius)
        objects = int(labels.max())
        seconds, foreign = interleave(
            {
                "ours": lambda labels=labels: border_weight_map(labels, config),
                "all": lambda labels=labels: ndi.distance_transform_edt(labels == 0),
                "one": lambda labels=labels: ndi.distance_transform_edt(labels != 1),
            },
            rounds,
        )
        gate = _weights_apart(config)
        for against, theirs_s, at_least, aim in (
            ("scipy: a distance transform for each object, one measured", "one", 500, 1000),
            ("scipy: one distance transform", "all", 1 / 1.5, 1.0),
        ):
            times = objects if theirs_s == "one" else 1
            yield Row(
                job=f"border weight map, {side}x{side} px with {objects} objects",
                against=against,
                ours_s=median(seconds["ours"]),
                theirs_s=times * median(seconds[theirs_s]),
                at_least=at_least,
                aim=aim,
                rounds=rounds,
                gate=gate,
                foreign_cores=foreign,
            )


def _weights_apart(config: LossConfig) -> str:
    """Compare with the rule written down, in 64 bits, on a small image."""
    labels = _discs(128, 40, 6)
    distances = np.sort(
        [ndi.distance_transform_edt(labels != one) for one in range(1, labels.max() + 1)], axis=0
    )
    gap = distances[0] + distances[1]
    naive = config.w0 * np.exp(-(gap**2) / (2 * config.sigma_px**2))
    naive[labels > 0] = 0
    apart = float(np.abs(border_weight_map(labels, config) - naive.astype(np.float32)).max())
    return f"within {apart:.1g} of the rule in 64 bits, cast to 32"


def _discs(side: int, count: int, radius: float) -> Ids:
    """Draw up to `count` discs that do not overlap."""
    rng = np.random.default_rng(0)
    labels = np.zeros((side, side), np.int64)
    drawn = 0
    while drawn < count:
        (y, x), r = rng.integers(0, side, 2), rng.uniform(0.6, 1) * radius
        rows, columns = (
            np.arange(max(0, math.floor(at - r)), min(side, math.ceil(at + r) + 1)) for at in (y, x)
        )
        disc = (rows[:, None] - y) ** 2 + (columns[None, :] - x) ** 2 < r * r
        window = labels[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        drawn += 1
        window[disc & (window == 0)] = drawn
    return label(labels, connectivity=1).astype(np.int64)


def _normalisation(rounds: int) -> Row:
    pixels = np.random.default_rng(0).integers(0, 250, (1, 4096, 4096)).astype(np.uint8)

    def theirs() -> NDArray[np.float32]:
        low, high = np.percentile(pixels, [1, 99.8])
        scaled = (pixels - (low + high) / 2) / ((high - low) / 2)
        return np.asarray(scaled, np.float32)

    seconds, foreign = interleave({"ours": lambda: normalise(pixels), "theirs": theirs}, rounds)
    apart = float(np.abs(normalise(pixels) - theirs()).max())
    return Row(
        job="grey values of 4096x4096 px to one scale, by percentiles",
        against="numpy's percentile",
        ours_s=median(seconds["ours"]),
        theirs_s=median(seconds["theirs"]),
        at_least=1,
        aim=1,
        rounds=rounds,
        gate=f"within {apart:.1g}",
        foreign_cores=foreign,
    )


def _segmentations() -> tuple[Ids, Ids]:
    """Draw a stack of cells, ids unique in the stack, and a proposal that is noisy at the edges."""
    rng = np.random.default_rng(0)
    truth = np.zeros((SLICES, SIDE, SIDE), np.int64)
    found = np.zeros_like(truth)
    for page in range(SLICES):
        cells = generate("cells", (SIDE, SIDE), rng)[1].astype(np.int64)
        truth[page] = np.where(cells, cells + truth.max(), 0)
        noise = ndi.gaussian_filter(rng.standard_normal((SIDE, SIDE)), 2)
        inside = ndi.gaussian_filter((cells > 0).astype(float), 1.5) + noise > 0.5
        pieces = label(inside, connectivity=1).astype(np.int64)
        found[page] = np.where(pieces, pieces + found.max(), 0)
    return truth, found


def _contingency(rounds: int) -> Row:
    truth, found = _segmentations()

    def ours() -> tuple[float, float, float, float]:
        table = contingency(truth, found)
        shared = table.counts.astype(np.float64)
        of_truth, of_found = (
            sizes.astype(np.float64) for sizes in (table.truth_sizes, table.predicted_sizes)
        )
        rand = 2 * (shared @ shared) / (of_truth @ of_truth + of_found @ of_found)
        share = shared / truth.size
        split = -float(share @ np.log2(shared / of_truth[table.truth_index]))
        merge = -float(share @ np.log2(shared / of_found[table.predicted_index]))
        seg = mean_jaccard(seg_jaccards(table), any_predicted=True)
        return float(rand), split, merge, seg

    seconds, foreign = interleave(
        {"ours": ours, "theirs": lambda: adapted_rand_error(truth, found, ignore_labels=())}, rounds
    )
    table = contingency(truth[:1], found[:1])
    dense = np.zeros((truth[0].max() + 1, found[0].max() + 1), np.int64)
    np.add.at(dense, (truth[0], found[0]), 1)
    ours_dense = np.zeros_like(dense)
    pairs = table.truth_ids[table.truth_index], table.predicted_ids[table.predicted_index]
    ours_dense[pairs] = table.counts
    assert np.array_equal(dense, ours_dense)
    return Row(
        job=f"Rand, information and SEG of {SLICES} pages with {truth.max()} objects, in one pass",
        against="scikit-image: adapted_rand_error alone",
        ours_s=median(seconds["ours"]),
        theirs_s=median(seconds["theirs"]),
        at_least=10,
        aim=20,
        rounds=rounds,
        gate="counts equal to those of a dense table",
        foreign_cores=foreign,
    )


def _membranes(pages: int) -> tuple[NDArray[np.bool_], NDArray[np.float32]]:
    rng = np.random.default_rng(0)
    truth = np.stack([generate("membranes", (SIDE, SIDE), rng)[1] > 0 for _ in range(pages)])
    noise = ndi.gaussian_filter(rng.standard_normal(truth.shape), (0, 2, 2))
    blurred = ndi.gaussian_filter(truth.astype(np.float32), (0, 1.5, 1.5))
    return truth, np.clip(blurred + noise, 0, 1).astype(np.float32)


def _rand(rounds: int) -> Row:
    truth, probability = _membranes(6)
    ids = [label(page, connectivity=1) for page in truth]
    seconds, foreign = interleave(
        {
            "ours": lambda: rand_error_sweep(truth, probability),
            "theirs": lambda: [
                adapted_rand_error(one, label(page > threshold, connectivity=1))
                for one, page in zip(ids, probability, strict=True)
                for threshold in THRESHOLDS
            ],
        },
        rounds,
    )
    return Row(
        job="Rand error of 6 pages at all 256 thresholds",
        against="scikit-image: label and adapted_rand_error at 20 thresholds",
        ours_s=median(seconds["ours"]),
        theirs_s=median(seconds["theirs"]),
        at_least=1,
        aim=2,
        rounds=rounds,
        gate="other conventions: scikit-image takes the background for one cell",
        foreign_cores=foreign,
    )


def _warping(rounds: int) -> Row:
    truth, probability = _membranes(1)
    sweep = warping_error_sweep(truth, probability)
    seconds, foreign = interleave(
        {
            "ours": lambda: warping_error_sweep(truth, probability),
            "theirs": lambda: [
                _warped_plainly(truth[0], probability[0], threshold)
                for threshold in sweep.thresholds
            ],
        },
        rounds,
    )
    middle = len(sweep.thresholds) // 2
    threshold = sweep.thresholds[middle]
    bent = _warped_plainly(truth[0], probability[0], threshold)
    plain = np.count_nonzero(bent != (probability[0] > threshold)) / bent.size
    return Row(
        job=f"warping error of a page at {len(sweep.thresholds)} thresholds",
        against="the same rule pixel by pixel in Python and numpy",
        ours_s=median(seconds["ours"]),
        theirs_s=median(seconds["theirs"]),
        at_least=50,
        aim=100,
        rounds=rounds,
        gate=f"error {sweep.errors[middle]:.8f} and {plain:.8f} at {threshold:g}",
        foreign_cores=foreign,
        note="ours also names each mistake",
    )


def _warped_plainly(
    truth: NDArray[np.bool_], grey: NDArray[np.float32], threshold: float
) -> NDArray[np.bool_]:
    """Bend the truth towards a proposal by simple points, the farthest from the threshold first."""
    framed, proposal = np.pad(truth, 1), np.pad(grey > threshold, 1)
    distance = np.abs(np.pad(grey, 1) - np.float32(threshold))
    changed = True
    while changed:
        changed = False
        wrong = np.argwhere(framed[1:-1, 1:-1] != proposal[1:-1, 1:-1]) + 1
        order = np.argsort(-distance[wrong[:, 0], wrong[:, 1]], kind="stable")
        for y, x in wrong[order]:
            if _is_simple(framed[y - 1 : y + 2, x - 1 : x + 2]):
                framed[y, x] ^= True
                changed = True
    return framed[1:-1, 1:-1]


def _is_simple(around: NDArray[np.bool_]) -> bool:
    """Say whether the middle may change: one 4-connected neighbour inside, one 8-connected out."""
    inside, outside = around.copy(), ~around
    inside[1, 1] = outside[1, 1] = False
    pieces, _ = ndi.label(inside)
    beside = [pieces[0, 1], pieces[1, 0], pieces[1, 2], pieces[2, 1]]
    holes = int(ndi.label(outside, structure=np.ones((3, 3)))[1])
    return len(set(beside) - {0}) == 1 and holes == 1


if __name__ == "__main__":
    if "--quick" in sys.argv:
        print_rows(rows(quick=True))
    else:
        write_rows("kernels", "python benchmarks/speed/kernels.py", rows(quick=False), threads=1)
