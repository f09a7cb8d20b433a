"""Lay suggestions out as one HTML page: what to annotate next, and where the network errs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from overtile.arrays import Floats
from overtile.report import pictures
from overtile.report.layout import Card, fill

_PICTURE_PX = 440


@dataclass(frozen=True, kw_only=True, eq=False)
class SuggestedRegion:
    """One region to annotate."""

    name: str
    pixels: Floats
    """(C, y, x) normalised grey values."""

    disagreement: Floats
    """(y, x) in bits."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Suggested:
    """What the page tells."""

    model: str
    version: str
    regions: Sequence[SuggestedRegion]
    """The first to annotate first."""


def render_suggestions(suggested: Suggested) -> str:
    """Write the page.

    Returns
    -------
    page : str
        HTML that can be encoded as UTF-8, with pictures and looks inside.
    """
    most = max((float(one.disagreement.max()) for one in suggested.regions), default=0.0)
    cards = [_card(one, (0.0, max(most, 1e-3))) for one in suggested.regions]
    return fill("suggestions.html", suggested=suggested, cards=cards)


def _card(region: SuggestedRegion, limits: tuple[float, float]) -> Card:
    bare = pictures.image(region.pixels, f"{region.name}: the region", _PICTURE_PX)
    words = f"{region.name}: how much turned versions disagree, {region.disagreement.mean():.3g} "
    heat = pictures.heat(region.disagreement, limits, "inferno", f"{words}bits", _PICTURE_PX)
    panels = [("Region", bare), ("Disagreement", heat)]
    return Card(name=region.name, panels=panels, scores=[])
