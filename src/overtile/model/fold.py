"""Batch normalisation folded into the convolutions before it: the same function, one pass less."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from overtile.model.unet import UNet


def fold(network: UNet) -> UNet:
    """Give a network without batch normalisation that computes the same as `network` does.

    In evaluation mode, normalisation is one factor and one offset for each channel, and the
    convolution before it can take both.

    Parameters
    ----------
    network : UNet
        Left as it is.

    Returns
    -------
    folded : UNet
        In evaluation mode, on the same device. Where there is nothing to fold, the weights are
        those of `network`, not copies.
    """
    plain = network.config.model_copy(update={"batch_norm": False})
    with torch.device("meta"):
        folded = UNet(network.in_channels, network.classes, plain)
    folded.load_state_dict(dict(_weights(network)), strict=True, assign=True)
    return folded.eval()


def _weights(network: UNet) -> dict[str, Tensor]:
    weights: dict[str, Tensor] = {}
    for name, layer in network.named_children():
        levels = layer if isinstance(layer, nn.ModuleList) else [layer]
        for number, level in enumerate(levels):
            prefix = f"{name}.{number}" if isinstance(layer, nn.ModuleList) else name
            if isinstance(level, nn.Sequential):
                weights |= _double_convolution(prefix, level)
            else:
                values = level.state_dict()
                weights |= {f"{prefix}.{key}": value.detach() for key, value in values.items()}
    return weights


def _double_convolution(prefix: str, layers: nn.Sequential) -> dict[str, Tensor]:
    """Name weights as without normalisation, where a ReLU follows each convolution."""
    weights: dict[str, Tensor] = {}
    for layer, after in zip(layers, [*list(layers)[1:], None], strict=True):
        if not isinstance(layer, (nn.Conv2d, nn.Conv3d)):
            continue
        weight, bias = layer.weight.detach(), layer.bias
        if isinstance(after, (nn.BatchNorm2d, nn.BatchNorm3d)):
            weight, offset = _normalised(weight, after)
        else:
            assert bias is not None
            offset = bias.detach()
        place = f"{prefix}.{len(weights)}"  # convolution, ReLU, convolution, ReLU: 0 and 2
        weights |= {f"{place}.weight": weight, f"{place}.bias": offset}
    return weights


def _normalised(
    weight: Tensor, normalisation: nn.BatchNorm2d | nn.BatchNorm3d
) -> tuple[Tensor, Tensor]:
    mean, variance = normalisation.running_mean, normalisation.running_var
    assert mean is not None
    assert variance is not None
    # In 64 bits: a channel that hardly varies is multiplied by a large number.
    factor = normalisation.weight.detach().double() / (variance.double() + normalisation.eps).sqrt()
    folded = weight.double() * factor.reshape(-1, *[1] * (weight.ndim - 1))
    offset = normalisation.bias.detach().double() - mean.double() * factor
    return folded.to(weight.dtype), offset.to(weight.dtype)
