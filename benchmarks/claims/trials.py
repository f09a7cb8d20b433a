"""What the paper claims, and the trials that put a number beside each claim."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeAlias

from trial import Trial

Tables: TypeAlias = dict[str, dict[str, Any]]
"""Tables of a recipe."""

SEEDS = (0, 1, 2)
SLICES = (1, 2, 5, 10, 20)
W0 = (0, 10, 50)

_SMALL = {
    "network": {"base_channels": 12, "depth": 3, "dropout": 0.2},
    "training": {"tile_output": 196, "batch": 1, "average_decay": 0.98, "tile_statistics": 0.3},
    "loss": {"w0": 0.0},
}
_STAY = {"rotation_degrees": 0.0, "mirror": False, "scale": 1.0, "elastic_sd_px": 0.0}
_SAME_GREY = {"contrast": 0.0, "brightness": 0.0, "gamma": 1.0, "noise_sd": 0.0}
AUGMENTATIONS: Tables = {
    "none": {**_STAY, **_SAME_GREY, "exact_share": 0.0},
    "rigid": {"elastic_sd_px": 0.0, "scale": 1.0},
    "elastic": {"elastic_sd_px": 10.0, "scale": 1.0},
}
"""none: shift only; rigid: shift, rotation, mirror, grey values; elastic: also deformation."""


def all_trials() -> Iterator[Trial]:
    """Give all trials, first one seed of everything, then the next."""
    for seed in SEEDS:
        yield from _elastic(seed)
        yield from _border(seed)
        yield from _parts(seed)
        yield from _offset(seed)


def _elastic(seed: int) -> Iterator[Trial]:
    for slices in SLICES:
        for condition, augmentation in AUGMENTATIONS.items():
            yield Trial(
                name=f"augmentation-{condition}-{slices}-slices-seed{seed}",
                claim="augmentation",
                condition=condition,
                data="isbi2012",
                steps=500,
                seed=seed,
                images=slices,
                settings={**_SMALL, "augmentation": augmentation},
                extra={"slices": slices},
            )


def _border(seed: int) -> Iterator[Trial]:
    for data, depth in (("t98g-phase-contrast", 4), ("dsb2018-fluorescence", 3)):
        for w0 in W0:
            yield Trial(
                name=f"border-{data}-w{w0}-seed{seed}",
                claim="border",
                condition=f"w0 = {w0}",
                data=data,
                steps=600,
                seed=seed,
                settings={
                    "network": {"base_channels": 8, "depth": depth},
                    "training": _SMALL["training"],
                    "loss": {"w0": float(w0)},
                },
                extra={"w0": w0},
            )


_EXACT = {**_SAME_GREY, "exact_share": 1.0}
OFFSETS: Tables = {
    "shifted only": AUGMENTATIONS["none"],
    "turned and mirrored, labels along with images": _EXACT,
    "turned and mirrored, offset of labels kept": {**_EXACT, "label_offset_px": (-0.58, -0.14)},
}
"""The offset is what recipe `auto` measures on ISBI 2012."""


def _offset(seed: int) -> Iterator[Trial]:
    for number, (condition, augmentation) in enumerate(OFFSETS.items()):
        yield Trial(
            name=f"offset-{number}-seed{seed}",
            claim="offset",
            condition=condition,
            data="isbi2012",
            steps=800,
            seed=seed,
            settings={**_SMALL, "augmentation": augmentation},
        )


_SGD = {"name": "sgd", "momentum": 0.99, "learning_rate": 2e-3}
_QUICK_TO_STOP = {**_SGD, "momentum": 0.9, "learning_rate": 2e-2}
_PAPER = {
    "network": {"base_channels": 12, "depth": 3},
    "training": {"tile_output": 196, "batch": 1},
    "loss": {"w0": 0.0, "class_balance": 0.0},
}


def _parts(seed: int) -> Iterator[Trial]:
    """Give the trials that take one part away: of recipe auto, then of the paper's own training.

    The whole network, to compare the first ones with, is that of `augmentation-elastic-20`.
    """
    whole = {**_SMALL, "augmentation": AUGMENTATIONS["elastic"]}

    def dropout(share: float) -> Tables:
        return {**whole, "network": {**_SMALL["network"], "dropout": share}}

    yield _part("no-copies", "no copies from the contracting path", seed, whole, shape="no copies")
    yield _part("narrow", "narrow expanding path", seed, whole, shape="narrow expanding path")
    yield _part("dropout-0", "no dropout", seed, dropout(0.0))
    yield _part("dropout-50", "dropout 0.5", seed, dropout(0.5))
    yield _sgd("momentum-99", "momentum 0.99, one large tile, He's start", seed, _SGD)
    yield _sgd("naive-start", "naive start: SD 0.01", seed, _SGD, start="naive")
    yield _sgd("momentum-90", "momentum 0.9, ten times the rate", seed, _QUICK_TO_STOP)
    small = {"tile_output": 92, "batch": 4}
    yield _sgd(
        "small-tiles", "momentum 0.9, four small tiles", seed, _QUICK_TO_STOP, training=small
    )


def _part(name: str, condition: str, seed: int, settings: Tables, **options: str) -> Trial:
    return Trial(
        name=f"parts-{name}-seed{seed}",
        claim="parts",
        condition=condition,
        data="isbi2012",
        steps=500,
        seed=seed,
        settings=settings,
        **options,
    )


def _sgd(
    name: str,
    condition: str,
    seed: int,
    optimiser: dict[str, Any],
    training: dict[str, int] | None = None,
    **options: str,
) -> Trial:
    settings = {
        **_PAPER,
        "optimiser": optimiser,
        "training": {**_PAPER["training"], **(training or {})},
    }
    return _part(name, condition, seed, settings, recipe="paper", **options)
