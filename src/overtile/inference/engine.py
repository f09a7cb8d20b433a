"""What runs a network over rows of an image: one seam, behind which engines stand."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor

from overtile.choices import InferencePrecision, Precision
from overtile.inference.stream import RowStream
from overtile.model.fold import fold
from overtile.model.unet import UNet

_TYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}


class Stream(Protocol):
    """An image, or a strip of it, that runs through a network; see `RowStream`."""

    def push(self, pixels: Tensor) -> Tensor | None:
        """Take the next rows (1, C, R, S), and give the next rows of logits (1, K, R', T)."""


class Engine(Protocol):
    """A network made ready to predict."""

    network: UNet
    """The one that it computes; tells channels, classes and geometry."""

    @property
    def precision(self) -> InferencePrecision:
        """Arithmetic that it computes in."""

    def stream(self) -> Stream:
        """Begin with an image, or a strip of one."""


class TorchEngine:
    """The network in torch: batch normalisation folded, channels last, in one precision.

    Parameters
    ----------
    network : UNet
        Left as it is; its device is used.
    precision : Precision
        In ``bf16``, weights and maps have 16 bits, while sums are kept in 32.
    """

    def __init__(self, network: UNet, precision: Precision) -> None:
        self.network = network
        self.precision: Precision = precision
        # Sixteen weights lie beside each other where the processor reads them together.
        self._ready = fold(network).to(
            dtype=_TYPES[precision],
            memory_format=torch.channels_last,  # type: ignore[call-overload]
        )

    def stream(self) -> Stream:
        """Begin with an image, or a strip of one."""
        return _TorchStream(self._ready, _TYPES[self.precision])


class _TorchStream:
    def __init__(self, network: UNet, dtype: torch.dtype) -> None:
        self._rows = RowStream(network)
        self._dtype, self._device = dtype, next(network.parameters()).device

    def push(self, pixels: Tensor) -> Tensor | None:
        with torch.inference_mode():
            logits = self._rows.push(pixels.to(device=self._device, dtype=self._dtype))
            return None if logits is None else logits.float()
