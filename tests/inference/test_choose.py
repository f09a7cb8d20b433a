"""Which arithmetic predicts."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from overtile.choices import Precision
from overtile.config import NetworkConfig
from overtile.inference import choose
from overtile.inference.choose import choose_arithmetic, sample, seconds_per_multiply_add
from overtile.inference.predict import Predictor
from overtile.model.unet import UNet


def network(factor: float) -> UNet:
    """Make a network whose logits are random, and `factor` times as large as at the start."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        made = UNet(1, 2, NetworkConfig(base_channels=4, depth=2)).eval()
    with torch.no_grad():
        made.classify.weight.mul_(factor)
    return made


def fastest(monkeypatch: pytest.MonkeyPatch, precision: Precision) -> None:
    monkeypatch.setattr(choose, "fastest_precision", lambda device: (precision, "so measured"))


PIXELS = np.random.default_rng(0).normal(size=(1, 64, 64)).astype(np.float32)


def test_a_machine_without_fast_bf16_takes_fp32(monkeypatch: pytest.MonkeyPatch) -> None:
    fastest(monkeypatch, "fp32")
    found = choose_arithmetic(network(0.01), PIXELS)
    assert (found.precision, found.reason) == ("fp32", "so measured")


def test_a_network_that_hardly_notices_is_predicted_in_bf16(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fastest(monkeypatch, "bf16")
    steady = network(0.01)
    steady.classify.bias.data[1] = 5  # No pixel is near the border between the classes.
    found = choose_arithmetic(steady, PIXELS)
    assert found.precision == "bf16"
    assert "0 % of the pixels change their class" in found.reason


def test_a_network_that_fails_the_gate_is_predicted_in_fp32(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fastest(monkeypatch, "bf16")
    found = choose_arithmetic(network(100.0), PIXELS)
    assert found.precision == "fp32"
    assert found.reason.endswith("which is not allowed")


def test_a_sample_is_the_middle_of_the_image() -> None:
    pixels = np.arange(300 * 100, dtype=np.float32).reshape(1, 300, 100)
    assert np.array_equal(sample(pixels), pixels[:, 22:278, :])
    assert sample(pixels[:, :10]).shape == (1, 10, 100)


def test_a_multiplication_takes_some_time() -> None:
    assert 0 < seconds_per_multiply_add(Predictor(network=network(1.0)), PIXELS) < 1e-3
