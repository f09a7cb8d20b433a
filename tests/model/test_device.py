from __future__ import annotations

import pytest
import torch

from overtile.errors import ConfigError
from overtile.model.device import choose_device, describe_device


def see(monkeypatch: pytest.MonkeyPatch, gpus: int) -> None:
    """Let torch believe that it sees so many CUDA devices."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: gpus > 0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: gpus)


@pytest.mark.parametrize(
    ("gpus", "name", "device"),
    [
        (0, "auto", "cpu"),
        (1, "auto", "cuda:0"),
        (1, "cpu", "cpu"),
        (1, "cuda", "cuda:0"),
        (2, "cuda:1", "cuda:1"),
    ],
)
def test_a_name_means_a_device(
    monkeypatch: pytest.MonkeyPatch, gpus: int, name: str, device: str
) -> None:
    see(monkeypatch, gpus)
    assert choose_device(name) == torch.device(device)


@pytest.mark.parametrize(("gpus", "name"), [(0, "cuda"), (0, "cuda:0"), (2, "cuda:2")])
def test_a_missing_gpu_is_never_replaced_in_silence(
    monkeypatch: pytest.MonkeyPatch, gpus: int, name: str
) -> None:
    see(monkeypatch, gpus)
    with pytest.raises(ConfigError, match=rf"{name} is not there: {gpus} CUDA.*--device cpu"):
        choose_device(name)


@pytest.mark.parametrize("name", ["", "gpu", "CPU", "cuda:", "cuda:-1", "cuda:x", "cuda:0 ", "mps"])
def test_another_name_is_refused_with_those_that_exist(name: str) -> None:
    with pytest.raises(ConfigError, match="is not a device; use auto, cpu, cuda or cuda:N"):
        choose_device(name)


def test_the_cpu_is_told_with_its_threads() -> None:
    threads = torch.get_num_threads()
    assert describe_device(torch.device("cpu")) == f"CPU, {threads} threads"


def test_a_gpu_is_told_with_its_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "A GPU")
    assert describe_device(torch.device("cuda", 1)) == "A GPU (cuda:1)"
