"""U-Nets with one idea of the paper taken away, to see what it is worth."""

from __future__ import annotations

from typing import Literal, TypeAlias

import torch
from torch import Tensor, nn

from overtile.config import NetworkConfig
from overtile.model.unet import UNet, initialise

Shape: TypeAlias = Literal["paper", "no copies", "narrow expanding path"]
Start: TypeAlias = Literal["He", "naive"]

NARROW_CHANNELS = 4
"""Channels of every level of a narrow expanding path, whatever the contracting path has."""

NAIVE_SD = 0.01
"""Standard deviation of all initial weights without He's rule, as was usual before it."""


def build(channels: int, config: NetworkConfig, shape: Shape, start: Start, seed: int) -> UNet:
    """Make a two-class network; the seed decides its initial weights."""
    torch.manual_seed(seed)
    network = UNet(channels, 2, config)
    if shape == "no copies":
        for level in network.expanding:
            level.register_forward_pre_hook(_forget_the_copy)
    elif shape == "narrow expanding path":
        _narrow(network, config)
    if start == "naive":
        for layer in network.modules():
            if isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d)):
                nn.init.normal_(layer.weight, std=NAIVE_SD)
    return network


def _forget_the_copy(_: nn.Module, inputs: tuple[Tensor]) -> Tensor:
    """Put zeros where the copy stands: in the first half of the channels."""
    copy, from_below = inputs[0].chunk(2, dim=1)
    return torch.cat([torch.zeros_like(copy), from_below], dim=1)


def _narrow(network: UNet, config: NetworkConfig) -> None:
    """Replace the expanding path by one of few channels; the copies stay as wide as they are."""
    below = config.base_channels << config.depth
    for index in range(config.depth):
        copied = config.base_channels << (config.depth - 1 - index)
        network.up_convolutions[index] = nn.ConvTranspose2d(below, NARROW_CHANNELS, 2, stride=2)
        network.expanding[index] = nn.Sequential(
            *_convolution(copied + NARROW_CHANNELS, config),
            *_convolution(NARROW_CHANNELS, config),
        )
        below = NARROW_CHANNELS
    network.classify = nn.Conv2d(NARROW_CHANNELS, network.classes, 1)
    initialise(network)


def _convolution(channels: int, config: NetworkConfig) -> list[nn.Module]:
    convolution = nn.Conv2d(channels, NARROW_CHANNELS, 3, bias=not config.batch_norm)
    if not config.batch_norm:
        return [convolution, nn.ReLU(inplace=True)]
    return [convolution, nn.BatchNorm2d(NARROW_CHANNELS, momentum=0.05), nn.ReLU(inplace=True)]
