"""Arithmetic of a network, against a count of what its layers really do."""

from __future__ import annotations

from typing import Literal

import pytest
import torch
from torch import Tensor, nn

from overtile.config import NetworkConfig
from overtile.errors import ConfigError
from overtile.model.cost import least_multiply_adds, multiply_adds
from overtile.model.geometry import smallest_input
from overtile.model.unet import UNet


def counted(network: UNet, pixels: Tensor) -> int:
    """Run the network, and multiply the shapes of what its layers take and give."""
    count = 0

    def add(layer: nn.Module, inputs: tuple[Tensor], output: Tensor) -> None:
        nonlocal count
        assert isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d))
        taps = layer.kernel_size[0] ** 2 if isinstance(layer, nn.Conv2d) else 1
        count += taps * inputs[0].shape[1] * output.shape[1] * output.shape[2] * output.shape[3]

    for layer in network.modules():
        if isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d)):
            layer.register_forward_hook(add)
    with torch.inference_mode():
        network(pixels)
    return count


@pytest.mark.parametrize("depth", [1, 2, 3, 4])
def test_multiplications_are_those_of_the_layers(depth: int) -> None:
    config = NetworkConfig(base_channels=2, depth=depth)
    window = smallest_input(7, depth), smallest_input(30, depth)
    expected = counted(UNet(3, 4, config), torch.zeros(1, 3, *window))
    assert multiply_adds(config, 3, 4, window) == expected


@pytest.mark.parametrize("binning", [2, 4])
def test_a_network_that_bins_multiplies_as_much_for_bins_as_others_do_for_pixels(
    binning: Literal[2, 4],
) -> None:
    config = NetworkConfig(base_channels=2, depth=2, binning=binning)
    window = smallest_input(7, 2, binning), smallest_input(60, 2, binning)
    expected = counted(UNet(3, 4, config), torch.zeros(1, 3, *window))
    assert multiply_adds(config, 3, 4, window) == expected
    plain = least_multiply_adds(NetworkConfig(base_channels=2, depth=2), 3, 4)
    assert least_multiply_adds(config, 3, 4) == plain / binning**2


def test_the_papers_tile_takes_300_857_gflop() -> None:
    assert 2 * multiply_adds(NetworkConfig(), 1, 2, (572, 572)) == pytest.approx(
        300.857e9, rel=1e-5
    )


@pytest.mark.parametrize(("base", "megaflop"), [(64, 1.4678), (32, 0.3673)])
def test_the_least_per_pixel(base: int, megaflop: float) -> None:
    config = NetworkConfig(base_channels=base)
    assert 2 * float(least_multiply_adds(config, 1, 2)) == pytest.approx(megaflop * 1e6, rel=1e-3)


def test_large_tiles_come_near_the_least() -> None:
    config, side = NetworkConfig(base_channels=8), smallest_input(100_000)
    found = multiply_adds(config, 1, 2, (side, side)) / (side - 184) ** 2
    assert 1 < found / float(least_multiply_adds(config, 1, 2)) < 1.002


def test_a_side_that_is_not_legal_is_refused() -> None:
    with pytest.raises(ConfigError, match="570 px does not fit"):
        multiply_adds(NetworkConfig(), 1, 2, (572, 570))
