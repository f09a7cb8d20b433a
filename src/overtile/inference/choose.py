"""Which arithmetic predicts: the fastest that gives this network's answers on these pixels."""

from __future__ import annotations

import time
from dataclasses import dataclass

from overtile.arrays import Floats
from overtile.choices import InferencePrecision
from overtile.config import NetworkConfig
from overtile.data.mirror import mirror_crop
from overtile.inference.agreement import HALF_PRECISION_GATE, INT8_GATE, agreement
from overtile.inference.openvino_engine import Ranges, find_ranges
from overtile.inference.predict import Predictor
from overtile.model.device import fastest_precision
from overtile.model.geometry import context_px, smallest_input
from overtile.model.unet import UNet

_SAMPLE_PX = 256


@dataclass(frozen=True, kw_only=True)
class Arithmetic:
    """How a network will compute, and why so."""

    precision: InferencePrecision
    reason: str
    ranges: Ranges = ()
    """What the convolutions see, for ``int8``."""


def choose_arithmetic(network: UNet, pixels: Floats, integers: bool = False) -> Arithmetic:
    """Take the faster precision of the device if the network passes its gate on the sample.

    Parameters
    ----------
    network : UNet
        In evaluation mode, on its device.
    pixels : (C, y, x) array of float32
        A sample of what is to be predicted, normalised; see `sample`.
    integers : bool
        Take 8-bit integers before anything else, if they pass theirs.

    Returns
    -------
    arithmetic : Arithmetic
        ``int8`` only where asked for, and where it decides all but three in a thousand pixels as
        ``fp32`` does. ``bf16`` only where the device is faster with it, and where it decides all
        but one in a thousand pixels as ``fp32`` does and moves no probability by more than 0.03.

    Raises
    ------
    ConfigError
        If integers are asked for and the extra `fast` is not installed, or the device is a GPU.
    """
    if not integers:
        return _floats(network, pixels)
    ranges = find_ranges(network, _mirrored(pixels, network.config))
    found = agreement(
        Predictor(network=network).probabilities(pixels),
        Predictor(network=network, precision="int8", ranges=ranges).probabilities(pixels),
    )
    said = f"in 8-bit integers {found} on a sample"
    if found.passes(INT8_GATE):
        return Arithmetic(precision="int8", reason=f"{said}, which is allowed", ranges=ranges)
    other = _floats(network, pixels)
    return Arithmetic(
        precision=other.precision, reason=f"{said}, which is not allowed; {other.reason}"
    )


def _mirrored(pixels: Floats, config: NetworkConfig) -> Floats:
    """Add the context that a sample needs, by mirroring."""
    rim = context_px(config.depth, config.binning)
    sides = (smallest_input(side, config.depth, config.binning) for side in pixels.shape[1:])
    rows, columns = ((-rim, side - rim) for side in sides)
    return mirror_crop(pixels, rows, columns)


def _floats(network: UNet, pixels: Floats) -> Arithmetic:
    device = next(network.parameters()).device
    fastest, reason = fastest_precision(device)
    if fastest == "fp32":
        return Arithmetic(precision="fp32", reason=reason)
    full, reduced = (
        Predictor(network=network, precision=precision).probabilities(pixels)
        for precision in ("fp32", "bf16")
    )
    found = agreement(full, reduced)
    said = f"in 16 bits {found} on a sample"
    if found.passes(HALF_PRECISION_GATE):
        return Arithmetic(precision="bf16", reason=f"{reason} and {said}, which is allowed")
    return Arithmetic(precision="fp32", reason=f"{said}, which is not allowed")


def sample(pixels: Floats) -> Floats:
    """Cut the middle of an image, at most 256 px a side: (C, Y, X) to (C, y, x)."""
    rows, columns = (slice(*middle_span(length)) for length in pixels.shape[1:])
    return pixels[:, rows, columns]


def middle_span(length: int) -> tuple[int, int]:
    """Give (start, stop) of the middle of a side, at most 256 px."""
    start = max(0, (length - _SAMPLE_PX) // 2)
    return start, min(length, start + _SAMPLE_PX)


def seconds_per_multiply_add(predictor: Predictor, pixels: Floats) -> float:
    """Time the prediction of a sample, which was predicted before: what one multiplication takes.

    Parameters
    ----------
    predictor : Predictor
        Without test-time augmentation.
    pixels : (C, y, x) array of float32

    Returns
    -------
    seconds : float
    """
    predictor.probabilities(pixels)
    began = time.perf_counter()
    predictor.probabilities(pixels)
    count = predictor.plan((pixels.shape[1], pixels.shape[2])).multiply_adds
    return (time.perf_counter() - began) / count
