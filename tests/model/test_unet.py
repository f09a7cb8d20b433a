from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.interpolate import RegularGridInterpolator
from torch import Tensor, nn

from overtile.config import NetworkConfig
from overtile.errors import ConfigError
from overtile.model.geometry import context_px, output_size, smallest_input
from overtile.model.unet import UNet, crop_to

# (in_channels, classes, depth) and the number of dimensions.
SMALL = [(1, 2, 1, 2), (3, 2, 2, 2), (5, 7, 3, 2), (1, 3, 4, 2), (2, 4, 1, 3), (1, 2, 2, 3)]


def small(depth: int = 2, channels: int = 1, classes: int = 2, **settings: object) -> UNet:
    """Make a narrow network, the same one each time."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        config = NetworkConfig.model_validate({"base_channels": 2, "depth": depth, **settings})
        return UNet(channels, classes, config)


def noise(*shape: int) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(0))


def only_through(level: int, depth: int, dimensions: int) -> UNet:
    """Make a network that copies: down to `level`, over its skip (or the bottom), and up again."""
    network = small(depth, dimensions=dimensions)
    centre = (1,) * dimensions
    weights = dict(network.named_parameters())

    def copy(convolutions: str, channel: int = 0) -> None:
        weights[f"{convolutions}.0.weight"][(0, channel, *centre)] = 1
        weights[f"{convolutions}.2.weight"][(0, 0, *centre)] = 1

    with torch.no_grad():
        for parameter in weights.values():
            parameter.zero_()
        for above in range(min(level + 1, depth)):
            copy(f"contracting.{above}")
        copy("bottom" if level == depth else f"expanding.{depth - 1 - level}")
        for above in range(level):
            stage = depth - 1 - above
            weights[f"up_convolutions.{stage}.weight"][0, 0] = 1
            copy(f"expanding.{stage}", channel=2 << above)  # after the channels of the skip
        weights["classify.weight"][0, 0] = 1
    return network.eval()


@pytest.mark.parametrize(("channels", "classes", "depth", "dimensions"), SMALL)
def test_any_channels_and_classes_in_two_and_three_dimensions(
    channels: int, classes: int, depth: int, dimensions: int
) -> None:
    side = smallest_input(1, depth)
    network = small(depth, channels, classes, dimensions=dimensions)
    logits = network(noise(2, channels, *[side] * dimensions))
    assert logits.shape == (2, classes, *[output_size(side, depth)] * dimensions)
    assert torch.isfinite(logits).all()


@pytest.mark.parametrize("depth", range(1, 7))
def test_the_network_gives_the_sides_that_its_geometry_says(depth: int) -> None:
    with torch.device("meta"):
        network = UNet(1, 2, NetworkConfig(base_channels=1, depth=depth))
        rows, columns = smallest_input(1, depth), smallest_input(100, depth)
        logits = network(torch.empty(1, 1, rows, columns))
    assert logits.shape == (1, 2, output_size(rows, depth), output_size(columns, depth))


@pytest.mark.parametrize("binning", [2, 4, 8])
def test_a_network_that_bins_is_the_network_between_means_and_interpolation(binning: int) -> None:
    network = small(1, 2, 3, binning=binning).eval()
    plain = small(1, 2, 3).eval()  # the same weights
    rows, columns = smallest_input(1, 1, binning), smallest_input(50, 1, binning)
    pixels = noise(1, 2, rows, columns)
    bins = pixels.reshape(1, 2, rows // binning, binning, columns // binning, binning)
    logits = plain(bins.mean(dim=(3, 5)))[0]
    found = network(pixels)[0]
    # The centre of bin i lies at binning * (i + 1/2); the first bin is lost to interpolation.
    centres = (
        binning * (np.arange(logits.shape[1]) + 0.5),
        binning * (np.arange(logits.shape[2]) + 0.5),
    )
    places = [binning + 0.5 + np.arange(side) for side in found.shape[1:]]
    for channel in range(3):
        between = RegularGridInterpolator(centres, logits[channel].detach().numpy())
        expected = between(np.stack(np.meshgrid(*places, indexing="ij"), axis=-1))
        np.testing.assert_allclose(found[channel].detach().numpy(), expected, atol=1e-6)


def test_a_volume_can_be_binned() -> None:
    side = smallest_input(1, 1, 2)
    logits = small(1, binning=2, dimensions=3)(noise(1, 1, side, side, side))
    assert logits.shape == (1, 2, *[output_size(side, 1, 2)] * 3)


def test_crop_takes_the_centre() -> None:
    skip = torch.arange(6 * 8).reshape(1, 1, 6, 8)
    cropped = crop_to(skip, torch.empty(1, 5, 4, 2))
    assert torch.equal(cropped, skip[:, :, 1:5, 3:5])


def test_crop_of_equal_sides_changes_nothing() -> None:
    skip = noise(2, 3, 4, 5, 6)
    assert torch.equal(crop_to(skip, skip), skip)


@pytest.mark.parametrize(
    ("dimensions", "depth", "level"),
    [
        (dimensions, depth, level)
        for dimensions, depths in ((2, (1, 2, 3, 4)), (3, (1, 2)))
        for depth in depths
        for level in range(depth + 1)
    ],
)
def test_every_skip_and_the_bottom_put_the_image_where_it_was(
    dimensions: int, depth: int, level: int
) -> None:
    # Blocks of 2^level pixels survive `level` poolings; the first block that is pooled as a whole
    # starts where the convolutions above have cut the image.
    block, cut, side = 1 << level, 2 * ((1 << level) - 1), smallest_input(9, depth)
    axes = range(2, 2 + dimensions)
    pixels = noise(1, 1, *[side // block + 2] * dimensions)
    for axis in axes:
        pixels = pixels.repeat_interleave(block, axis).narrow(axis, -cut % block, side)
    logits = only_through(level, depth, dimensions)(pixels)
    expected = pixels[0, 0]
    for axis in range(dimensions):
        expected = expected.narrow(axis, context_px(depth), output_size(side, depth))
    assert torch.equal(logits[0, 0], expected)


@pytest.mark.parametrize("batch_norm", [False, True])
def test_evaluation_is_repeatable_and_independent_of_the_batch(batch_norm: bool) -> None:
    network, pixels = small(batch_norm=batch_norm).eval(), noise(3, 1, 44, 44)
    together = network(pixels)
    assert torch.equal(together, network(pixels))
    assert torch.allclose(together[1:2], network(pixels[1:2]), atol=1e-5)


def test_dropout_makes_training_random() -> None:
    network, pixels = small(dropout=0.5).train(), noise(1, 1, 44, 44)
    with torch.random.fork_rng():
        assert not torch.equal(network(pixels), network(pixels))


def test_without_dropout_training_is_repeatable() -> None:
    network, pixels = small(dropout=0.0).train(), noise(1, 1, 44, 44)
    assert torch.equal(network(pixels), network(pixels))


def test_dropout_drops_its_share_and_scales_the_rest() -> None:
    dropout = small(dropout=0.3).train().dropout
    with torch.random.fork_rng():
        torch.manual_seed(0)
        dropped = dropout(torch.ones(100_000))
    assert (dropped == 0).float().mean().item() == pytest.approx(0.3, abs=0.01)
    assert dropped.unique().tolist() == pytest.approx([0, 1 / 0.7])


@pytest.mark.parametrize("dimensions", [2, 3])
def test_batch_norm_follows_each_convolution_and_takes_over_its_bias(dimensions: int) -> None:
    network = small(depth=2, batch_norm=True, dimensions=dimensions)
    doubles = [*network.contracting, network.bottom, *network.expanding]
    for double in doubles:
        kinds = [type(layer).__name__ for layer in double.children()]
        assert kinds == [f"Conv{dimensions}d", f"BatchNorm{dimensions}d", "ReLU"] * 2
        assert double.get_parameter("1.bias") is not None
        assert "0.bias" not in dict(double.named_parameters())


def test_batch_norm_is_off_unless_asked_for() -> None:
    assert not any(isinstance(layer, nn.BatchNorm2d) for layer in small().modules())


def test_biases_start_at_zero() -> None:
    biases = [value for name, value in small().named_parameters() if name.endswith("bias")]
    assert len(biases) == 2 * 5 + 2 + 1
    assert not any(bias.any() for bias in biases)


def test_same_seed_gives_the_same_network() -> None:
    first, second = small().state_dict(), small().state_dict()
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_every_parameter_learns() -> None:
    network = small(depth=2, channels=2, classes=3).train()
    with torch.random.fork_rng():
        network(noise(1, 2, 60, 60)).square().sum().backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.any(), name


def test_a_side_that_some_pooling_would_see_as_odd_is_refused() -> None:
    network = UNet(1, 2, NetworkConfig(base_channels=1))
    with pytest.raises(ConfigError, match=r"570 px does not fit a U-Net of depth 4; .* 572 px"):
        network(torch.zeros(1, 1, 570, 572))
