"""MONAI's BasicUNet by its tutorial recipe; runs in the environment of `monai_environment`.

As in the 2-D segmentation tutorials of Project MONAI: four random crops of 96×96 px from each of
two pages a step, flips and quarter turns, Dice plus cross-entropy, Adam at 1e-3, and a sliding
window of 96 px with an overlap of a quarter. The network has its default channels.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from assignment import Assignment, fulfil
from method import Batch, Method, Source
from monai.inferers import SlidingWindowInferer
from monai.losses import DiceCELoss
from monai.networks.nets import BasicUNet
from monai.transforms import Compose, RandCropByPosNegLabeld, RandFlipd, RandRotate90d
from torch import Tensor, nn

from overtile.arrays import Floats
from overtile.data.sample import Annotated

CROP_PX = (96, 96)
CROPS_OF_A_PAGE = 4
PAGES_A_STEP = 2
RATE = 1e-3
SLIDING = SlidingWindowInferer(roi_size=CROP_PX, sw_batch_size=4, overlap=0.25)
LOSS = DiceCELoss(to_onehot_y=True, softmax=True)


def main() -> None:
    """Train and predict; scoring is left to the caller."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("data", type=Path)
    parser.add_argument("--minutes", type=float, required=True)
    parser.add_argument("--seed", type=int, required=True)
    given = parser.parse_args()
    method = Method(
        build=lambda _: BasicUNet(spatial_dims=2, in_channels=1, out_channels=2),
        source=_source,
        predict=_predict,
        rates=(RATE,),
        loss=_loss,
        schedule="constant",
    )
    fulfil(
        method,
        Assignment(folder=given.folder, data=given.data, minutes=given.minutes, seed=given.seed),
    )


def _source(pages: Sequence[Annotated], seed: int) -> Source:
    both = ["image", "label"]
    transform = Compose(
        [
            RandCropByPosNegLabeld(
                keys=both, label_key="label", spatial_size=CROP_PX, num_samples=CROPS_OF_A_PAGE
            ),
            RandFlipd(keys=both, prob=0.5, spatial_axis=0),
            RandFlipd(keys=both, prob=0.5, spatial_axis=1),
            RandRotate90d(keys=both, prob=0.5),
        ]
    )

    def draw(step: int) -> Batch:
        rng = np.random.default_rng([seed, step])
        transform.set_random_state(seed=int(rng.integers(1 << 31)))
        chosen = rng.choice(len(pages), PAGES_A_STEP, replace=False)
        crops = [crop for number in chosen for crop in transform(_as_monai(pages[number]))]
        pixels = torch.stack([torch.as_tensor(crop["image"]) for crop in crops])
        classes = torch.stack([torch.as_tensor(crop["label"])[0] for crop in crops])
        return pixels, classes.long()

    return draw


def _as_monai(page: Annotated) -> dict[str, Tensor]:
    labels = torch.from_numpy(page.labels.astype(np.float32))[None]
    return {"image": torch.from_numpy(page.pixels), "label": labels}


def _loss(logits: Tensor, classes: Tensor) -> Tensor:
    return LOSS(logits, classes[:, None])


def _predict(network: nn.Module, pixels: Floats) -> Floats:
    with torch.inference_mode():
        logits = SLIDING(torch.from_numpy(pixels)[None], network)
        return logits[0].softmax(dim=0)[1].numpy()


if __name__ == "__main__":
    main()
