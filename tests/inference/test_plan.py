"""How images are cut for prediction: every pixel once, on one grid, within the memory allowed."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from overtile.choices import InferencePrecision, Precision
from overtile.config import NetworkConfig
from overtile.errors import ConfigError
from overtile.inference.plan import megabytes, plan_prediction, strips
from overtile.model.geometry import context_px, is_legal_input

QUICK = settings(deadline=None, database=None, max_examples=50)
DEPTH = st.integers(1, 6)
WIDTH = st.integers(1, 3000)
STRIP_OUTPUT = st.integers(1, 3000)
GIGABYTE = 10**9


@QUICK
@given(width=WIDTH, strip_output=STRIP_OUTPUT, depth=DEPTH)
def test_every_column_is_kept_exactly_once(width: int, strip_output: int, depth: int) -> None:
    kept = np.zeros(width, int)
    for strip in strips(width, strip_output, depth):
        assert 0 <= strip.keep.start < strip.keep.stop
        kept[strip.keep] += 1
    assert (kept == 1).all()


@QUICK
@given(width=WIDTH, strip_output=STRIP_OUTPUT, depth=DEPTH)
def test_strips_start_on_one_pooling_grid_and_have_one_legal_side(
    width: int, strip_output: int, depth: int
) -> None:
    found = strips(width, strip_output, depth)
    for strip in found:
        assert strip.keep.start % 2**depth == 0
        assert strip.read[0] == strip.keep.start - context_px(depth)
        assert strip.keep.stop <= strip.read[1] - context_px(depth)
    sides = {strip.read[1] - strip.read[0] for strip in found}
    assert len(sides) == 1
    assert is_legal_input(sides.pop(), depth)


@QUICK
@given(width=WIDTH, strip_output=STRIP_OUTPUT, depth=DEPTH)
def test_strips_share_the_width_evenly(width: int, strip_output: int, depth: int) -> None:
    found = strips(width, strip_output, depth)
    step = found[0].keep.stop
    # One grid step less would need one strip more.
    assert len(found) == 1 or (step - 2**depth) * len(found) < width


@pytest.mark.parametrize(
    ("width", "starts"),
    [
        (1, [0]),
        (384, [0]),
        (385, [0, 208]),  # ceil(385 / 2 / 16) = 13 grid steps of 16
        (512, [0, 256]),
        (768, [0, 384]),
        (769, [0, 272, 544]),
    ],
)
def test_strips_of_the_papers_width_step_by_at_most_384(width: int, starts: list[int]) -> None:
    assert [strip.keep.start for strip in strips(width, 388, depth=4)] == starts


def test_a_strip_below_the_pooling_grid_still_covers_the_image() -> None:
    assert [strip.keep for strip in strips(64, 4, depth=5)] == [slice(0, 32), slice(32, 64)]


@QUICK
@given(
    height=st.integers(1, 40_000),
    width=st.integers(1, 40_000),
    base=st.sampled_from([8, 32, 64]),
    precision=st.sampled_from(["fp32", "bf16"]),
    memory_bytes=st.integers(40_000_000, 4 * GIGABYTE),
)
def test_a_plan_keeps_within_the_memory_allowed(
    height: int, width: int, base: int, precision: Precision, memory_bytes: int
) -> None:
    config = NetworkConfig(base_channels=base)
    try:
        plan = plan_prediction((height, width), config, 1, 2, precision, memory_bytes)
    except ConfigError:
        assert memory_bytes < 60_000_000  # 204 columns x 64 channels x 4 bytes x 602 rows: 32 MB
        raise
    assert plan.memory_bytes <= memory_bytes
    assert plan.block_rows % 16 == 0
    assert plan.strips[-1].keep.stop == width
    assert plan.redundancy >= 1


@QUICK
@example(size=(1, 1), binning=8, depth=4, precision="int8", memory_bytes=351_778_815)
@example(size=(1, 1), binning=8, depth=4, precision="int8", memory_bytes=351_778_816)
@given(
    size=st.tuples(st.integers(1, 40_000), st.integers(1, 40_000)),
    binning=st.sampled_from([2, 4, 8]),
    depth=st.integers(1, 4),
    precision=st.sampled_from(["fp32", "bf16", "int8"]),
    memory_bytes=st.integers(300_000_000, 4 * GIGABYTE),
)
def test_a_plan_for_a_network_that_bins_covers_the_image_within_the_memory(
    size: tuple[int, int],
    binning: Literal[2, 4, 8],
    depth: int,
    precision: InferencePrecision,
    memory_bytes: int,
) -> None:
    config = NetworkConfig(base_channels=16, depth=depth, binning=binning)
    try:
        plan = plan_prediction(size, config, 3, 4, precision, memory_bytes)
    except ConfigError:
        # The smallest window of the deepest network, in bins of 8, takes 351 778 816 bytes.
        assert (binning, depth, precision) == (8, 4, "int8")
        assert memory_bytes < 351_778_816
        return
    assert plan.memory_bytes <= memory_bytes
    assert plan.block_rows % (binning << depth) == 0
    assert [strip.keep.start % (binning << depth) for strip in plan.strips] == [0] * len(
        plan.strips
    )
    assert plan.strips[-1].keep.stop == size[1]
    assert plan.redundancy >= 1


def test_a_network_that_bins_takes_far_less_arithmetic() -> None:
    fine, coarse = (
        plan_prediction(
            (2048, 2048), NetworkConfig(base_channels=32, binning=binning), 1, 2, "fp32", GIGABYTE
        )
        for binning in (1, 4)
    )
    assert coarse.multiply_adds < fine.multiply_adds / 10


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("base", [32, 64])
@pytest.mark.parametrize("side", [2048, 4096, 10_000, 20_000, 40_000])
def test_large_images_cost_at_most_a_twelfth_more_than_no_context_would(
    side: int, base: int, precision: Precision
) -> None:
    config = NetworkConfig(base_channels=base)
    plan = plan_prediction((side, side), config, 1, 2, precision, GIGABYTE)
    assert plan.redundancy <= {2048: 1.075, 4096: 1.034}.get(side, 1.05)


def test_the_papers_tiles_of_572_cost_a_third_more() -> None:
    # 4 strips of 388 on tiles as tall as wide: 1.36 by FLOPs(572) / 384^2 / 1.4678 MFLOP.
    plan = plan_prediction((384, 384), NetworkConfig(), 1, 2, "fp32")
    assert plan.redundancy == pytest.approx(300.857e9 / 384**2 / 1.4678e6, rel=1e-3)


def test_half_the_bytes_allow_wider_strips() -> None:
    size, config = (1000, 30_000), NetworkConfig()
    full, half = (
        plan_prediction(size, config, 1, 2, precision, GIGABYTE) for precision in ("fp32", "bf16")
    )
    assert len(half.strips) < len(full.strips)


def test_less_memory_than_the_narrowest_strip_takes_is_refused() -> None:
    with pytest.raises(
        ConfigError,
        match=r"the memory left to the network, 1 MB, is below that of the narrowest strip, 32 MB; "
        r".*--memory",
    ):
        plan_prediction((5000, 5000), NetworkConfig(), 1, 2, "fp32", 1_000_000)


def test_bytes_are_said_in_round_numbers() -> None:
    assert [megabytes(count) for count in (1, 999_000_000, 2.04e9)] == ["1 MB", "999 MB", "2.0 GB"]
