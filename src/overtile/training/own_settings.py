"""What a recipe that extends `auto` says itself: it stays as it is, and all else is planned."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from overtile.config import Recipe, merge_tables, parse_recipe, read_tables

AUTO = "auto"
"""The recipe that plans itself."""

_DECISIONS = {
    "network.depth": "depth",
    "network.binning": "working pixel size",
    "network.base_channels": "width",
    "training.tile_output": "tile",
    "training.batch": "batch",
    "training.precision": "precision",
    "loss.w0": "border weight",
    "prediction.smallest_object_px": "smallest object",
    "augmentation.rotation_degrees": "rotation",
    "augmentation.label_offset_px": "label offset",
}
"""How the decision about a setting begins."""


@dataclass(frozen=True)
class OwnSettings:
    """Settings that are not for recipe `auto` to choose."""

    tables: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Those of the file."""

    def without_network(self) -> OwnSettings:
        """Leave the network to the model that training starts from."""
        return OwnSettings(
            {name: table for name, table in self.tables.items() if name != "network"}
        )

    def keep(self, recipe: Recipe) -> Recipe:
        """Put them back into a recipe in which others were chosen."""
        tables = merge_tables(recipe.model_dump(exclude_none=True), dict(self.tables))
        return parse_recipe(tables, source=recipe.name)

    def get(self, key: str) -> Any:  # noqa: ANN401
        """Give a setting by its dotted name; None if it is left to `auto`."""
        return dict(self._settings()).get(key)

    def told(self, decisions: Sequence[str]) -> tuple[str, ...]:
        """Leave out what was not decided in the end, and say what stayed."""
        settings = dict(self._settings())
        if not settings:
            return tuple(decisions)
        moot = tuple(f"{_DECISIONS[key]}: " for key in settings if key in _DECISIONS)
        stayed = ", ".join(f"{key} = {json.dumps(value)}" for key, value in settings.items())
        return (
            *(decision for decision in decisions if not decision.startswith(moot)),
            f"as the recipe says: {stayed}",
        )

    def _settings(self) -> Iterator[tuple[str, Any]]:
        for name, table in self.tables.items():
            yield from ((f"{name}.{key}", setting) for key, setting in table.items())


def own_settings(recipe: str) -> OwnSettings | None:
    """Read what a recipe says beside `auto`.

    Parameters
    ----------
    recipe : str
        Name or file, as `config.read_recipe` takes it.

    Returns
    -------
    own : OwnSettings or None
        Without settings for `auto` itself; None for a recipe that does not extend it and is used
        as it stands.

    Raises
    ------
    ConfigError
        If it cannot be read.
    """
    if recipe == AUTO:
        return OwnSettings()
    content = read_tables(recipe)
    if content.get("extends") != AUTO:
        return None
    return OwnSettings({name: table for name, table in content.items() if isinstance(table, dict)})
