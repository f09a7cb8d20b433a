"""The network in 8-bit integers."""

from __future__ import annotations

import importlib
import subprocess
import sys
from typing import Any, Literal

import numpy as np
import pytest
import torch

from overtile.config import NetworkConfig
from overtile.errors import ConfigError
from overtile.inference import choose
from overtile.inference.agreement import Agreement
from overtile.inference.choose import choose_arithmetic
from overtile.inference.openvino_engine import OpenVinoEngine, demand_openvino, find_ranges
from overtile.inference.predict import Predictor
from overtile.model.unet import UNet

DEPTH = 3
LEGAL = 140
"""An input side of a network of three poolings; 52 px come out."""


def network(
    batch_norm: bool = False,
    channels: int = 1,
    classes: int = 2,
    binning: Literal[1, 2, 4, 8] = 1,
) -> UNet:
    with torch.random.fork_rng():
        torch.manual_seed(3)
        config = NetworkConfig(base_channels=8, depth=DEPTH, batch_norm=batch_norm, binning=binning)
        return UNet(channels, classes, config).eval()


def noise(*shape: int) -> np.ndarray[Any, np.dtype[np.float32]]:
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


@pytest.mark.parametrize("batch_norm", [False, True])
@pytest.mark.parametrize(("channels", "classes"), [(1, 2), (3, 4)])
def test_logits_are_those_of_torch_up_to_the_rounding(
    batch_norm: bool, channels: int, classes: int
) -> None:
    made = network(batch_norm, channels, classes)
    pixels = noise(channels, LEGAL, LEGAL)
    with torch.inference_mode():
        expected = made(torch.from_numpy(pixels)[None]).numpy()
    found = OpenVinoEngine(made, find_ranges(made, pixels)).logits(torch.from_numpy(pixels)[None])
    assert found.shape == expected.shape
    # Rounded, so not the same; but far from another function.
    assert 0 < (found.numpy() - expected).std() < 0.1 * expected.std()


def test_a_range_is_found_for_each_convolution() -> None:
    ranges = find_ranges(network(), noise(1, LEGAL, LEGAL))
    assert len(ranges) == 2 * (2 * DEPTH + 1) + DEPTH
    # The first one sees the pixels; what comes from a ReLU is never negative.
    pixels = noise(1, LEGAL, LEGAL)
    assert ranges[0] == (float(pixels.min()), float(pixels.max()))
    assert ranges[1][0] >= 0


@pytest.mark.parametrize("binning", [1, 2, 4])
@pytest.mark.parametrize("size", [(1, 1), (40, 300), (257, 64)])
def test_windows_cover_an_image_of_any_size(
    size: tuple[int, int], binning: Literal[1, 2, 4]
) -> None:
    made, pixels = network(binning=binning), noise(1, *size)
    ranges = find_ranges(made, noise(1, binning * LEGAL, binning * LEGAL))
    predictor = Predictor(network=made, precision="int8", ranges=ranges)
    expected = Predictor(network=made).probabilities(pixels)
    assert np.abs(predictor.probabilities(pixels) - expected).mean() < 0.02


def test_windows_of_little_memory_agree_with_one_window() -> None:
    made, pixels = network(), noise(1, 150, 170)
    ranges = find_ranges(made, noise(1, LEGAL, LEGAL))
    one = Predictor(network=made, precision="int8", ranges=ranges)
    many = Predictor(network=made, precision="int8", ranges=ranges, memory_bytes=170_000_000)
    assert len(one.plan((150, 170)).strips) == 1
    assert len(many.plan((150, 170)).strips) > 1
    assert many.plan((150, 170)).redundancy > one.plan((150, 170)).redundancy > 1
    assert np.abs(one.probabilities(pixels) - many.probabilities(pixels)).max() < 0.02


def test_memory_below_the_smallest_window_is_refused() -> None:
    with pytest.raises(ConfigError, match="--memory"):
        Predictor(network=network(), precision="int8", memory_bytes=1000).plan((100, 100))


def test_integers_are_taken_where_they_agree() -> None:
    steady = network()
    steady.classify.bias.data[1] = 50  # No pixel is near the border between the classes.
    found = choose_arithmetic(steady, noise(1, 64, 64), integers=True)
    assert found.precision == "int8"
    assert len(found.ranges) == 2 * (2 * DEPTH + 1) + DEPTH
    assert found.reason.endswith("which is allowed")


def test_integers_that_change_more_than_allowed_are_not_taken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(choose, "INT8_GATE", Agreement(flipped=1e-9, difference=1.0))
    found = choose_arithmetic(network(), noise(1, 64, 64), integers=True)
    assert found.precision != "int8"
    assert "in 8-bit integers" in found.reason
    assert "which is not allowed" in found.reason


def test_asking_without_the_extra_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise ImportError(name)

    monkeypatch.setattr(importlib, "import_module", missing)
    with pytest.raises(ConfigError, match="not installed") as caught:
        demand_openvino(torch.device("cpu"))
    assert "pip install openvino" in str(caught.value.remedy)


def test_a_network_on_a_gpu_is_refused() -> None:
    with pytest.raises(ConfigError, match="on a GPU"):
        demand_openvino(torch.device("cuda", 0))


def test_a_signal_is_handled_after_windows_of_several_sizes() -> None:
    code = """
import signal
import torch
from overtile.config import NetworkConfig
from overtile.inference.openvino_engine import OpenVinoEngine, find_ranges
from overtile.model.unet import UNet
made = UNet(1, 2, NetworkConfig(base_channels=2, depth=1)).eval()
engine = OpenVinoEngine(made, find_ranges(made, torch.rand(1, 40, 40).numpy()))
for side in (32, 34, 36):
    engine.logits(torch.rand(1, 1, side, side))
del engine
signal.signal(signal.SIGINT, lambda number, frame: print("heard"))
signal.raise_signal(signal.SIGINT)
"""
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (ended.returncode, ended.stdout) == (0, "heard\n"), ended.stderr
