"""A training run that takes milliseconds: one image of 40 px, a network of four channels."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

from overtile.config import AugmentationConfig, LossConfig, NetworkConfig, Recipe
from overtile.data.sample import Annotated, Sampler
from overtile.model.unet import UNet
from overtile.training.loop import TrainingState

StateOf = Callable[[Recipe], TrainingState]


@pytest.fixture
def tiny_network() -> NetworkConfig:
    return NetworkConfig(base_channels=4, depth=1)


@pytest.fixture
def sampler() -> Sampler:
    rng = np.random.default_rng(0)
    labels = np.zeros((40, 40), np.uint32)
    labels[4:18, 5:20], labels[22:36, 6:30] = 1, 2
    pixels = (labels > 0) + rng.normal(scale=0.3, size=labels.shape)
    return Sampler(
        images=[Annotated(name="two", pixels=pixels[None].astype(np.float32), labels=labels)],
        kind="instances",
        input_size=32,
        output_size=16,
        class_weights=np.ones(2, np.float32),
        augmentation=AugmentationConfig(),
        loss=LossConfig(),
        seed=7,
    )


@pytest.fixture
def new_state() -> StateOf:
    def build(recipe: Recipe) -> TrainingState:
        torch.manual_seed(0)
        return TrainingState(UNet(1, 2, recipe.network), recipe)

    return build
