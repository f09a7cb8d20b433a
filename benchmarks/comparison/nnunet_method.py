"""nnU-Net's 2-D recipe, from its own packages; needs the environment of peer_environment.py.

Topology, network, augmentation, loss and optimiser are those of nnU-Net 2.8 for the "2d"
configuration, and so is prediction: windows that overlap by half, weighed by a Gaussian, the mean
over four mirrored versions. Departures, all in its favour where there are minutes without a GPU:
patches of at most 256 px, and two of them a step, its own least (its planner would take 512 px and
twelve); no validation; the schedule falls over the time given instead of a thousand epochs.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
import torch
from dynamic_network_architectures.architectures.unet import PlainConvUNet
from method import Batch, Method, Source
from monai.inferers import SlidingWindowInferer
from nnunetv2.experiment_planning.experiment_planners.network_topology import (
    get_pool_and_conv_props,
)
from nnunetv2.training.data_augmentation.compute_initial_patch_size import get_patch_size
from nnunetv2.training.loss.compound_losses import DC_and_CE_loss
from nnunetv2.training.loss.dice import MemoryEfficientSoftDiceLoss
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer
from torch import Tensor, nn

from overtile.arrays import Floats
from overtile.data.sample import Annotated

LARGEST_PATCH_PX = 256
BATCH = 2
RATE = 1e-2
HALF_TURN = (-np.pi, np.pi)
MIRRORED = ((), (2,), (3,), (2, 3))
_BASE_CHANNELS, _MOST_CHANNELS, _LEAST_SIDE, _MOST_POOLINGS = 32, 512, 4, 999
_LOSS = DC_and_CE_loss(
    {"batch_dice": True, "smooth": 1e-5, "do_bg": False, "ddp": False},
    {},
    dice_class=MemoryEfficientSoftDiceLoss,
)


def nnunet(pages: Sequence[Annotated], classes: int) -> Method:
    """Train by nnU-Net's plan for some pages."""
    median = np.median([page.labels.shape for page in pages], axis=0).astype(int)
    wanted = np.minimum(median, LARGEST_PATCH_PX)
    _, strides, kernels, patch, _ = get_pool_and_conv_props(
        (1.0, 1.0), wanted, _LEAST_SIDE, _MOST_POOLINGS
    )
    patch = tuple(int(side) for side in patch)
    return Method(
        build=lambda _: _network(strides, kernels, classes),
        source=partial(_source, patch),
        predict=partial(_predict, patch),
        rates=(RATE,),
        loss=_loss,
        optimiser=_sgd,
        schedule="polynomial",
        largest_gradient=12.0,
    )


def _network(
    strides: Sequence[Sequence[int]], kernels: Sequence[Sequence[int]], classes: int
) -> nn.Module:
    stages = len(kernels)
    network = PlainConvUNet(
        input_channels=1,
        n_stages=stages,
        features_per_stage=[min(_BASE_CHANNELS << n, _MOST_CHANNELS) for n in range(stages)],
        conv_op=nn.Conv2d,
        kernel_sizes=kernels,
        strides=strides,
        n_conv_per_stage=[2] * stages,
        num_classes=classes,
        n_conv_per_stage_decoder=[2] * (stages - 1),
        conv_bias=True,
        norm_op=nn.InstanceNorm2d,
        norm_op_kwargs={"eps": 1e-5, "affine": True},
        nonlin=nn.LeakyReLU,
        nonlin_kwargs={"inplace": True},
        deep_supervision=True,
    )
    network.apply(network.initialize)
    return network


def _sgd(network: nn.Module, rate: float) -> torch.optim.Optimizer:
    return torch.optim.SGD(
        network.parameters(), rate, momentum=0.99, weight_decay=3e-5, nesterov=True
    )


def _loss(logits: list[Tensor], classes: Tensor) -> Tensor:
    """Sum the loss at all resolutions but the lowest, each with half the weight of the last."""
    weights = 0.5 ** np.arange(len(logits))
    weights[-1] = 0.0
    total = logits[0].new_zeros(())
    for one, weight in zip(logits[:-1], weights / weights.sum(), strict=False):
        step = classes.shape[-1] // one.shape[-1], classes.shape[-2] // one.shape[-2]
        target = classes[:, None, :: step[1], :: step[0]]
        total = total + weight * _LOSS(one, target)
    return total


def _source(patch: tuple[int, int], pages: Sequence[Annotated], seed: int) -> Source:
    mirror_axes = (0, 1)
    transform = nnUNetTrainer.get_training_transforms(patch, HALF_TURN, None, mirror_axes, False)
    around = get_patch_size(patch, HALF_TURN, HALF_TURN, HALF_TURN, (0.85, 1.25))
    padded = [_padded(page, around) for page in pages]

    def draw(step: int) -> Batch:
        rng = np.random.default_rng([seed, step])
        torch.manual_seed(int(rng.integers(1 << 31)))
        np.random.seed(int(rng.integers(1 << 31)))  # noqa: NPY002 - their augmentation draws from it
        crops = []
        for number in range(BATCH):
            page = int(rng.integers(len(pages)))
            # A third of a batch, at least one, shows an object for certain.
            crop = _crop(*padded[page], around, rng, sure=number == BATCH - 1)
            crops.append(transform(image=crop[0], segmentation=crop[1]))
        pixels = torch.stack([crop["image"] for crop in crops])
        return pixels, torch.stack([crop["segmentation"][0] for crop in crops]).long()

    return draw


def _padded(page: Annotated, around: Sequence[int]) -> tuple[Tensor, Tensor]:
    """Give standardised grey values, padded with zeros, and classes, padded with -1."""
    pixels = _standardised(page.pixels)
    margins = [
        (int(side) // 2, int(side) // 2) for side in around
    ]  # as nnU-Net: a patch may stand over the border
    return (
        torch.from_numpy(np.pad(pixels, ((0, 0), *margins))),
        torch.from_numpy(np.pad(page.labels.astype(np.int16), margins, constant_values=-1))[None],
    )


def _crop(
    pixels: Tensor, classes: Tensor, around: Sequence[int], rng: np.random.Generator, *, sure: bool
) -> tuple[Tensor, Tensor]:
    inside = classes[0] > 0 if sure and (classes > 0).any() else classes[0] >= 0
    places = inside.nonzero()
    centre = places[int(rng.integers(len(places)))]
    rows, columns = (
        slice(int(middle) - int(side) // 2, int(middle) - int(side) // 2 + int(side))
        for middle, side in zip(centre, around, strict=True)
    )
    return pixels[:, rows, columns], classes[:, rows, columns]


def _standardised(pixels: Floats) -> Floats:
    return (pixels - pixels.mean()) / max(float(pixels.std()), 1e-8)


def _predict(patch: tuple[int, int], network: nn.Module, pixels: Floats) -> Floats:
    network.decoder.deep_supervision = False
    slide = SlidingWindowInferer(roi_size=patch, sw_batch_size=BATCH, overlap=0.5, mode="gaussian")
    batch = torch.from_numpy(_standardised(pixels))[None]
    with torch.inference_mode():
        views = [slide(batch.flip(axes), network).flip(axes).softmax(dim=1) for axes in MIRRORED]
    return torch.stack(views).mean(dim=0)[0].numpy()
