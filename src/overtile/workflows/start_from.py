"""Training that starts from a model: its network, and what it has seen already."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from overtile.config import Recipe
from overtile.errors import ConfigError, ModelError
from overtile.model.file import ModelRecord, load_model, model_path, weights_digest
from overtile.model.unet import UNet


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What a model has seen, by SHA-256 of the pixels of images; by default of one that is new."""

    learnt: frozenset[str] = frozenset()
    """Images that it has learnt from."""

    judges: frozenset[str] = frozenset()
    """Images that were held out whole."""

    cut_share: float | None = None
    """Of each image, where regions were held out instead."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Start:
    """A model to start from."""

    path: Path
    """Of the model file."""

    weights_sha256: str
    network: UNet
    model: ModelRecord

    @property
    def seen(self) -> Seen:
        """What it has seen, as far as it tells."""
        origin = self.model.origin
        if origin is None:
            return Seen()
        return Seen(
            learnt=frozenset(origin.learnt),
            judges=frozenset(origin.judges),
            cut_share=origin.cut[0] if origin.cut else None,
        )

    def hand_on(self, recipe: Recipe, *, of_classes: bool) -> Recipe:
        """Give a recipe its network; with labels of classes also names and colours of classes, if
        the recipe has none of its own.
        """
        changes: dict[str, object] = {"network": self.model.network}
        if of_classes and self.model.label_kind == "classes":
            colours = self.model.origin.recipe.class_colours if self.model.origin else ()
            changes["class_names"] = recipe.class_names or self.model.class_names
            changes["class_colours"] = recipe.class_colours or colours
        return recipe.model_copy(update=changes)


def read_start(path: Path, weights_sha256: str | None = None) -> Start:
    """Read the model that training starts from.

    Parameters
    ----------
    path : path
        A model file or a run folder.
    weights_sha256 : str, optional
        What its weights must be.

    Raises
    ------
    ModelError
        If it is no model, or its weights are others.
    """
    file = model_path(path)
    network, model = load_model(file)
    found = weights_digest(network)
    if weights_sha256 not in (None, found):
        raise ModelError(
            "does not hold the weights that training started from",
            remedy="bring that model back",
            path=file,
        )
    return Start(path=file.absolute(), weights_sha256=found, network=network, model=model)


def refuse_misfit(start: Start, channels: int, class_names: tuple[str, ...]) -> None:
    """Refuse to go on from a model for other images.

    Raises
    ------
    ConfigError
        If it was trained on other channels, or tells another number of classes apart.
    """
    facts = (
        (start.model.in_channels, channels, "channel"),
        (len(start.model.class_names), len(class_names), "class"),
    )
    for theirs, ours, what in facts:
        if theirs != ours:
            many = {"channel": "channels", "class": "classes"}[what]
            raise ConfigError(
                f"is for {theirs} {what if theirs == 1 else many}, and these images have {ours}",
                remedy="start from a model for images like these, or leave --from out",
                path=start.path,
            )
