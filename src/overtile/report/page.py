"""Lay a story out as one HTML page that needs no network and no JavaScript."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from markupsafe import Markup

from overtile.arrays import Floats
from overtile.colours import REGION_COLOURS, RGB
from overtile.report import pictures, words
from overtile.report.curves import (
    learning_curve,
    loss_curve,
    reliability_diagram,
    validation_curve,
)
from overtile.report.layout import Card, fill, score_rows
from overtile.report.pictures import Key, Picture
from overtile.report.story import Example, Prediction, Story, Tile

MOST_EXAMPLES = 4
MOST_WEIGHED = 3
MOST_AUGMENTED = 6
MOST_PREDICTIONS = 8
"""Together with the sides below, these keep the page under 8 MB, even of the noisiest images."""

_EXAMPLE_PX = 480
_TILE_PX = 400
_AUGMENTED_PX = 320
_PREDICTION_PX = 640
_BESIDE_PX = 440


def render(story: Story) -> str:
    """Write the page of a run.

    Parameters
    ----------
    story : Story
        What the page tells; parts that are not known yet are said to be missing.

    Returns
    -------
    page : str
        HTML of less than about 8 MB that can be encoded as UTF-8: pictures, drawings and looks are
        inside it.
    """
    ranked, classes = worst_first(story), _class_keys(story)
    return fill(
        "page.html",
        story=story,
        meaning=words.MEANINGS.get(story.headline, ""),
        loss_curve=Markup(loss_curve(story.losses)),
        validation_curve=Markup(
            validation_curve(story.validations, story.headline, story.best_step)
        ),
        learning_curve=Markup(
            learning_curve(story.learning.points, story.headline) if story.learning else ""
        ),
        reliability_diagram=Markup(
            reliability_diagram(*story.reliability) if story.reliability else ""
        ),
        examples=[_example_card(one, story) for one in story.examples[:MOST_EXAMPLES]],
        weighed=_weighed_cards(story.weighed[:MOST_WEIGHED], story),
        augmented=[
            _augmented_card(number, one, story.class_colours)
            for number, one in enumerate(story.augmented[:MOST_AUGMENTED], 1)
        ],
        predictions=[_prediction_card(one, story) for one in ranked[:MOST_PREDICTIONS]],
        class_keys=classes,
        example_keys=classes + _ignored_keys(story.examples),
        prediction_keys=(classes or pictures.agreement_keys()) + _ignored_keys(story.predictions),
        score_rows=score_rows(story.scores) if story.scores else [],
    )


def worst_first(story: Story) -> list[Prediction]:
    """Sort the predictions by the headline, the worst first; those without one come last."""
    sign = -1.0 if story.lower_is_better else 1.0

    def rank(one: Prediction) -> float:
        value = one.scores.get(story.headline)
        return sign * value if isinstance(value, (int, float)) else np.inf

    return sorted(story.predictions, key=rank)


def _class_keys(story: Story) -> list[Key]:
    if story.label_kind != "classes":
        return []
    return pictures.class_keys(story.class_names, story.class_colours)


def _ignored_keys(shown: Sequence[Example | Prediction]) -> list[Key]:
    return pictures.ignored_keys() if any(one.ignore is not None for one in shown) else []


def _region_colours(story: Story) -> Sequence[RGB]:
    return story.class_colours if story.label_kind == "classes" else REGION_COLOURS


def _example_card(example: Example, story: Story) -> Card:
    name, kind, colours = example.name, story.label_kind, _region_colours(story)
    bare = pictures.image(example.pixels, f"{name}: the image", _EXAMPLE_PX)
    labelled = pictures.labelled(
        example.pixels, example.labels, kind, name, _EXAMPLE_PX, colours, example.ignore
    )
    return Card(name=name, panels=[("Image", bare), ("Labels", labelled)], scores=[])


def _weighed_cards(tiles: Sequence[Tile], story: Story) -> list[Card]:
    """Show weights on one scale, so that their colours compare between tiles."""
    limits = (
        float(min((one.weights.min() for one in tiles), default=0.0)),
        float(max((one.weights.max() for one in tiles), default=1.0)),
    )
    cards = []
    for number, one in enumerate(tiles, 1):
        name = f"Tile {number}"
        centre = pictures.image(_centre(one), f"{name}: the labelled part", _TILE_PX)
        what = f"{name}: class of each pixel"
        classes = pictures.classes(one.classes, story.class_colours, what, _TILE_PX)
        most = f"{name}: weight of each pixel, {one.weights.max():.3g} at most"
        weights = pictures.heat(one.weights, limits, "inferno", most, _TILE_PX)
        panels = [("Image", centre), ("Classes", classes), ("Weights", weights)]
        cards.append(Card(name=name, panels=panels, scores=[]))
    return cards


def _augmented_card(number: int, one: Tile, colours: Sequence[RGB]) -> Card:
    name = f"Sample {number}"
    size = one.classes.shape[0]
    seen = pictures.tile(one.pixels, size, f"{name}: what the network sees", _AUGMENTED_PX)
    what = f"{name}: class of each pixel"
    learnt = pictures.classes(one.classes, colours, what, _AUGMENTED_PX, around=_rim_px(one))
    panels = [("What the network sees", seen), ("What it learns", learnt)]
    return Card(name=name, panels=panels, scores=[])


def _prediction_card(one: Prediction, story: Story) -> Card:
    name, kind = one.name, story.label_kind
    panels: list[tuple[str, Picture]]
    if kind == "classes":
        panels = [
            (
                caption,
                pictures.labelled(
                    one.pixels,
                    ids,
                    kind,
                    f"{name}, {caption}",
                    _BESIDE_PX,
                    story.class_colours,
                    ignore,
                ),
            )
            for caption, ids, ignore in (
                ("Truth", one.truth, one.ignore),
                ("Prediction", one.predicted, None),
            )
        ]
    else:
        overlay = pictures.compared(
            one.pixels, one.truth, one.predicted, kind, name, _PREDICTION_PX, one.ignore
        )
        panels = [("Truth and prediction", overlay)]
    sure = f"{name}: probability of being foreground"
    sureness = pictures.heat(one.foreground, (0.0, 1.0), "cividis", sure, _BESIDE_PX)
    panels.append(("Probability of being foreground", sureness))
    return Card(name=name, panels=panels, scores=_scores_in_words(one))


def _scores_in_words(one: Prediction) -> list[tuple[str, str]]:
    return [
        (words.brief(name), words.score(name, value))
        for name, value in one.scores.items()
        if not isinstance(value, str) and words.is_principal(name)
    ]


def _centre(one: Tile) -> Floats:
    size, rim = one.classes.shape[0], _rim_px(one)
    return one.pixels[:, rim : rim + size, rim : rim + size]


def _rim_px(one: Tile) -> int:
    """Give the width of the context around the labelled part."""
    return int(one.pixels.shape[1] - one.classes.shape[0]) // 2
