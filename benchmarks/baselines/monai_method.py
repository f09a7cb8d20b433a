"""MONAI's BasicUNet by its tutorial recipe; needs the environment of peer_environment.py.

As in the 2-D segmentation tutorials of Project MONAI: four random crops of 96×96 px from each of
two pages a step, flips and quarter turns, Dice plus cross-entropy, Adam at 1e-3, and a sliding
window of 96 px with an overlap of a quarter. The network has its default channels. Pages smaller
than a crop are padded with zeros.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from method import Batch, Method, Source
from monai.inferers import SlidingWindowInferer
from monai.losses import DiceCELoss
from monai.networks.nets import BasicUNet
from monai.transforms import (
    Compose,
    RandCropByPosNegLabeld,
    RandFlipd,
    RandRotate90d,
    SpatialPadd,
)
from torch import Tensor, nn

from overtile.arrays import Floats
from overtile.data.sample import Annotated

CROP_PX = (96, 96)
CROPS_OF_A_PAGE = 4
PAGES_A_STEP = 2
RATE = 1e-3
SLIDING = SlidingWindowInferer(roi_size=CROP_PX, sw_batch_size=4, overlap=0.25)
LOSS = DiceCELoss(to_onehot_y=True, softmax=True)


def monai_unet(classes: int = 2) -> Method:
    """Train BasicUNet by the tutorials."""
    return Method(
        build=lambda _: BasicUNet(spatial_dims=2, in_channels=1, out_channels=classes),
        source=_source,
        predict=_predict,
        rates=(RATE,),
        loss=_loss,
        schedule="constant",
    )


def _source(pages: Sequence[Annotated], seed: int) -> Source:
    both = ["image", "label"]
    transform = Compose(
        [
            SpatialPadd(keys=both, spatial_size=CROP_PX),
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
        chosen = rng.choice(len(pages), min(PAGES_A_STEP, len(pages)), replace=False)
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
        return logits[0].softmax(dim=0).numpy()
