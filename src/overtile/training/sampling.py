"""The source of training tiles that belongs to a recipe, and the size of those tiles."""

from __future__ import annotations

from collections.abc import Sequence

from overtile.arrays import ClassMap
from overtile.choices import LabelKind
from overtile.config import Recipe
from overtile.data.sample import Annotated, Sampler
from overtile.data.targets import class_balance, class_map, separate_touching
from overtile.model.geometry import context_px, output_size, smallest_input


def tile_output_size(recipe: Recipe) -> int:
    """Give the legal output side of the recipe's training tile in pixels."""
    grid = (recipe.network.depth, recipe.network.binning)
    return output_size(smallest_input(recipe.training.tile_output, *grid), *grid)


def make_sampler(
    recipe: Recipe, kind: LabelKind, classes: int, seed: int, images: Sequence[Annotated]
) -> Sampler:
    """Build the source of training tiles, with class weights of the whole training set."""
    output = tile_output_size(recipe)
    gap_px = recipe.network.binning  # A thinner one could not be told by the network.
    maps = (_told_classes(image, kind, gap_px) for image in images)
    return Sampler(
        images=images,
        kind=kind,
        input_size=output + 2 * context_px(recipe.network.depth, recipe.network.binning),
        output_size=output,
        class_weights=class_balance(maps, classes, recipe.loss.class_balance),
        augmentation=recipe.augmentation,
        loss=recipe.loss,
        seed=seed,
        gap_px=gap_px,
        class_share=recipe.training.class_share if kind == "classes" else 0.0,
    )


def _told_classes(image: Annotated, kind: LabelKind, gap_px: int) -> ClassMap:
    """Give the classes of the pixels that the labels tell of, in no order."""
    separated = image.labels if kind == "classes" else separate_touching(image.labels, gap_px)
    classes = class_map(separated, kind)
    return classes if image.ignore is None else classes[~image.ignore]
