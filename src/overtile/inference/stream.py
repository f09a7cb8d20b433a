"""The network row by row: every value is computed once, in memory for a few rows only.

A valid 3×3 convolution needs two rows of its input again when the next ones come; nothing above
them. So an image can run through the network as a stream of rows: each layer keeps the few rows
that it will need again, and the copies of copy-and-crop wait for the expanding path. Nothing is
computed twice, as it is where tiles overlap, and memory grows with the width of the image alone.
What comes out is, row by row, what `UNet.forward` gives for the whole image.
"""

from __future__ import annotations

from collections import deque

import torch
from torch import Tensor, nn

from overtile.model.binning import interpolate
from overtile.model.geometry import copy_crop_px
from overtile.model.unet import UNet

_ROWS = 2
"""The axis of rows in a tensor (N, C, Y, X)."""

_KERNEL_ROWS = 3


class RowStream:
    """One image, or a strip of one, on its way through the network from top to bottom.

    Parameters
    ----------
    network : UNet
        In evaluation mode, without batch normalisation (see `overtile.inference.fold`).

    Notes
    -----
    The stream is over when all rows were pushed; each image needs a stream of its own.
    """

    def __init__(self, network: UNet) -> None:
        depth, binning = network.config.depth, network.config.binning
        self._bin = _Pool(network.bin, binning)
        self._contracting = [_Convolutions(level) for level in network.contracting]
        self._pools = [_Pool(network.pool, 2) for _ in range(depth)]
        self._bottom = _Convolutions(network.bottom)
        self._copies = [_Copies(copy_crop_px(level, depth)) for level in range(depth)]
        self._up_convolutions = list(network.up_convolutions)
        self._expanding = [_Convolutions(level) for level in network.expanding]
        self._classify = network.classify
        self._interpolate = _Interpolation(binning)

    def push(self, pixels: Tensor) -> Tensor | None:
        """Take the next rows of the input and give the next rows of the output.

        Parameters
        ----------
        pixels : (1, C, R, S) tensor
            Rows below those pushed before, any number of them; `S` is legal (`model.geometry`) and
            always the same.

        Returns
        -------
        logits : (1, K, R', T) tensor or None
            None as long as no row can be known: the first one needs the whole context. In the long
            run R' is R.
        """
        rows: Tensor | None = self._bin.push(pixels)
        for convolutions, copies, pool in zip(
            self._contracting, self._copies, self._pools, strict=True
        ):
            rows = convolutions.push(rows)
            copies.put(rows)
            rows = pool.push(rows)
        rows = self._bottom.push(rows)
        stages = zip(self._up_convolutions, self._expanding, reversed(self._copies), strict=True)
        for up_convolution, convolutions, copies in stages:
            if rows is None:
                return None
            rows = up_convolution(rows)
            rows = convolutions.push_both(copies.take(rows), rows)
        return None if rows is None else self._interpolate.push(self._classify(rows))


class _Window:
    """The rows that a layer sees: those it needs again, and below them those that come."""

    def __init__(self) -> None:
        self._memory: Tensor | None = None
        self._kept = self._filled = 0

    def extend(self, rows: int, channels: int, like: Tensor) -> Tensor:
        """Make room for new rows below those kept, to be written into what is given back."""
        needed = self._kept + rows
        memory = self._memory
        if memory is None or memory.shape[_ROWS] < needed:
            memory = torch.empty(
                (1, channels, needed, like.shape[-1]),
                dtype=like.dtype,
                device=like.device,
                memory_format=torch.channels_last,
            )
            if self._memory is not None:
                memory[:, :, : self._kept] = self._memory[:, :, : self._kept]
            self._memory = memory
        self._filled = needed
        return memory[:, :, self._kept : needed]

    @property
    def rows(self) -> Tensor:
        """All rows that are there."""
        assert self._memory is not None
        return self._memory[:, :, : self._filled]

    def keep(self, last: int) -> None:
        """Forget all rows but the `last` ones."""
        rows = self.rows
        if last:
            rows[:, :, :last] = rows[:, :, rows.shape[_ROWS] - last :].clone()
        self._kept = last


class _Convolutions:
    """Convolutions, each followed by ReLU, of which each sees the last two rows of before."""

    def __init__(self, layers: nn.Module) -> None:
        self._convolutions = [layer for layer in layers.children() if isinstance(layer, nn.Conv2d)]
        self._windows = [_Window() for _ in self._convolutions]

    def push(self, rows: Tensor | None) -> Tensor | None:
        if rows is None:
            return None
        self._windows[0].extend(rows.shape[_ROWS], rows.shape[1], rows).copy_(rows)
        return self._run()

    def push_both(self, copied: Tensor, rows: Tensor) -> Tensor | None:
        """Push two maps, one above the other along the axis of channels."""
        channels = copied.shape[1]
        room = self._windows[0].extend(rows.shape[_ROWS], channels + rows.shape[1], rows)
        room[:, :channels].copy_(copied)
        room[:, channels:].copy_(rows)
        return self._run()

    def _run(self) -> Tensor | None:
        rows: Tensor | None = None
        for convolution, window in zip(self._convolutions, self._windows, strict=True):
            if rows is not None:
                # ReLU writes where the next convolution reads: no map is copied for itself.
                room = window.extend(rows.shape[_ROWS], rows.shape[1], rows)
                torch.clamp_min(rows, 0, out=room)
            if window.rows.shape[_ROWS] < _KERNEL_ROWS:
                window.keep(window.rows.shape[_ROWS])
                return None
            rows = convolution(window.rows)
            window.keep(_KERNEL_ROWS - 1)
        return None if rows is None else rows.clamp_min_(0)


class _Pool:
    """Pooling of as many rows as it takes together, 2 in the network; others wait."""

    def __init__(self, pool: nn.Module, together: int) -> None:
        self._pool, self._together = pool, together
        self._waiting: Tensor | None = None

    def push(self, rows: Tensor | None) -> Tensor | None:
        if rows is None or self._together == 1:
            return rows
        if self._waiting is not None:
            rows = torch.cat([self._waiting, rows], dim=_ROWS)
        whole = rows.shape[_ROWS] - rows.shape[_ROWS] % self._together
        self._waiting = rows[:, :, whole:].clone() if whole < rows.shape[_ROWS] else None
        return self._pool(rows[:, :, :whole]) if whole else None


class _Interpolation:
    """Logits of bins to logits of pixels; the last two rows of bins are needed again."""

    def __init__(self, binning: int) -> None:
        self._binning = binning
        self._kept: Tensor | None = None

    def push(self, rows: Tensor) -> Tensor | None:
        if self._binning == 1:
            return rows
        if self._kept is not None:
            rows = torch.cat([self._kept, rows], dim=_ROWS)
        self._kept = rows[:, :, -2:].clone()
        return interpolate(rows, self._binning) if rows.shape[_ROWS] > 2 else None


class _Copies:
    """Rows of the contracting path that wait until the expanding path has come as far."""

    def __init__(self, crop_px: int) -> None:
        self._above = crop_px
        self._waiting: deque[Tensor] = deque()

    def put(self, rows: Tensor | None) -> None:
        if rows is None:
            return
        surplus = min(self._above, rows.shape[_ROWS])
        self._above -= surplus
        if surplus < rows.shape[_ROWS]:
            self._waiting.append(rows[:, :, surplus:])

    def take(self, like: Tensor) -> Tensor:
        """Give as many rows as `like` has, cropped to its columns."""
        missing, taken = like.shape[_ROWS], []
        while missing:
            rows = self._waiting.popleft()
            if rows.shape[_ROWS] > missing:
                self._waiting.appendleft(rows[:, :, missing:])
                rows = rows[:, :, :missing]
            taken.append(rows)
            missing -= rows.shape[_ROWS]
        side = (taken[0].shape[-1] - like.shape[-1]) // 2
        cropped = [rows[..., side : side + like.shape[-1]] for rows in taken]
        return cropped[0] if len(cropped) == 1 else torch.cat(cropped, dim=_ROWS)
