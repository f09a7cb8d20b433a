"""Figure 1 and Sec. 2 and 3 of Ronneberger, Fischer and Brox (2015), number by number."""

from __future__ import annotations

import copy
from functools import partial

import pytest
import torch
from torch import Tensor, nn

from overtile.config import NetworkConfig
from overtile.model.geometry import context_px, output_size
from overtile.model.unet import UNet

CONVOLUTIONS = (nn.Conv2d, nn.ConvTranspose2d)
Shape = tuple[int, ...]


def papers_network() -> UNet:
    """Make the network of figure 1 without memory for its weights: shapes only."""
    with torch.device("meta"):
        return UNet(in_channels=1, classes=2)


def shapes(network: UNet, layers: list[nn.Module], *, given: bool = False) -> list[Shape]:
    """Run one 572 × 572 tile and list (channels, side) that `layers` take (`given`) or return."""
    seen: list[Shape] = []

    def note(_: nn.Module, inputs: tuple[Tensor], output: Tensor) -> None:
        channels, rows, columns = (inputs[0] if given else output).shape[1:]
        assert rows == columns
        seen.append((channels, rows))

    for layer in layers:
        layer.register_forward_hook(note)
    network(torch.empty(1, 1, 572, 572, device="meta"))
    return seen


def incoming_connections(layer: nn.Conv2d | nn.ConvTranspose2d) -> int:
    """Count what one output sums over: its value if all weights and all inputs are 1."""
    ones = copy.deepcopy(layer)
    with torch.no_grad():
        for parameter in ones.parameters():
            parameter.fill_(parameter.ndim > 1)
        output = ones(torch.ones(1, ones.in_channels, 8, 8))
    return int(output[0, 0, 2, 2])


def receptive_rows(row: int, depth: int) -> tuple[int, int]:
    """Follow one output row down the expanding path and up the contracting one."""
    first = last = row
    for _ in range(depth):
        first, last = first // 2, (last + 4) // 2
    last += 4
    for _ in range(depth):
        first, last = 2 * first, 2 * last + 1 + 4
    return first, last


def test_paper_tile_572_gives_388() -> None:
    network = papers_network()
    assert network(torch.empty(1, 1, 572, 572, device="meta")).shape == (1, 2, 388, 388)
    assert output_size(572) == 388


def test_context_is_92_px_per_side() -> None:
    assert context_px() == (572 - 388) // 2 == 92


def test_there_are_23_convolutional_layers_of_the_sides_drawn() -> None:
    network = papers_network()
    layers = [layer for layer in network.modules() if isinstance(layer, CONVOLUTIONS)]
    contracting = [570, 568, 282, 280, 138, 136, 66, 64]
    bottom = [30, 28]
    expanding = [56, 54, 52, 104, 102, 100, 200, 198, 196, 392, 390, 388]
    last_1x1 = [388]
    sides = [side for _, side in shapes(network, [*layers])]
    assert len(sides) == 23
    assert sides == contracting + bottom + expanding + last_1x1


def test_channels_double_on_the_way_down_and_halve_on_the_way_up() -> None:
    network = papers_network()
    levels = [*network.contracting, network.bottom, *network.expanding, network.classify]
    assert shapes(network, levels) == [
        *[(64, 568), (128, 280), (256, 136), (512, 64)],
        (1024, 28),
        *[(512, 52), (256, 100), (128, 196), (64, 388)],
        (2, 388),
    ]


def test_copied_and_up_convolved_channels_meet_in_equal_number() -> None:
    network = papers_network()
    assert shapes(network, [*network.up_convolutions]) == [
        *[(512, 56), (256, 104), (128, 200), (64, 392)]
    ]
    assert shapes(network, [*network.expanding], given=True) == [
        *[(1024, 56), (512, 104), (256, 200), (128, 392)]
    ]


def test_there_are_31_030_658_parameters_for_one_channel_and_two_classes() -> None:
    assert sum(parameter.numel() for parameter in papers_network().parameters()) == 31_030_658


def test_dropout_acts_only_at_the_end_of_the_contracting_path() -> None:
    network = papers_network().train()
    dropouts = [layer for layer in network.modules() if isinstance(layer, nn.Dropout)]
    assert dropouts == [network.dropout]
    assert network.dropout.p == 0.5
    assert shapes(network, [network.dropout]) == [(512, 64), (1024, 28)]


def test_kernels_are_3x3_but_2x2_on_the_way_up_and_1x1_at_the_end() -> None:
    network = papers_network()
    layers = [layer for layer in network.modules() if isinstance(layer, CONVOLUTIONS)]
    kernels = [(type(layer), layer.kernel_size, layer.stride) for layer in layers]
    assert kernels.count((nn.Conv2d, (3, 3), (1, 1))) == 18
    assert kernels.count((nn.ConvTranspose2d, (2, 2), (2, 2))) == 4
    assert kernels.count((nn.Conv2d, (1, 1), (1, 1))) == 1
    assert all(layer.padding == (0, 0) for layer in layers)


def test_a_3x3_convolution_of_64_channels_has_576_incoming_connections() -> None:
    # "E.g. for a 3x3 convolution and 64 feature channels in the previous layer N = 9 · 64 = 576."
    assert incoming_connections(nn.Conv2d(64, 1, 3)) == 576
    assert incoming_connections(nn.ConvTranspose2d(64, 1, 2, stride=2)) == 64


@pytest.mark.parametrize("batch_norm", [False, True])
def test_initial_weights_have_mean_0_and_variance_2_over_n(batch_norm: bool) -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = UNet(1, 2, NetworkConfig(base_channels=16, batch_norm=batch_norm))
    for name, layer in network.named_modules():
        if isinstance(layer, CONVOLUTIONS):
            expected, weights = 2 / incoming_connections(layer), layer.weight.detach()
            # Five standard errors, of a mean and of a variance of Gaussian numbers.
            error = 5 / weights.numel() ** 0.5
            assert weights.mean().item() == pytest.approx(0, abs=error * expected**0.5), name
            assert weights.var().item() == pytest.approx(expected, rel=2**0.5 * error), name


@pytest.mark.parametrize("row", [0, 15, 16, 31, 35])
def test_a_pixel_counts_just_inside_the_receptive_field_and_not_just_outside(row: int) -> None:
    network = UNet(1, 2, NetworkConfig(base_channels=1)).eval().double()
    side, centre = 220, 110
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.fill_(0.1)  # All paths add up; none cancels, no ReLU is shut.

        def output(lit: int | None) -> Tensor:
            pixels = torch.zeros(1, 1, side, side, dtype=torch.float64)
            if lit is not None and 0 <= lit < side:
                pixels[0, 0, lit, centre] = 1e6
            return network(pixels)[0, :, row]  # type: ignore[no-any-return]

        dark, (first, last) = output(None), receptive_rows(row, depth=4)
        same = partial(torch.equal, dark)
        assert (same(output(first)), same(output(last))) == (False, False)
        assert (same(output(first - 1)), same(output(last + 1))) == (True, True)


def test_receptive_fields_of_one_tile_reach_exactly_its_context() -> None:
    assert receptive_rows(0, depth=4)[0] == 0
    assert receptive_rows(387, depth=4)[1] == 388 + 2 * 92 - 1 == 571
