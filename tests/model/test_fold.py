"""Batch normalisation folded away: the same function."""

from __future__ import annotations

import pytest
import torch

from overtile.config import NetworkConfig
from overtile.model.fold import fold
from overtile.model.geometry import smallest_input
from overtile.model.unet import UNet


def network(*, batch_norm: bool, depth: int = 2) -> UNet:
    """Make a network in which every weight, bias and statistic is random."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        made = UNet(2, 3, NetworkConfig(base_channels=4, depth=depth, batch_norm=batch_norm))
        for name, values in made.state_dict().items():
            if name.endswith("running_var"):
                values.uniform_(0.2, 3)
            elif values.is_floating_point():
                values.normal_(std=0.3)
    return made.eval()


def some_pixels(depth: int) -> torch.Tensor:
    side = smallest_input(8, depth)
    return torch.randn(1, 2, side, side, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("batch_norm", [True, False])
@pytest.mark.parametrize("depth", [1, 2, 3])
def test_the_folded_network_computes_the_same(depth: int, batch_norm: bool) -> None:
    made = network(batch_norm=batch_norm, depth=depth)
    pixels = some_pixels(depth)
    with torch.inference_mode():
        assert torch.allclose(fold(made)(pixels), made(pixels), rtol=1e-4, atol=1e-4)


def test_no_normalisation_is_left() -> None:
    folded = fold(network(batch_norm=True))
    assert not folded.config.batch_norm
    assert not any("Norm" in type(layer).__name__ for layer in folded.modules())
    assert not folded.training


def test_the_network_is_left_as_it_is() -> None:
    made = network(batch_norm=True)
    before = {name: values.clone() for name, values in made.state_dict().items()}
    fold(made).to(torch.bfloat16)
    assert all(torch.equal(values, before[name]) for name, values in made.state_dict().items())


def test_a_network_without_normalisation_shares_its_weights() -> None:
    made = network(batch_norm=False)
    pointers = [values.data_ptr() for values in made.state_dict().values()]
    assert [values.data_ptr() for values in fold(made).state_dict().values()] == pointers


def test_a_channel_that_never_varied_stays_finite() -> None:
    made = network(batch_norm=True)
    for name, values in made.state_dict().items():
        if name.endswith("running_var"):
            values.zero_()
    assert all(values.isfinite().all() for values in fold(made).state_dict().values())
