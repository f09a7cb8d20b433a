"""Where a network runs: chosen by the user or by what is there, never by a silent fallback."""

from __future__ import annotations

import re
import time

import torch
from torch import nn

from overtile.choices import Precision
from overtile.errors import ConfigError

_WORTH_CHANGING = 1.3


def choose_device(name: str = "auto") -> torch.device:
    """Find the device that a user names.

    Parameters
    ----------
    name : str
        ``auto`` (the first CUDA device, else the CPU), ``cpu``, ``cuda`` or ``cuda:N``.

    Returns
    -------
    device : torch.device

    Raises
    ------
    ConfigError
        If there is no such device: it is never replaced by another one in silence.
    """
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if name == "auto":
        return torch.device("cuda:0" if count else "cpu")
    if name == "cpu":
        return torch.device("cpu")
    match = re.fullmatch(r"cuda(?::(\d+))?", name)
    if match is None:
        raise ConfigError(
            f"`--device` {name!r} is not a device", remedy="use auto, cpu, cuda or cuda:N"
        )
    number = int(match[1] or 0)
    if number >= count:
        raise ConfigError(
            f"`--device` {name} is not there: {count} CUDA devices are seen",
            remedy="use --device auto or --device cpu",
        )
    return torch.device("cuda", number)


def describe_device(device: torch.device) -> str:
    """Name a device in words: its model, or how many threads are used of the CPU."""
    if device.type == "cuda":
        return f"{torch.cuda.get_device_name(device)} ({device})"
    return f"CPU, {torch.get_num_threads()} threads"


def fastest_precision(device: torch.device) -> tuple[Precision, str]:
    """Name the faster arithmetic of a device, and say why it is taken to be that.

    A CPU is asked by a convolution in both: some have instructions for bfloat16, and some only
    imitate it. That takes a few milliseconds.
    """
    if device.type == "cuda":
        if torch.cuda.is_bf16_supported(including_emulation=False):
            return "bf16", "this GPU computes it natively"
        return "fp32", "this GPU has no bfloat16"
    full, reduced = _convolution_seconds(torch.float32), _convolution_seconds(torch.bfloat16)
    measured = f"a convolution takes {1e3 * full:.0f} ms in fp32 and {1e3 * reduced:.0f} ms in bf16"
    return ("bf16" if full > _WORTH_CHANGING * reduced else "fp32"), measured


def _convolution_seconds(dtype: torch.dtype) -> float:
    """Time one 3×3 convolution of 64 channels on the CPU, in seconds; the best of many, for others
    may use the machine.
    """
    layer = nn.Conv2d(64, 64, 3).to(dtype=dtype, memory_format=torch.channels_last)  # type: ignore[call-overload]
    pixels = torch.zeros(1, 64, 96, 96, dtype=dtype).to(memory_format=torch.channels_last)
    seconds = []
    with torch.inference_mode():
        for _ in range(16):
            began = time.perf_counter()
            layer(pixels)
            seconds.append(time.perf_counter() - began)
    return min(seconds[1:])
