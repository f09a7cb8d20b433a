"""The network in 8-bit integers, run by OpenVINO: the extra `fast`.

Weights are rounded to 255 steps for each channel, and the input of each convolution to 256 steps
between the least and the greatest value that it had on a sample. Sums are exact.
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Sequence
from functools import cache
from typing import Any, TypeAlias

import numpy as np
import torch
from torch import Tensor, nn

from overtile.arrays import Floats
from overtile.choices import InferencePrecision
from overtile.errors import ConfigError
from overtile.inference.stream import RowStream
from overtile.model.fold import fold
from overtile.model.geometry import copy_crop_px
from overtile.model.unet import UNet

Ranges: TypeAlias = tuple[tuple[float, float], ...]
"""Least and greatest input of each 3×3 convolution in the order in which they run, then of each
up-convolution."""

_Layer: TypeAlias = nn.Conv2d | nn.ConvTranspose2d

_STEPS = 256
_BLOCK_ROWS = 32
_LARGEST_WEIGHT = 127


def demand_openvino(device: torch.device) -> Any:  # noqa: ANN401
    """Import OpenVINO, for a network on `device`.

    Raises
    ------
    ConfigError
        If the extra is not installed, or the device is a GPU.
    """
    if device.type != "cpu":
        raise ConfigError(
            "--fast is for the processor, and this network runs on a GPU",
            remedy="leave --fast out, or say --device cpu",
        )
    try:
        return importlib.import_module("openvino")
    except ImportError as error:
        raise ConfigError(
            "--fast needs OpenVINO, which is not installed",
            remedy="run: pip install openvino, or leave --fast out",
        ) from error


def find_ranges(network: UNet, pixels: Floats) -> Ranges:
    """Find what the convolutions of a network see on a sample.

    Parameters
    ----------
    network : UNet
        In evaluation mode, for images.
    pixels : (C, S, S) array of float32
        Normalised and mirrored; sides are legal (`model.geometry`).
    """
    folded = fold(network)
    layers = _rounding(folded)
    found: dict[nn.Module, tuple[float, float]] = {}

    def look(layer: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        ends = [float(end) for end in inputs[0].aminmax()]
        low, high = found.get(layer, (math.inf, -math.inf))
        found[layer] = min(low, ends[0]), max(high, ends[1])

    for layer in layers:
        layer.register_forward_pre_hook(look)
    device = next(folded.parameters()).device
    stream = RowStream(folded)
    with torch.inference_mode():
        for row in range(0, pixels.shape[1], _BLOCK_ROWS):
            rows = np.ascontiguousarray(pixels[:, row : row + _BLOCK_ROWS])
            stream.push(torch.from_numpy(rows)[None].to(device))
    return tuple(found[layer] for layer in layers)


class OpenVinoEngine:
    """The network in 8-bit integers, with the first and the last layer in 16 bits.

    Parameters
    ----------
    network : UNet
        Left as it is; on the processor.
    ranges : Ranges
        See `find_ranges`.

    Raises
    ------
    ConfigError
        See `demand_openvino`.
    """

    precision: InferencePrecision = "int8"

    def __init__(self, network: UNet, ranges: Ranges) -> None:
        self.network = network
        self._openvino = demand_openvino(next(network.parameters()).device)
        self._folded = fold(network)
        self._ranges = ranges
        self._compiled: dict[tuple[int, ...], Any] = {}

    def stream(self) -> _Window:
        """Begin with a window; its stream takes all rows at once."""
        return _Window(self)

    def logits(self, pixels: Tensor) -> Tensor:
        """Compute a window (1, C, R, S) of legal sides whole."""
        shape = tuple(pixels.shape)
        if shape not in self._compiled:
            # Of one size of images, all windows are alike; more than one is not worth its memory.
            self._compiled = {shape: self._compile(shape)}
        (found,) = self._compiled[shape].infer([pixels.numpy()], share_inputs=True).values()
        return torch.from_numpy(found)

    def _compile(self, shape: tuple[int, ...]) -> Any:  # noqa: ANN401
        model = _Graph(self._openvino, self._folded, self._ranges).model(shape)
        options = {
            "INFERENCE_PRECISION_HINT": "bf16",
            "INFERENCE_NUM_THREADS": torch.get_num_threads(),
            "PERFORMANCE_HINT": "LATENCY",
        }
        return _core().compile_model(model, "CPU", options).create_infer_request()


@cache
def _core() -> Any:  # noqa: ANN401
    """Give the one core of the process.

    A core keeps the stack on which signals are handled, and puts back the one before it when it
    goes. Of several cores, that one may be gone by then, and the next Ctrl-C would end the process.
    """
    return importlib.import_module("openvino").Core()


class _Window:
    def __init__(self, engine: OpenVinoEngine) -> None:
        self._engine = engine

    def push(self, pixels: Tensor) -> Tensor | None:
        return self._engine.logits(pixels)


class _Graph:
    """Writes the network of figure 1 in the operations of OpenVINO."""

    def __init__(self, openvino: Any, folded: UNet, ranges: Ranges) -> None:  # noqa: ANN401
        self._openvino, self._network = openvino, folded
        self._op = importlib.import_module("openvino.opset15")
        self._ranges = dict(zip(_rounding(folded), ranges, strict=True))

    def model(self, shape: Sequence[int]) -> Any:  # noqa: ANN401
        op, network = self._op, self._network
        pixels = op.parameter(list(shape), np.float32)
        binning = network.config.binning
        x, skips = pixels, []
        if binning > 1:
            bins = [binning, binning]
            x = op.avg_pool(x, bins, [0, 0], [0, 0], bins, exclude_pad=False)
        for level in network.contracting:
            x = self._level(x, level)
            skips.append(x)
            x = op.max_pool(x, [2, 2], [1, 1], [0, 0], [0, 0], [2, 2]).output(0)
        x = self._level(x, network.bottom)
        depth = network.config.depth
        stages = zip(_up_convolutions(network), network.expanding, strict=True)
        for number, (up_convolution, level) in enumerate(stages, start=1):
            x = self._rounded(x, *self._ranges[up_convolution])
            weights = self._weights(up_convolution, channels=1)
            x = op.convolution_backprop_data(x, weights, [2, 2], None, [0, 0], [0, 0], [1, 1])
            x = op.add(x, _of_channels(up_convolution.bias))
            rim = copy_crop_px(depth - number, depth)
            x = op.concat([self._crop(skips[depth - number], rim), x], 1)
            x = self._level(x, level)
        x = op.convolution(x, _values(network.classify.weight), [1, 1], [0, 0], [0, 0], [1, 1])
        x = op.add(x, _of_channels(network.classify.bias))
        return self._openvino.Model([self._interpolated(x, binning)], [pixels])

    def _level(self, x: Any, layers: nn.Module) -> Any:  # noqa: ANN401
        op = self._op
        for layer in layers.children():
            if isinstance(layer, nn.Conv2d):
                # Grey values differ too finely for 256 steps: the first convolution sees them.
                first = layer is self._network.contracting[0][0]  # type: ignore[index]
                weights = _values(layer.weight) if first else self._weights(layer)
                seen = x if first else self._rounded(x, *self._ranges[layer])
                x = op.convolution(seen, weights, [1, 1], [0, 0], [0, 0], [1, 1])
                x = op.relu(op.add(x, _of_channels(layer.bias)))
        return x

    def _rounded(self, x: Any, low: float, high: float) -> Any:  # noqa: ANN401
        # An up-convolution has no ReLU: where its values can be negative, zero must be a step.
        high = max(high, 1e-6)
        if low < 0:
            step = (high - low) / (_STEPS - 1)
            low = step * np.floor(low / step)
            high = low + step * (_STEPS - 1)
        least, most = (np.full((1, 1, 1, 1), end, np.float32) for end in (low, high))
        return self._op.fake_quantize(x, least, most, least, most, _STEPS)

    def _weights(self, layer: _Layer, channels: int = 0) -> Any:  # noqa: ANN401
        """Round weights, whose axis `channels` is that of the output, in steps of its own each."""
        values = _values(layer.weight)
        largest = np.abs(values).max(axis=(1 - channels, 2, 3), keepdims=True)
        step = np.maximum(largest, np.finfo(np.float32).tiny) / _LARGEST_WEIGHT
        rounded = np.rint(values / step).astype(np.int8)
        return self._op.multiply(self._op.convert(rounded, np.float32), step.astype(np.float32))

    def _interpolated(self, x: Any, binning: int) -> Any:  # noqa: ANN401
        if binning == 1:
            return x
        scales, axes = np.full(2, binning, np.float32), np.array([2, 3], np.int64)
        wide = self._op.interpolate(x, scales, "linear_onnx", "scales", axes=axes)
        return self._crop(wide, binning)

    def _crop(self, x: Any, rim: int) -> Any:  # noqa: ANN401
        ends = (np.array([end, end], np.int64) for end in (rim, -rim, 1))
        return self._op.slice(x, *ends, np.array([2, 3], np.int64))


def _rounding(network: UNet) -> list[_Layer]:
    """List the layers whose inputs are rounded: first those of two convolutions, then the others.

    The first convolution is among them, although it sees grey values as they are.
    """
    levels = [*network.contracting, network.bottom, *network.expanding]
    layers = [layer for level in levels for layer in level.children()]
    return [
        *(layer for layer in layers if isinstance(layer, nn.Conv2d)),
        *_up_convolutions(network),
    ]


def _up_convolutions(network: UNet) -> list[nn.ConvTranspose2d]:
    return [layer for layer in network.up_convolutions if isinstance(layer, nn.ConvTranspose2d)]


def _values(tensor: Tensor | None) -> Floats:
    assert tensor is not None
    return tensor.detach().numpy()


def _of_channels(bias: Tensor | None) -> Floats:
    return _values(bias).reshape(1, -1, 1, 1)
