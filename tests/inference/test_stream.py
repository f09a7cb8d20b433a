"""The network row by row, against the whole image in one pass."""

from __future__ import annotations

from typing import Literal

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from overtile.config import NetworkConfig
from overtile.inference.stream import RowStream
from overtile.model.geometry import output_size, smallest_input
from overtile.model.unet import UNet


def network(depth: int, seed: int = 0, binning: Literal[1, 2, 4, 8] = 1) -> UNet:
    """Make a narrow network in which every weight and bias is random."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        made = UNet(2, 3, NetworkConfig(base_channels=3, depth=depth, binning=binning))
        with torch.no_grad():
            for name, values in made.named_parameters():
                if name.endswith("bias"):
                    values.normal_(std=0.3)
    return made.eval()


def streamed(made: UNet, pixels: Tensor, cuts: list[int]) -> list[Tensor | None]:
    """Push the rows of `pixels` between `cuts`, one part after the other."""
    stream = RowStream(made)
    ends = [*cuts, pixels.shape[2]]
    with torch.inference_mode():
        return [
            stream.push(pixels[:, :, start:stop])
            for start, stop in zip([0, *cuts], ends, strict=True)
        ]


def joined(parts: list[Tensor | None]) -> Tensor:
    return torch.cat([part for part in parts if part is not None], dim=2)


@settings(deadline=None, database=None, max_examples=40)
@given(
    data=st.data(),
    depth=st.integers(1, 4),
    binning=st.sampled_from([1, 1, 2, 4]),
    seed=st.integers(0, 99),
)
def test_rows_in_any_portions_give_the_output_of_the_whole_image(
    data: st.DataObject, depth: int, binning: Literal[1, 2, 4], seed: int
) -> None:
    rows, columns = (
        smallest_input(data.draw(st.integers(1, 60), side), depth, binning)
        for side in ("height", "width")
    )
    cuts = sorted(data.draw(st.sets(st.integers(1, rows - 1), max_size=12), "cuts"))
    made = network(depth, seed, binning)
    pixels = torch.randn(1, 2, rows, columns, generator=torch.Generator().manual_seed(seed))
    with torch.inference_mode():
        expected = made(pixels)
    found = joined(streamed(made, pixels, cuts))
    assert found.shape == expected.shape
    assert torch.allclose(found, expected, atol=1e-4)


def test_single_rows_give_the_output_of_the_whole_image() -> None:
    made, pixels = network(2), torch.randn(1, 2, smallest_input(20, 2), smallest_input(9, 2))
    with torch.inference_mode():
        expected = made(pixels)
    parts = streamed(made, pixels, list(range(1, pixels.shape[2])))
    assert torch.allclose(joined(parts), expected, atol=1e-4)
    # 2 + 4 + ... rows of context, then pairs of rows as the finest pooling needs them.
    assert parts[0] is None


def test_in_the_long_run_as_many_rows_come_out_as_go_in() -> None:
    made = network(4)
    pixels = torch.randn(1, 2, smallest_input(400, 4), smallest_input(1, 4))
    parts = streamed(made, pixels, list(range(32, pixels.shape[2], 32)))
    assert [part.shape[2] for part in parts if part is not None][1:-1] == [32] * 12
    assert joined(parts).shape[2] == output_size(pixels.shape[2], 4)


def test_each_row_of_each_layer_is_computed_once() -> None:
    made, rows = network(3), smallest_input(100, 3)
    counted: dict[nn.Module, int] = {}

    def count(layer: nn.Module, _: object, output: Tensor) -> None:
        counted[layer] = counted.get(layer, 0) + output.shape[2]

    layers = [
        layer for layer in made.modules() if isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d))
    ]
    for layer in layers:
        layer.register_forward_hook(count)
    pixels = torch.zeros(1, 2, rows, smallest_input(1, 3))
    streamed(made, pixels, list(range(8, rows, 8)))
    in_parts = dict(counted)
    counted.clear()
    made(pixels)
    assert in_parts == counted
    assert len(counted) == len(layers)


def test_what_waits_does_not_grow_with_the_image() -> None:
    made, columns = network(2), smallest_input(1, 2)
    stream, waiting = RowStream(made), []
    with torch.inference_mode():
        for _ in range(60):
            stream.push(torch.zeros(1, 2, 8, columns))
            waiting.append(
                [sum(rows.shape[2] for rows in copies._waiting) for copies in stream._copies]
            )
    assert waiting[10] == waiting[-1]


def test_two_images_need_two_streams() -> None:
    made, pixels = network(1), torch.randn(1, 2, smallest_input(8, 1), smallest_input(8, 1))
    first, second = RowStream(made), RowStream(made)
    with torch.inference_mode():
        expected = made(pixels)
        first.push(pixels + 1)
        found = second.push(pixels)
    assert found is not None
    assert torch.allclose(found, expected, atol=1e-5)


def test_the_comparison_would_see_a_row_out_of_place() -> None:
    made, pixels = network(2), torch.randn(1, 2, smallest_input(20, 2), smallest_input(9, 2))
    with torch.inference_mode():
        expected = made(pixels)
    parts = streamed(made, pixels.roll(1, dims=2), [7, 30])
    assert not torch.allclose(joined(parts), expected, atol=1e-2)


@pytest.mark.parametrize("depth", [1, 2, 3, 4, 5])
def test_nothing_comes_out_before_the_context_is_there(depth: int) -> None:
    made, least = network(depth), smallest_input(1, depth)
    pixels = torch.zeros(1, 2, least, least)
    parts = streamed(made, pixels, [least - 1])
    assert parts[0] is None or parts[0].shape[2] < output_size(least, depth)
    assert joined(parts).shape[2] == output_size(least, depth)
