"""Whole images against the sliding windows of MONAI and nnU-Net, on a network of the same shape.

``python benchmarks/speed/whole_image.py`` takes about ten minutes on two cores; ``--quick`` one.
Weights are random: this is about time. That strips give what one pass over the whole image
gives is the gate, measured here in fp32.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1]))

from peer_environment import among_peers

if __name__ == "__main__":
    among_peers()

import numpy as np
import torch
from row import Row, interleave, median, print_rows, write_rows
from torch import Tensor, nn

from overtile.arrays import Floats
from overtile.choices import InferencePrecision
from overtile.config import NetworkConfig
from overtile.data.mirror import mirror_crop
from overtile.inference.openvino_engine import find_ranges
from overtile.inference.predict import Predictor
from overtile.model.geometry import context_px, smallest_input
from overtile.model.unet import UNet

BASE = 32
WINDOW_PX = 512
ASKED = {"int8": (15.0, 20.0), "bf16": (6.5, 10.0), "fp32": (1.0, 1.0)}
"""What the ratios must be at least, and the aim, for each arithmetic."""


class PaddedUNet(nn.Module):
    """The same layers with padded convolutions, as the peers' networks have them."""

    def __init__(self, base: int) -> None:
        super().__init__()
        widths = [base << level for level in range(5)]
        self.down = nn.ModuleList(_block(*pair) for pair in zip([1, *widths], widths, strict=False))
        above = widths[-2::-1]
        self.up = nn.ModuleList(nn.ConvTranspose2d(2 * width, width, 2, 2) for width in above)
        self.merge = nn.ModuleList(_block(2 * width, width) for width in above)
        self.classify = nn.Conv2d(base, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Turn (N, 1, Y, X) into logits (N, 2, Y, X)."""
        copies: list[Tensor] = []
        for block in self.down:
            x = block(torch.max_pool2d(x, 2) if copies else x)
            copies.append(x)
        copies.pop()
        for up, merge in zip(self.up, self.merge, strict=True):
            x = merge(torch.cat([copies.pop(), up(x)], dim=1))
        return self.classify(x)  # type: ignore[no-any-return]


def rows(quick: bool) -> list[Row]:
    """Measure all sizes, or a small one."""
    warnings.filterwarnings("ignore")
    torch.manual_seed(0)
    ours = UNet(1, 2, NetworkConfig(base_channels=BASE, batch_norm=True)).eval()
    theirs = PaddedUNet(BASE).eval()
    plans = [(1024, 3)] if quick else [(2048, 3), (4096, 1)]
    return [row for side, rounds in plans for row in _of_one_size(ours, theirs, side, rounds)]


def _of_one_size(ours: UNet, theirs: nn.Module, side: int, rounds: int) -> list[Row]:
    pixels = np.random.default_rng(0).normal(size=(1, side, side)).astype(np.float32)
    precisions: tuple[InferencePrecision, ...] = ("int8", "bf16", "fp32")
    predictors = {precision: _predictor(ours, precision, pixels) for precision in precisions}
    sides: dict[str, Callable[[], object]] = {
        precision: lambda ours=predictor: ours.probabilities(pixels)  # type: ignore[misc]
        for precision, predictor in predictors.items()
    } | {
        "MONAI": _monai(theirs, pixels),
        "nnU-Net": _nnunet(theirs, pixels),
    }
    seconds, foreign = interleave(sides, rounds, warm=side <= 2048)
    one_pass = f"fp32 against one pass over a whole image: {_difference(ours):.1e} at most"
    peers = {
        "MONAI": "MONAI SlidingWindowInferer, overlap 0.5, gaussian, fp32",
        "nnU-Net": "nnU-Net's predictor, no mirroring, fp32",
    }
    return [
        Row(
            job=f"image of {side}x{side} px, {precision}",
            against=title,
            ours_s=median(seconds[precision]),
            theirs_s=median(seconds[peer]),
            at_least=ASKED[precision][0],
            aim=ASKED[precision][1],
            rounds=rounds,
            gate="see `agreement.json`" if precision == "int8" else one_pass,
            foreign_cores=foreign,
            note=f"{predictor.plan((side, side)).redundancy:.3f} of the least arithmetic",
        )
        for precision, predictor in predictors.items()
        for peer, title in peers.items()
    ]


def _predictor(network: UNet, precision: InferencePrecision, pixels: Floats) -> Predictor:
    sample = smallest_input(1)
    ranges = find_ranges(network, pixels[:, :sample, :sample]) if precision == "int8" else ()
    return Predictor(network=network, precision=precision, ranges=ranges)


def _difference(network: UNet) -> float:
    """Compare strips with one pass over the whole mirrored image."""
    pixels = np.random.default_rng(1).normal(size=(1, 600, 900)).astype(np.float32)
    narrow = Predictor(network=network, memory_bytes=50_000_000)
    assert len(narrow.plan((600, 900)).strips) > 1
    rim = context_px(network.config.depth)
    window = [(-rim, smallest_input(length) - rim) for length in (600, 900)]
    with torch.inference_mode():
        tile = torch.from_numpy(mirror_crop(pixels, *window))[None]
        whole = network(tile).softmax(dim=1)[0, :, :600, :900].numpy()
    return float(np.abs(narrow.probabilities(pixels) - whole).max())


def _monai(network: nn.Module, pixels: Floats) -> Callable[[], object]:
    from monai.inferers import SlidingWindowInferer

    inferer = SlidingWindowInferer((WINDOW_PX, WINDOW_PX), overlap=0.5, mode="gaussian")

    def run() -> Tensor:
        with torch.inference_mode():
            return inferer(torch.from_numpy(pixels)[None], network)  # type: ignore[return-value]

    return run


def _nnunet(network: nn.Module, pixels: Floats) -> Callable[[], object]:
    from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor

    class Configuration:
        patch_size = (WINDOW_PX, WINDOW_PX)

    class Labels:
        num_segmentation_heads = 2

    predictor = nnUNetPredictor(use_mirroring=False, device=torch.device("cpu"), allow_tqdm=False)
    predictor.network = network
    predictor.configuration_manager = Configuration()
    predictor.label_manager = Labels()
    predictor.allowed_mirroring_axes = None

    def run() -> Tensor:
        with torch.inference_mode():
            volume = torch.from_numpy(pixels)[:, None]
            return predictor.predict_sliding_window_return_logits(volume)  # type: ignore[no-any-return]

    return run


def _block(below: int, width: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for channels in (below, width):
        convolution = nn.Conv2d(channels, width, 3, padding=1)
        layers += [convolution, nn.BatchNorm2d(width), nn.ReLU(inplace=True)]
    return nn.Sequential(*layers)


if __name__ == "__main__":
    if "--quick" in sys.argv:
        print_rows(rows(quick=True))
    else:
        command = "python benchmarks/speed/whole_image.py"
        write_rows("whole_image", command, rows(quick=False), threads=torch.get_num_threads())
