"""Where a network runs: chosen by the user or by what is there, never by a silent fallback."""

from __future__ import annotations

import re

import torch

from overtile.choices import Precision
from overtile.errors import ConfigError

_BFLOAT16_INSTRUCTIONS = ("amx_bf16", "avx512_bf16", "bf16")
"""By the names that torch gives them; the last one is ARM's."""


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

    It depends on the instructions of the processor alone, not on how busy it is: two calls on one
    machine always choose the same.
    """
    if device.type == "cuda":
        if torch.cuda.is_bf16_supported(including_emulation=False):
            return "bf16", "this GPU computes bfloat16 natively"
        return "fp32", "this GPU has no bfloat16"
    has = torch.cpu.get_capabilities()
    found = [name for name in _BFLOAT16_INSTRUCTIONS if has.get(name)]
    if found:
        return "bf16", f"this processor has instructions for bfloat16 ({found[0]})"
    return "fp32", "this processor has no instructions for bfloat16 and would imitate them"
