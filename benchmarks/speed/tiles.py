"""One tile through the network against plain torch, and rows of an image against square tiles.

``python benchmarks/speed/tiles.py`` takes about two minutes on two cores. Weights are random;
how far bfloat16 changes a trained network is asked before each prediction, by a gate.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import numpy as np
import torch
from row import Row, interleave, median, write_rows
from torch import nn

from overtile.arrays import Floats
from overtile.config import NetworkConfig
from overtile.data.mirror import mirror_crop
from overtile.inference.engine import Engine, TorchEngine
from overtile.inference.openvino_engine import OpenVinoEngine, find_ranges
from overtile.inference.predict import Predictor
from overtile.model.cost import multiply_adds
from overtile.model.geometry import context_px, smallest_input, tile_step_px
from overtile.model.unet import UNet

COMMAND = "python benchmarks/speed/tiles.py"
SIDE_PX, TILE_PX = 2048, 572
ASKED = {"bf16": (3.0, 4.0), "int8": (7.0, 9.0)}
"""What the ratios must be at least, and the aim, for each arithmetic."""
YARDSTICK_CHANNELS, YARDSTICK_PX = 256, 128


def rows() -> list[Row]:
    """Measure both networks, then all sizes of tiles."""
    torch.manual_seed(0)
    narrow = NetworkConfig(base_channels=32, batch_norm=True)
    found = _one_tile("width 32, batch normalisation", narrow)
    found += _one_tile("the paper's", NetworkConfig())
    return found + _tiled(NetworkConfig(base_channels=32, batch_norm=True), (572, 700, 828, 1020))


def _one_tile(title: str, config: NetworkConfig) -> list[Row]:
    network = UNet(1, 2, config).eval()
    pixels = torch.randn(1, 1, TILE_PX, TILE_PX)
    engines: dict[str, Engine] = {
        "bf16": TorchEngine(network, "bf16"),
        "int8": OpenVinoEngine(network, find_ranges(network, pixels[0].numpy())),
    }

    def plain() -> object:
        with torch.inference_mode():
            return network(pixels)

    rounds = 9 if config.base_channels < 64 else 7
    sides: dict[str, Callable[[], object]] = {
        "bf16": lambda: engines["bf16"].stream().push(pixels),
        "int8": lambda: engines["int8"].stream().push(pixels),
        "theirs": plain,
        "yardstick": _yardstick(),
    }
    seconds, foreign = interleave(sides, rounds)
    work = 2 * multiply_adds(config, 1, 2, (TILE_PX, TILE_PX))
    limit = 2 * 9 * YARDSTICK_CHANNELS**2 * YARDSTICK_PX**2 / median(seconds["yardstick"])
    return [
        Row(
            job=f"a tile of {TILE_PX} px, {title}, {precision}",
            against="plain torch, fp32",
            ours_s=median(seconds[precision]),
            theirs_s=median(seconds["theirs"]),
            at_least=ASKED[precision][0],
            aim=ASKED[precision][1],
            rounds=rounds,
            gate=f"probabilities of random weights within {_apart(engine, network, pixels):.2g}",
            foreign_cores=foreign,
            note=f"{100 * work / median(seconds[precision]) / limit:.0f} % of the rate of one "
            "convolution of 256 channels in bf16",
        )
        for precision, engine in engines.items()
    ]


def _apart(engine: Engine, network: UNet, pixels: torch.Tensor) -> float:
    with torch.inference_mode():
        found = engine.stream().push(pixels)
        assert found is not None
        return (found.softmax(dim=1) - network(pixels).softmax(dim=1)).abs().max().item()


def _yardstick() -> Callable[[], object]:
    layer = nn.Conv2d(YARDSTICK_CHANNELS, YARDSTICK_CHANNELS, 3, padding=1).bfloat16()
    layer = layer.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    maps = torch.randn(1, YARDSTICK_CHANNELS, YARDSTICK_PX, YARDSTICK_PX).bfloat16()
    maps = maps.to(memory_format=torch.channels_last)

    def run() -> object:
        with torch.inference_mode():
            return layer(maps)

    return run


def _tiled(config: NetworkConfig, sides: tuple[int, ...]) -> list[Row]:
    network = UNet(1, 2, config).eval()
    predictor = Predictor(network=network, precision="bf16")
    pixels = np.random.default_rng(0).normal(size=(1, SIDE_PX, SIDE_PX)).astype(np.float32)
    ways: dict[str, Callable[[], object]] = {"rows": lambda: predictor.probabilities(pixels)}
    for side in sides:
        ways[str(side)] = lambda side=side: _in_tiles(predictor, pixels, side)  # type: ignore[misc]
    seconds, foreign = interleave(ways, 5)
    whole = predictor.probabilities(pixels)
    return [
        Row(
            job=f"image of {SIDE_PX}x{SIDE_PX} px, row by row, bf16",
            against=f"square tiles of at most {side} px through the same engine",
            ours_s=median(seconds["rows"]),
            theirs_s=median(seconds[str(side)]),
            at_least=1,
            aim=1,
            rounds=5,
            gate=f"within {np.abs(whole - _in_tiles(predictor, pixels, side)).max():.2g}",
            foreign_cores=foreign,
        )
        for side in sides
    ]


def _in_tiles(predictor: Predictor, pixels: Floats, side: int) -> Floats:
    """Predict by square tiles that share the image evenly and step on the pooling grid."""
    depth = predictor.network.config.depth
    rim, most = context_px(depth), tile_step_px(side - 2 * context_px(depth), depth)
    count = -(-SIDE_PX // most)
    step = -(-SIDE_PX // (16 * count)) * 16
    read = smallest_input(step, depth)
    result = np.empty((2, SIDE_PX, SIDE_PX), np.float32)
    for y in range(0, SIDE_PX, step):
        for x in range(0, SIDE_PX, step):
            window = mirror_crop(pixels, (y - rim, y - rim + read), (x - rim, x - rim + read))
            tile = torch.from_numpy(np.ascontiguousarray(window))[None]
            logits = predictor.engine.stream().push(tile)
            assert logits is not None
            kept = result[:, y : y + step, x : x + step]
            kept[:] = logits[0].softmax(dim=0).numpy()[:, : kept.shape[1], : kept.shape[2]]
    return result


if __name__ == "__main__":
    write_rows("tiles", COMMAND, rows(), threads=torch.get_num_threads())
