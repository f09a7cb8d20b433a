"""Tiled prediction, against the whole mirrored image in one pass of the network."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from overtile.arrays import Floats
from overtile.choices import TestTimeAugmentation
from overtile.config import NetworkConfig
from overtile.data.mirror import mirror_crop
from overtile.errors import ImageError
from overtile.inference.plan import DEFAULT_MEMORY_BYTES
from overtile.inference.predict import Predictor
from overtile.model.geometry import smallest_input
from overtile.model.unet import UNet

TOLERANCE = 1e-5
"""Largest difference of probabilities that float32 sums in another order explain."""


TIGHT = 1_000_000
"""Bytes that hold the narrowest strips of the networks below, at depth 4."""


def identity(classes: int, depth: int) -> UNet:
    """Make a network whose logits are its pixels, if those are not negative: it only crops."""
    made = UNet(classes, classes, NetworkConfig(base_channels=classes, depth=depth)).eval()
    with torch.no_grad():
        for values in made.state_dict().values():
            values.zero_()
        finest = [*made.contracting[0].children(), *made.expanding[-1].children()]
        for layer in finest:
            if not isinstance(layer, nn.Conv2d):
                continue
            for channel in range(classes):  # Copied channels come first in the expanding path.
                layer.weight[channel, channel, 1, 1] = 1
        for channel in range(classes):
            made.classify.weight[channel, channel] = 1
    return made


def logits_of(probabilities: Floats) -> Floats:
    """Give pixels from which soft-max makes these probabilities, none of them negative."""
    return np.asarray(np.log(probabilities) + 10, dtype=np.float32)


def network(
    depth: int, *, seed: int = 0, channels: int = 1, classes: int = 2, **more: object
) -> UNet:
    """Make a narrow network in which every weight, bias and statistic is random."""
    config = NetworkConfig.model_validate({"base_channels": 2, "depth": depth, **more})
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        made = UNet(channels, classes, config)
        with torch.no_grad():
            for name, values in made.state_dict().items():
                if name.endswith(("bias", "running_mean")):
                    values.normal_(std=0.1)
                if name.endswith("running_var"):
                    values.uniform_(0.5, 2)
    return made.eval()


def noise(*shape: int, seed: int = 0) -> Floats:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def some_probabilities(*shape: int) -> Floats:
    values = np.random.default_rng(0).uniform(0.1, 1, shape).astype(np.float32)
    return np.asarray(values / values.sum(axis=0))


def reflected(position: int, length: int) -> int:
    """Walk back into the image, from mirror to mirror."""
    while length > 1 and not 0 <= position < length:
        position = -position if position < 0 else 2 * (length - 1) - position
    return position if length > 1 else 0


def output_side(side: int, depth: int, binning: int = 1) -> int:
    """Follow a side down and up again; 0 if some pooling cannot halve it."""
    if binning > 1:
        inside = output_side(side // binning, depth) if side % binning == 0 else 0
        return binning * max(0, inside - 2)
    for _ in range(depth):
        if side < 5 or side % 2:
            return 0
        side = (side - 4) // 2
    side -= 4
    for _ in range(depth):
        side = max(0, 2 * side - 4)
    return side


def in_one_pass(made: UNet, pixels: Floats) -> Floats:
    """Mirror the image to one legal tile with plain loops, and run the network once."""
    grid, lines = (made.config.depth, made.config.binning), []
    for length in pixels.shape[1:]:
        side = next(s for s in range(length, 2000) if output_side(s, *grid) >= length)
        rim = (side - output_side(side, *grid)) // 2
        lines.append([reflected(position - rim, length) for position in range(side)])
    tile = torch.from_numpy(pixels[:, lines[0]][:, :, lines[1]])
    with torch.inference_mode():
        probabilities = made(tile[None]).softmax(dim=1)[0].numpy()
    return np.asarray(probabilities[:, : pixels.shape[1], : pixels.shape[2]])


def agree(found: Floats, expected: Floats) -> bool:
    """Say whether probabilities are equal to rounding, and classes wherever they are decided."""
    # Random weights may give logits of 50 and more, which are rounded by as much more.
    logits = -np.log(max(float(expected.min()), 1e-30))
    rounding = TOLERANCE * max(1.0, logits / 10)
    ranked = np.sort(expected, axis=0)
    decided = ranked[-1] - ranked[-2] > 2 * rounding
    same_class = found.argmax(axis=0) == expected.argmax(axis=0)
    close = np.abs(found - expected).max() <= rounding
    return found.shape == expected.shape and bool(close and same_class[decided].all())


@settings(deadline=None, database=None, max_examples=30)
@given(
    depth=st.integers(1, 4),
    binning=st.sampled_from([1, 1, 2, 4]),
    height=st.integers(1, 70),
    width=st.integers(1, 70),
    memory_bytes=st.sampled_from([TIGHT, 2 * TIGHT, DEFAULT_MEMORY_BYTES]),
    channels=st.integers(1, 3),
    classes=st.integers(2, 4),
    batch_norm=st.booleans(),
    seed=st.integers(0, 99),
)
def test_prediction_in_strips_is_that_of_the_whole_image(
    depth: int,
    binning: int,
    height: int,
    width: int,
    memory_bytes: int,
    channels: int,
    classes: int,
    batch_norm: bool,
    seed: int,
) -> None:
    made = network(
        depth,
        seed=seed,
        channels=channels,
        classes=classes,
        batch_norm=batch_norm,
        binning=binning,
    )
    pixels = noise(channels, height, width, seed=seed)
    # Blocks of bins are as many rows of bins, each of which takes its pixels as well.
    allowed = memory_bytes * binning**2
    found = Predictor(network=made, memory_bytes=allowed).probabilities(pixels)
    assert agree(found, in_one_pass(made, pixels))


@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (40, 1), (2, 3), (17, 16), (91, 92), (93, 33)])
def test_images_smaller_than_the_context_are_reflected_as_often_as_needed(
    shape: tuple[int, int],
) -> None:
    made, pixels = network(4), noise(1, *shape)
    found = Predictor(network=made).probabilities(pixels)
    assert agree(found, in_one_pass(made, pixels))


def test_strips_give_the_prediction_of_the_whole_image() -> None:
    made, pixels = network(4), noise(1, 40, 800)
    predictor = Predictor(network=made, memory_bytes=2 * TIGHT)
    assert len(predictor.plan((40, 800)).strips) > 3
    assert agree(predictor.probabilities(pixels), in_one_pass(made, pixels))


@pytest.mark.parametrize(("step_px", "agrees"), [(384, True), (388, False)])
def test_stepping_by_384_agrees_with_the_whole_image_and_by_388_does_not(
    step_px: int, agrees: bool
) -> None:
    # 388 is 4 mod 16: a tile that starts there pools other groups of pixels than its neighbour.
    made, pixels = network(4), torch.from_numpy(noise(1, 188, 588))
    with torch.inference_mode():
        whole = made(pixels[None]).softmax(dim=1)[0].numpy()
        tile = made(pixels[None, :, :, step_px : step_px + 188]).softmax(dim=1)[0].numpy()
    assert agree(tile, whole[:, :, step_px : step_px + 4]) == agrees


def test_the_comparison_would_see_a_difference() -> None:
    # Noise of another seed, or one border row changed: probabilities move a thousandfold tolerance.
    made, pixels = network(4), noise(1, 30, 30)
    changed = pixels.copy()
    changed[0, 0] += 1
    difference = np.abs(in_one_pass(made, pixels) - in_one_pass(made, changed))
    assert difference.max() > 1000 * TOLERANCE


@pytest.mark.parametrize("depth", [1, 2, 3, 4])
@pytest.mark.parametrize("shape", [(1, 1), (5, 90), (97, 41)])
def test_stitching_an_identity_network_returns_the_image(
    shape: tuple[int, int], depth: int
) -> None:
    image = some_probabilities(3, *shape)
    predictor = Predictor(network=identity(3, depth), memory_bytes=2 * TIGHT)
    found = predictor.probabilities(logits_of(image))
    assert found == pytest.approx(image, abs=1e-6)


def test_flips_of_an_identity_network_return_the_image() -> None:
    image = some_probabilities(2, 9, 14)
    predictor = Predictor(network=identity(2, 2), test_time="flips8")
    assert predictor.probabilities(logits_of(image)) == pytest.approx(image, abs=1e-6)


def test_rotations_of_an_identity_network_return_a_smooth_image() -> None:
    y, x = np.mgrid[:40, :56] / 10
    cell = (0.5 + 0.4 * np.sin(y) * np.cos(x)).astype(np.float32)
    image = np.stack([1 - cell, cell])
    predictor = Predictor(network=identity(2, 2), test_time="rotations7")
    found = predictor.probabilities(logits_of(image))
    assert found[:, 4:-4, 4:-4] == pytest.approx(image[:, 4:-4, 4:-4], abs=0.005)


def test_flips_make_the_prediction_of_a_flipped_image_the_flipped_prediction() -> None:
    made, pixels = network(2), noise(1, 21, 30)
    predictor = Predictor(network=made, test_time="flips8")
    turned = np.ascontiguousarray(np.rot90(pixels, axes=(1, 2))[:, :, ::-1])
    expected = np.rot90(predictor.probabilities(pixels), axes=(1, 2))[:, :, ::-1]
    assert agree(predictor.probabilities(turned), np.asarray(expected))


@pytest.mark.parametrize("test_time", ["none", "flips8", "rotations7"])
def test_probabilities_are_fractions_that_sum_to_one(test_time: TestTimeAugmentation) -> None:
    made = network(2, classes=3)
    predictor = Predictor(network=made, test_time=test_time)
    found = predictor.probabilities(noise(1, 25, 18))
    assert found.shape == (3, 25, 18)
    assert found.dtype == np.float32
    assert found.min() >= 0
    assert found.sum(axis=0) == pytest.approx(np.ones((25, 18)), abs=1e-6)


def test_rotations_of_a_sharp_edge_stay_fractions_that_sum_to_one() -> None:
    # Cubic resampling swings below 0 and above 1 beside an edge.
    cell = np.zeros((24, 24), np.float32)
    cell[6:18, 6:18] = 1
    predictor = Predictor(network=identity(2, 1), test_time="rotations7")
    found = predictor.probabilities(200 * np.stack([1 - cell, cell]))
    assert found.min() == 0
    assert found.sum(axis=0) == pytest.approx(np.ones((24, 24)), abs=1e-6)


@pytest.mark.parametrize(("test_time", "versions"), [("none", 1), ("flips8", 8), ("rotations7", 7)])
def test_progress_counts_all_versions(test_time: TestTimeAugmentation, versions: int) -> None:
    predictor = Predictor(network=network(1), test_time=test_time)
    told: list[float] = []
    predictor.probabilities(noise(1, 10, 12), told.append)
    assert told == pytest.approx([number / versions for number in range(1, versions + 1)])


def test_progress_is_told_after_each_band_of_each_strip() -> None:
    told: list[float] = []
    predictor = Predictor(network=network(4), memory_bytes=TIGHT)
    assert len(predictor.plan((60, 32)).strips) == 2
    predictor.probabilities(noise(1, 60, 32), told.append)
    assert len(told) > 4
    assert told == sorted(told)
    assert told[-1] == 1


def test_a_strip_may_begin_anywhere_on_the_pooling_grid() -> None:
    predictor, pixels = Predictor(network=network(2)), noise(1, 50, 20)
    whole = predictor.probabilities(pixels)
    plan = predictor.plan((50, 20))
    bands = predictor.bands(
        lambda rows, columns: mirror_crop(pixels, rows, columns), plan, plan.strips[0], first_row=24
    )
    below = np.concatenate([band.probabilities for band in bands], axis=1)
    assert agree(below, whole[:, 24:])


def test_half_precision_moves_probabilities_by_less_than_a_twentieth() -> None:
    made, pixels = network(2), noise(1, 20, 20)
    found = Predictor(network=made, precision="bf16").probabilities(pixels)
    expected = Predictor(network=made).probabilities(pixels)
    assert found.dtype == np.float32
    assert 0 < np.abs(found - expected).max() < 0.05


def test_other_channels_than_the_models_are_refused() -> None:
    predictor = Predictor(network=network(1, channels=3))
    with pytest.raises(ImageError, match=r"has 1 channels, the model was trained on 3; .*--axes"):
        predictor.probabilities(noise(1, 8, 8))


def test_the_image_is_left_as_it_was() -> None:
    pixels = noise(1, 12, 12)
    before = pixels.copy()
    Predictor(network=network(1), test_time="flips8").probabilities(pixels)
    assert np.array_equal(pixels, before)


def test_the_reference_finds_legal_sides_by_itself() -> None:
    side = next(s for s in range(1, 999) if output_side(s, 4) >= 30)
    assert side == smallest_input(30, 4)
