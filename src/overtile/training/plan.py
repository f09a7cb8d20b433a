"""Recipe `auto`: settings from the data, the machine and the time given, each with its reason."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch

from overtile.choices import Precision
from overtile.config import NetworkConfig, Recipe
from overtile.model.device import fastest_precision
from overtile.model.geometry import context_px, output_size, smallest_input
from overtile.model.unet import UNet
from overtile.training.fingerprint import BINNINGS, FEWEST_ONE_WAY, KEPT, Fingerprint
from overtile.training.loop import Batch, TrainingState, take_step
from overtile.training.own_settings import OwnSettings
from overtile.training.schedule import RunLength
from overtile.training.strength import weaken

STEPS_WANTED = {8: 0, 16: 1000, 24: 10_000, 32: 10_000, 48: 10_000, 64: 10_000}
"""Base channels that are tried, the narrowest first, by the steps that the time given must allow a
network so wide."""

LEAST_STEPS = 3000
"""Where a run gets fewer steps, each learns from fewer tiles."""

DEPTHS = (3, 4, 5)
"""Numbers of poolings that are tried, the shallowest first."""

_RARE = 0.1  # share of the pixels, below which a class may be missed by tiles drawn anywhere
_UPRIGHT_DEGREES = 15.0
_CLASS_SHARE = 0.33  # as nnU-Net draws
_LARGEST_TILE = {"cpu": 260, "cuda": 516}
_PIXELS_PER_STEP = {"cpu": 90_000, "cuda": 600_000}
_MOST_CONTEXT = 4  # pixels that a step sees, by those that it should learn from
_WIDTH_UNMEASURED = {"cpu": 16, "cuda": 64}
_LARGEST_MEMORY_SHARE = 0.5
_BYTES_PER_VALUE = 80  # kept for the backward pass, for one input pixel and one base channel
_NOTHING_OWN = OwnSettings()
_LARGEST_BATCH = 1024  # of the recipe's schema; reached by images of a few pixels only


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A recipe, and why it is what it is."""

    recipe: Recipe
    decisions: tuple[str, ...]


SecondsPerStep = Callable[[Recipe], float]
"""Measures one training step of a recipe, in seconds."""


def plan(
    base: Recipe,
    facts: Fingerprint,
    device: torch.device,
    length: RunLength,
    seconds_per_step: SecondsPerStep | None = None,
    *,
    own: OwnSettings = _NOTHING_OWN,
    network_given: bool = False,
    gap_px: int | None = None,
) -> Plan:
    """Fill in what depends on data, machine and time.

    Parameters
    ----------
    base : Recipe
        All other settings; `auto` as shipped.
    facts : Fingerprint
    device : torch.device
    length : RunLength
        By `minutes`, steps are measured on `device` and the widest network is taken that gets
        its `STEPS_WANTED`. By `steps`, nothing is measured, so that equal calls give equal recipes.
    seconds_per_step : callable, optional
        Replaces the measurement.
    own : OwnSettings
        What is not to be chosen: `base` has it already.
    network_given : bool
        Whether the network of `base` stays as it is, and nothing is measured.
    gap_px : int, optional
        What separates regions that judge from those that are learnt: no network sees across it.

    Returns
    -------
    plan : Plan
    """
    kind, decisions = device.type, tuple[str, ...]()
    shorter = int(statistics.median(min(size) for size in facts.sizes))
    if not network_given:
        facts = replace(
            facts, coarsest_binning=own.get("network.binning") or facts.coarsest_binning
        )
        depth = own.get("network.depth")
        base, decisions = _choose_scale(base, facts, gap_px, DEPTHS if depth is None else (depth,))
        base = own.keep(base)
    binning = base.network.binning
    grid = (base.network.depth, binning)
    longest = min(_LARGEST_TILE[kind] * binning, max(shorter, 4))
    tile = own.get("training.tile_output") or output_size(smallest_input(longest, *grid), *grid)
    seen = tile + 2 * context_px(*grid)
    work = _PIXELS_PER_STEP[kind] * binning**2
    learnt = round(work / tile**2)
    batch = max(min(learnt, round(_MOST_CONTEXT * work / seen**2), _LARGEST_BATCH), 1)
    precision, why_precision = _choose_precision(device, length)
    base = own.keep(_with(base, tile=tile, batch=batch, precision=precision))
    batch = base.training.batch
    base, suited = _suit_labels(base, facts)
    base, met = _meet_offset(base, facts)
    base, upright = _keep_upright(base, facts)
    base = own.keep(base)
    measure = seconds_per_step or (lambda recipe: measure_step(recipe, facts, device))
    width, why_width = base.network.base_channels, "the model to start from has as many"
    if not network_given and own.get("network.base_channels") is None:
        width, why_width = _choose_width(base, kind, length, measure)
    base = _with(base, width=width)
    steps = length.steps or 0
    if length.minutes is not None and (batch > 1 or facts.labelled_px):
        steps = int(60 * length.minutes / measure(base))
    few = max(1, batch * steps // LEAST_STEPS)
    why_batch = f" and sees no more than {batch * seen**2 / 1e3:.0f} 000" * (batch < learnt)
    if few < batch and length.minutes is not None:
        why_batch = f", because {batch} tiles would leave {steps} steps in {length}"
        base, steps, batch = _with(base, batch=few), steps * batch // few, few
    base, varied = _vary(base, facts, steps)
    decisions += suited + met + upright + varied
    decisions += (
        f"tile: {seen} px in, {tile} px labelled, because images are "
        f"{shorter} px along their shorter side",
        f"batch: {batch}, so that a step learns from about {batch * tile**2 / 1e3:.0f} 000 pixels"
        + why_batch,
        f"precision: {precision}, because {why_precision}",
        f"width: {width} base channels, because {why_width}",
    )
    return Plan(recipe=own.keep(base), decisions=own.told(decisions))


def _choose_scale(
    base: Recipe, facts: Fingerprint, gap_px: int | None, depths: Sequence[int]
) -> tuple[Recipe, tuple[str, ...]]:
    """Take the coarsest pixels that show the labels as they are, and then the shallowest network
    that sees all of an object from its middle.

    Finer and deeper ones take fewer steps in the same time, and were worse on objects of that size.
    """
    if facts.large_object_px == 0:
        return base, ()

    def keeps_apart(binning: int, depth: int) -> bool:
        return gap_px is None or context_px(depth, binning) <= gap_px

    coarse = [one for one in BINNINGS if one <= facts.coarsest_binning]
    binning = max(one for one in coarse if keeps_apart(one, depths[0]))
    apart = [depth for depth in depths if keeps_apart(binning, depth)]
    fitting = [d for d in apart if 2 * context_px(d, binning) >= facts.large_object_px]
    depth = fitting[0] if fitting else apart[-1]
    network = base.network.model_copy(update={"depth": depth, "binning": binning})
    reasons = (
        f"depth: {depth} poolings, which see {context_px(depth, binning)} px around a pixel, "
        f"because 9 in 10 objects are at most {facts.large_object_px} px wide",
    )
    base = base.model_copy(update={"network": network})
    if binning == 1:
        return base, reasons
    return _coarsen(base, binning), (
        f"working pixel size: bins of {binning} x {binning} px, because 9 in 10 objects keep "
        f"{100 * KEPT:.0f} % of their shape in them",
        *reasons,
    )


def _coarsen(base: Recipe, binning: int) -> Recipe:
    """Let lengths that suit a network by its pixels be as many of its bins."""
    loss, augmentation = base.loss, base.augmentation
    return base.model_copy(
        update={
            "loss": loss.model_copy(update={"sigma_px": binning * loss.sigma_px}),
            "augmentation": augmentation.model_copy(
                update={"elastic_sd_px": binning * augmentation.elastic_sd_px}
            ),
        }
    )


def _suit_labels(base: Recipe, facts: Fingerprint) -> tuple[Recipe, tuple[str, ...]]:
    if facts.label_kind == "classes":
        return _meet_rare(base, facts)
    smallest, decisions = facts.small_object_px, tuple[str, ...]()
    if smallest:
        prediction = base.prediction.model_copy(update={"smallest_object_px": smallest})
        base = base.model_copy(update={"prediction": prediction})
        reason = "because 99 in 100 annotated ones have as many"
        decisions = (f"smallest object: {smallest} px, {reason}",)
    if facts.label_kind == "instances":
        return base, (
            *decisions,
            f"border weight: w0 = {base.loss.w0:g}, because objects that touch are to be separated",
        )
    loss = base.loss.model_copy(update={"w0": 0.0})
    return base.model_copy(update={"loss": loss}), (
        *decisions,
        "border weight: none, because binary labels draw the borders themselves, and weights would "
        "shift the probability that parts inside from outside",
    )


def _meet_offset(base: Recipe, facts: Fingerprint) -> tuple[Recipe, tuple[str, ...]]:
    if facts.label_offset is None:
        return base, ()
    down, right, error, patches = facts.label_offset
    offset = (round(down, 2), round(right, 2))
    augmentation = base.augmentation.model_copy(update={"label_offset_px": offset})
    return base.model_copy(update={"augmentation": augmentation}), (
        f"label offset: kept in turned and mirrored tiles, because labels lie {abs(down):.2f} px "
        f"{'below' if down > 0 else 'above'} and {abs(right):.2f} px "
        f"{'right' if right > 0 else 'left'} of the edges in the images (± {error:.2f} px, over "
        f"{patches} patches)",
    )


def _keep_upright(base: Recipe, facts: Fingerprint) -> tuple[Recipe, tuple[str, ...]]:
    if not any(facts.one_way):
        unknown = facts.classes > 2 and len(facts.sizes) < FEWEST_ONE_WAY
        return base, (
            f"rotation: by any angle, because fewer than {FEWEST_ONE_WAY} images cannot tell "
            "whether classes lie in the same order in all; if they do, give a recipe that "
            f"extends auto and says `rotation_degrees = {_UPRIGHT_DEGREES:g}` and `mirror = false`",
        ) * unknown
    rows, columns = facts.one_way
    mirror = base.augmentation.mirror and not columns
    changes = {"rotation_degrees": _UPRIGHT_DEGREES, "mirror": mirror}
    side = {(True, True): "above and beside", (True, False): "above"}.get((rows, columns), "beside")
    return base.model_copy(update={"augmentation": base.augmentation.model_copy(update=changes)}), (
        f"rotation: by up to {_UPRIGHT_DEGREES:g} degrees, {'' if mirror else 'not '}mirrored, "
        f"because in nearly all images one class lies {side} another in the same order",
    )


def _vary(base: Recipe, facts: Fingerprint, steps: int) -> tuple[Recipe, tuple[str, ...]]:
    if facts.labelled_px == 0:
        return base, ()
    # A tile shows no more labelled pixels than there are in an image, and of strokes few.
    shown = min(
        base.training.tile_output**2 * facts.labelled_share, facts.labelled_px / len(facts.sizes)
    )
    passes = steps * base.training.batch * shown / facts.labelled_px
    augmentation, reason = weaken(base.augmentation, passes)
    return base.model_copy(update={"augmentation": augmentation}), (reason,)


def _meet_rare(base: Recipe, facts: Fingerprint) -> tuple[Recipe, tuple[str, ...]]:
    if facts.rarest_class >= _RARE:
        return base, ()
    training = base.training.model_copy(update={"class_share": _CLASS_SHARE})
    return base.model_copy(update={"training": training}), (
        f"tiles: {100 * _CLASS_SHARE:.0f} % are placed on a class drawn evenly, because the rarest "
        f"has {100 * facts.rarest_class:.2g} % of the labelled pixels",
    )


def measure_step(recipe: Recipe, facts: Fingerprint, device: torch.device) -> float:
    """Time training steps of `recipe` on noise, in seconds; the first one is not counted."""
    network = UNet(facts.channels, facts.classes, recipe.network).to(device)
    state = TrainingState(network, recipe)
    tile, side = recipe.training.tile_output, _input_side(recipe)
    batch = Batch(
        pixels=torch.randn(recipe.training.batch, facts.channels, side, side),
        classes=torch.zeros(recipe.training.batch, tile, tile, dtype=torch.long),
        weights=torch.ones(recipe.training.batch, tile, tile),
        places=("noise",) * recipe.training.batch,
    )
    seconds = []
    for _ in range(3):
        began = time.perf_counter()
        take_step(state, batch, recipe)
        seconds.append(time.perf_counter() - began)
    return min(seconds[1:])


def _choose_width(
    base: Recipe, device: str, length: RunLength, measure: SecondsPerStep
) -> tuple[int, str]:
    if length.minutes is None:
        width = _WIDTH_UNMEASURED[device]
        return width, f"the length is given in steps, and {width} is the default on a {device}"
    chosen, tried = min(STEPS_WANTED), []
    for width, wanted in STEPS_WANTED.items():
        recipe = _with(base, width=width)
        if _memory_needed(recipe) > _LARGEST_MEMORY_SHARE * _memory(device):
            tried.append(f"{width} does not fit into memory")
            break
        seconds = measure(recipe)
        steps = int(60 * length.minutes / seconds)
        tried.append(f"{width} takes {seconds:.2g} s a step, {steps} steps in {length}")
        if steps < wanted:
            tried.append(f"{width} should get {wanted}")
            break
        chosen = width
    return chosen, "; ".join(tried)


def _choose_precision(device: torch.device, length: RunLength) -> tuple[Precision, str]:
    if device.type == "cpu" and length.minutes is None:
        return "fp32", "the length is given in steps, and nothing is measured then"
    return fastest_precision(device)


def _memory_needed(recipe: Recipe) -> float:
    side = _input_side(recipe) // recipe.network.binning
    return recipe.training.batch * side**2 * recipe.network.base_channels * _BYTES_PER_VALUE


def _input_side(recipe: Recipe) -> int:
    network = recipe.network
    return smallest_input(recipe.training.tile_output, network.depth, network.binning)


def _memory(device: str) -> float:
    """Give the memory that is free on the device, in bytes."""
    if device == "cuda":
        return float(torch.cuda.mem_get_info()[0])
    # macOS tells only how much memory there is.
    pages = "SC_AVPHYS_PAGES" if "SC_AVPHYS_PAGES" in os.sysconf_names else "SC_PHYS_PAGES"
    return float(os.sysconf(pages) * os.sysconf("SC_PAGE_SIZE"))


def _with(
    recipe: Recipe,
    *,
    tile: int | None = None,
    batch: int | None = None,
    precision: Precision | None = None,
    width: int | None = None,
) -> Recipe:
    changes = {"tile_output": tile, "batch": batch, "precision": precision}
    training = recipe.training.model_copy(
        update={key: value for key, value in changes.items() if value is not None}
    )
    network: NetworkConfig = recipe.network
    if width is not None:
        network = network.model_copy(update={"base_channels": width})
    return recipe.model_copy(update={"training": training, "network": network})
