"""The self-test inside a model file: what its network must answer to an input that never changes.

The seal says that a file is as it was written. The self-test says more: that its weights, in the
network that this release builds on this machine, still do what they did when they were saved.
"""

from __future__ import annotations

import sys

import torch
from torch import Tensor

from overtile.config import NetworkConfig
from overtile.model.geometry import output_size, smallest_input
from overtile.model.unet import UNet

EXPECTED_NAME = "self_test.expected"
"""Name of the tensor in the file that holds the answer; no weight is called so."""

LARGEST_DIFFERENCE = 1e-9
"""Of two answers, as a share of the largest value. In 64 bits the number of threads, the layout in
memory and the machine differ by some 1e-14; a tensor of weights, biases or means that is off by a
thousandth differs by 1e-7 or more. In 32 bits both differ by 1e-6, so it is computed in 64."""

_LARGEST_MEMORY_BYTES = 1 << 30
_GREY_VALUES = 251  # a prime: the pattern repeats along no axis of usual length


def answer_shape(network: UNet) -> tuple[int, ...] | None:
    """Give (K, T, T), the shape of the answer; None where the smallest tile takes over 1 GiB.

    No machine that is not made for such a network could run its self-test.
    """
    config = network.config
    side = smallest_input(1, config.depth, config.binning)
    # In 64 bits a convolution lays out, for each pixel, the 3 x 3 pixels around it.
    largest_map = max(network.in_channels, config.base_channels) * side**config.dimensions
    if largest_map * 3**config.dimensions * torch.float64.itemsize > _LARGEST_MEMORY_BYTES:
        return None
    return (
        network.classes,
        *(output_size(side, config.depth, config.binning),) * config.dimensions,
    )


def self_test_input(in_channels: int, config: NetworkConfig) -> Tensor:
    """Give the input: grey values that look random, from integers alone, on the smallest tile.

    It is computed and not stored: for the paper's network it would be longer than many a model, and
    what is not in the file needs no check.

    Returns
    -------
    pixels : (1, C, S, S) tensor of float64
        In [-1, 1]; (1, C, S, S, S) for volumes.
    """
    side = smallest_input(1, config.depth, config.binning)
    shape = (1, in_channels, *(side,) * config.dimensions)
    count = torch.arange(torch.Size(shape).numel(), dtype=torch.int64)
    grey = (count * count % 1_000_003 * 7919 + count) % _GREY_VALUES
    return (grey.double() / ((_GREY_VALUES - 1) / 2) - 1).reshape(shape)


def answer(network: UNet) -> Tensor:
    """Compute what a network says to the input; it is left as it is, wherever it is.

    Returns
    -------
    logits : (K, T, T) tensor of float64
        On the CPU.
    """
    with torch.device("meta"):
        exact = UNet(network.in_channels, network.classes, network.config)
    weights = {
        name: value.detach().cpu().double() if value.is_floating_point() else value.detach().cpu()
        for name, value in network.state_dict().items()
    }
    exact.load_state_dict(weights, strict=True, assign=True)
    with torch.no_grad():
        logits: Tensor = exact.eval()(self_test_input(network.in_channels, network.config))[0]
    return logits


def difference(found: Tensor, expected: Tensor) -> float:
    """Compare two answers: the largest difference, as a share of the largest value expected."""
    largest = max(float(expected.abs().max()), sys.float_info.min)
    return float((found - expected).abs().max()) / largest
