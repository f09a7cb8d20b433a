"""Training that starts from a model: its network, and what it has seen already."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from overtile.errors import ConfigError, ModelError
from overtile.model.file import ModelRecord, load_model, model_path, weights_digest
from overtile.model.unet import UNet


@dataclass(frozen=True, kw_only=True, eq=False)
class Start:
    """A model to start from."""

    path: Path
    """Of the model file."""

    weights_sha256: str
    network: UNet
    model: ModelRecord

    @property
    def seen(self) -> frozenset[str]:
        """SHA-256 of the images that it was trained on, with their labels, as far as it tells."""
        return frozenset(self.model.origin.pages if self.model.origin else ())


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
