from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from overtile.config import Recipe, parse_recipe, read_recipe, recipe_toml
from overtile.data.label_offset import LabelOffset
from overtile.data.sample import Annotated
from overtile.model.device import fastest_precision
from overtile.model.geometry import context_px, output_size, smallest_input
from overtile.training import fingerprint as fingerprints
from overtile.training import plan as planning
from overtile.training.fingerprint import (
    Fingerprint,
    class_regions,
    coarsest_binning,
    labelled_share,
    large_object_px,
    one_way,
    rarest_class,
    shapes_kept,
    small_object_px,
)
from overtile.training.own_settings import OwnSettings
from overtile.training.plan import (
    STEPS_WANTED,
    Plan,
    measure_step,
    plan,
)
from overtile.training.schedule import RunLength

CPU = torch.device("cpu")
WIDTHS = tuple(STEPS_WANTED)
MINUTES = RunLength(minutes=10)
FACTS = Fingerprint(sizes=((300, 400),), channels=1, classes=2, label_kind="instances")


def must_not_measure(recipe: Recipe) -> float:
    raise AssertionError("a step was measured")


def enough_up_to(width: int) -> planning.SecondsPerStep:
    """A machine on which networks up to this width get their steps in ten minutes, barely."""

    def seconds(recipe: Recipe) -> float:
        asked = recipe.network.base_channels
        barely = 60 * 10 / max(STEPS_WANTED[asked], 1000)
        return barely * (0.99 if asked <= width else 1.01)

    return seconds


def planned(
    facts: Fingerprint = FACTS, length: RunLength = MINUTES, fast_up_to: int = WIDTHS[0]
) -> Plan:
    return plan(read_recipe("auto"), facts, CPU, length, enough_up_to(fast_up_to))


def said(decisions: tuple[str, ...], what: str) -> str:
    (one,) = [decision for decision in decisions if decision.startswith(f"{what}: ")]
    return one


@pytest.fixture(autouse=True)
def roomy(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with memory for every width, on which no precision is faster."""
    monkeypatch.setattr(planning, "_memory", lambda device: 1e12)
    monkeypatch.setattr(torch.cpu, "get_capabilities", dict)


@pytest.mark.parametrize("width", WIDTHS)
def test_the_widest_network_that_gets_enough_steps_is_taken(width: int) -> None:
    assert planned(fast_up_to=width).recipe.network.base_channels == width


def test_the_narrowest_is_taken_where_none_gets_enough_steps() -> None:
    result = planned(fast_up_to=0)
    assert result.recipe.network.base_channels == WIDTHS[0]
    assert said(result.decisions, "width") == (
        "width: 8 base channels, because 8 takes 0.61 s a step, 990 steps in 10 minutes; 16 takes "
        "0.61 s a step, 990 steps in 10 minutes; 16 should get 1000"
    )


def test_nothing_wider_is_tried_than_what_was_too_slow() -> None:
    tried: list[int] = []

    def seconds(recipe: Recipe) -> float:
        tried.append(recipe.network.base_channels)
        return enough_up_to(WIDTHS[1])(recipe)

    plan(read_recipe("auto"), FACTS, CPU, MINUTES, seconds)
    assert tried == list(WIDTHS[:3])


def test_a_network_that_does_not_fit_into_memory_is_not_tried(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(planning, "_memory", lambda device: 1e6)
    result = plan(read_recipe("auto"), FACTS, CPU, MINUTES, must_not_measure)
    assert result.recipe.network.base_channels == WIDTHS[0]
    assert said(result.decisions, "width") == (
        "width: 8 base channels, because 8 does not fit into memory"
    )


def test_a_run_by_steps_measures_nothing_so_that_equal_calls_give_equal_recipes() -> None:
    steps = RunLength(steps=5)
    first, second = (
        plan(read_recipe("auto"), FACTS, CPU, steps, must_not_measure) for _ in range(2)
    )
    assert first.recipe == second.recipe
    assert "the length is given in steps" in said(first.decisions, "width")


@pytest.mark.parametrize("side", [4, 20, 61, 300, 5000])
def test_the_tile_is_legal_and_covers_the_shorter_side_up_to_a_limit(side: int) -> None:
    recipe = planned(replace(FACTS, sizes=((side, 2 * side),))).recipe
    tile, depth = recipe.training.tile_output, recipe.network.depth
    assert output_size(smallest_input(tile, depth), depth) == tile
    assert tile >= min(side, planning._LARGEST_TILE["cpu"])
    assert tile < max(side, 4) + (1 << depth)


def test_the_tile_suits_most_images_and_not_the_smallest() -> None:
    usual = planned(replace(FACTS, sizes=((200, 300),)))
    mixed = planned(replace(FACTS, sizes=((200, 300), (10, 10), (300, 200))))
    assert mixed.recipe.training.tile_output == usual.recipe.training.tile_output


@pytest.mark.parametrize("side", [1, 5, 40, 5000])
def test_a_planned_recipe_is_one_that_a_run_can_be_read_back_with(side: int) -> None:
    recipe = planned(replace(FACTS, sizes=((side, side),))).recipe
    assert Recipe.model_validate_json(recipe.model_dump_json()) == recipe


def test_small_tiles_come_in_batches_that_learn_from_as_many_pixels() -> None:
    steps = RunLength(steps=1)
    small = planned(replace(FACTS, sizes=((150, 150),)), steps).recipe.training
    large = planned(replace(FACTS, sizes=((300, 300),)), steps).recipe.training
    pixels = [one.batch * one.tile_output**2 for one in (small, large)]
    assert pixels[0] == pytest.approx(pixels[1], rel=0.5)
    assert small.batch > large.batch >= 1


def test_a_tile_that_is_mostly_context_comes_in_small_batches() -> None:
    small = planned(replace(FACTS, sizes=((34, 34),)), RunLength(steps=1))
    assert small.recipe.training.tile_output == 36
    assert small.recipe.training.batch == 7  # 7 tiles of 220² px, not 69
    assert "sees no more than 339 000" in said(small.decisions, "batch")


@pytest.mark.parametrize(
    ("seconds", "batch", "told"),
    [
        (0.2, 7, "sees no more than 339 000"),  # 3000 steps in ten minutes
        (0.3, 4, "because 7 tiles would leave 2000 steps in 10 minutes"),
        (10.0, 1, "because 7 tiles would leave 60 steps in 10 minutes"),
    ],
)
def test_where_few_steps_are_left_each_learns_from_fewer_tiles(
    seconds: float, batch: int, told: str
) -> None:
    facts = replace(FACTS, sizes=((34, 34),))
    found = plan(read_recipe("auto"), facts, CPU, MINUTES, lambda recipe: seconds)
    assert found.recipe.training.batch == batch
    assert told in said(found.decisions, "batch")
    by_steps = plan(read_recipe("auto"), facts, CPU, RunLength(steps=60), must_not_measure)
    assert by_steps.recipe.training.batch == 7


def test_no_network_sees_across_the_gap_before_what_judges_it() -> None:
    facts = replace(FACTS, large_object_px=500)
    found = plan(read_recipe("auto"), facts, CPU, MINUTES, enough_up_to(16), gap_px=92)
    assert found.recipe.network.depth == 4


def test_labels_that_lie_beside_what_they_show_do_so_in_every_tile() -> None:
    offset = LabelOffset(down_px=-0.597, right_px=0.152, standard_error_px=0.033, patches=90)
    found = planned(replace(FACTS, label_offset=offset))
    assert found.recipe.augmentation.label_offset_px == (-0.6, 0.15)
    reason = said(found.decisions, "label offset")
    assert "0.60 px above and 0.15 px right of the edges in the images (± 0.03 px" in reason
    assert planned().recipe.augmentation.label_offset_px == (0, 0)


def test_regions_of_a_class_are_the_objects_of_class_labels() -> None:
    (regions,) = class_regions([annotated([[1, 1, 2, 0, 1], [0, 0, 2, 0, 1]])])
    assert regions.labels.tolist() == [[1, 1, 3, 0, 2], [0, 0, 3, 0, 2]]


@pytest.mark.parametrize(
    ("steps", "exact_share", "contrast", "told"),
    [
        (
            20,
            1.0,
            0.0,
            "0 % of its full strength, because each labelled pixel is seen about 20 times",
        ),
        (
            141,
            0.65,
            0.1,
            "50 % of its full strength, because each labelled pixel is seen about 141",
        ),
        (1000, 0.3, 0.2, "100 % of its full strength"),
    ],
)
def test_tiles_are_varied_as_much_as_pixels_are_seen_often(
    steps: int, exact_share: float, contrast: float, told: str
) -> None:
    facts = replace(FACTS, labelled_px=260**2)  # as much as a step learns from
    found = planned(facts, RunLength(steps=steps))
    augmentation = found.recipe.augmentation
    assert augmentation.exact_share == pytest.approx(exact_share, abs=0.01)
    assert augmentation.contrast == pytest.approx(contrast, abs=0.01)
    assert augmentation.elastic_sd_px == read_recipe("auto").augmentation.elastic_sd_px
    assert told in said(found.decisions, "augmentation")


@pytest.mark.parametrize(
    ("labelled_px", "labelled_share", "passes"),
    [
        (10 * 260**2, 1.0, 100),  # ten images as large as a tile: a tile shows one of them
        (10 * 3380, 0.05, 100),  # strokes on a twentieth of them
        (100 * 3380, 0.05, 10),  # and of images ten times as large, a tile shows a tenth
        (10 * 64**2, 1.0, 100),  # a small region in each: a tile shows no more of it than all
        (100 * 260**2, 1.0, 10),
    ],
)
def test_a_pass_counts_the_labelled_pixels_of_a_tile_and_no_others(
    labelled_px: int, labelled_share: float, passes: int
) -> None:
    facts = replace(
        FACTS,
        sizes=((260, 260),) * 10,
        labelled_px=labelled_px,
        labelled_share=labelled_share,
    )
    found = planned(facts, RunLength(steps=1000))
    assert f"is seen about {passes} times" in said(found.decisions, "augmentation")


def test_the_labelled_share_is_that_within_boxes_around_what_is_labelled() -> None:
    def with_strokes(told: list[list[int]]) -> Annotated:
        return replace(annotated([[1] * 4] * 2), ignore=np.array(told) == 0)

    region = with_strokes([[0, 1, 1, 0], [0, 1, 1, 0]])
    strokes = with_strokes([[1, 0, 0, 0], [0, 0, 0, 1]])
    nothing = with_strokes([[0, 0, 0, 0], [0, 0, 0, 0]])
    assert labelled_share([annotated([[0, 1]])]) == 1
    assert labelled_share([region]) == 1
    assert labelled_share([strokes]) == 2 / 8
    assert labelled_share([region, strokes, nothing]) == (4 + 2) / (4 + 8)


def test_passes_follow_from_the_time_that_a_step_takes() -> None:
    facts = replace(FACTS, labelled_px=100 * 260**2)
    found = plan(read_recipe("auto"), facts, CPU, MINUTES, lambda recipe: 0.006)  # 100 000 steps
    assert found.recipe.augmentation == read_recipe("auto").augmentation


@pytest.mark.parametrize("what", ["tile", "batch", "precision", "width"])
def test_every_choice_says_its_reason(what: str) -> None:
    assert any(word in said(planned().decisions, what) for word in ("because", "so that"))


@pytest.mark.parametrize(
    ("instructions", "precision"),
    [
        ({"avx512_bf16": True, "amx_bf16": False}, "bf16"),
        ({"amx_bf16": True}, "bf16"),
        ({"avx512_bf16": False, "avx512_f": True}, "fp32"),
        ({}, "fp32"),
    ],
)
def test_bf16_is_taken_only_where_the_processor_has_instructions_for_it(
    monkeypatch: pytest.MonkeyPatch, instructions: dict[str, bool], precision: str
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: instructions)
    result = planned()
    assert result.recipe.training.precision == precision
    assert "instructions" in said(result.decisions, "precision")


@pytest.mark.parametrize(("native", "precision"), [(True, "bf16"), (False, "fp32")])
def test_a_gpu_computes_bf16_only_natively(
    monkeypatch: pytest.MonkeyPatch, native: bool, precision: str
) -> None:
    def supported(*, including_emulation: bool) -> bool:
        return native or including_emulation

    monkeypatch.setattr(torch.cuda, "is_bf16_supported", supported)
    steps = RunLength(steps=5)
    result = plan(read_recipe("auto"), FACTS, torch.device("cuda", 0), steps)
    assert result.recipe.training.precision == precision


def test_binary_labels_get_no_border_weight_and_instances_do() -> None:
    binary = planned(replace(FACTS, label_kind="binary"))
    assert binary.recipe.loss.w0 == 0
    assert "border weight: none" in said(binary.decisions, "border weight")
    assert planned().recipe.loss.w0 == read_recipe("auto").loss.w0 > 0


@pytest.mark.parametrize("kind", ["instances", "binary"])
def test_only_what_is_smaller_than_annotated_objects_is_dropped(kind: Any) -> None:  # noqa: ANN401
    result = planned(replace(FACTS, label_kind=kind, small_object_px=41))
    assert 0 < result.recipe.prediction.smallest_object_px <= 41


def test_classes_know_no_objects() -> None:
    result = planned(replace(FACTS, label_kind="classes", classes=4, small_object_px=41))
    assert result.recipe.prediction == read_recipe("auto").prediction
    assert result.recipe.loss == read_recipe("auto").loss


def annotated(labels: list[list[int]]) -> Annotated:
    ids = np.array(labels, np.uint32)
    return Annotated(name="a", pixels=np.zeros((1, *ids.shape), np.float32), labels=ids)


def test_nearly_all_objects_exceed_the_small_area() -> None:
    # One object of one pixel and 199 of three, over two images.
    few = [[1, 0, 2, 2, 2]]
    many = [[number] * 3 for number in range(1, 199)]
    assert small_object_px([annotated(few), annotated(many)]) == 3
    assert small_object_px([annotated(few)]) == 1


def test_images_without_objects_have_no_small_area() -> None:
    assert small_object_px([annotated([[0, 0]])]) == 0


def test_measuring_a_step_gives_seconds() -> None:
    base = parse_recipe(
        {
            "extends": "auto",
            "network": {"base_channels": 2, "depth": 1},
            "training": {"tile_output": 8, "batch": 1},
        },
        source="a test",
    )
    assert 0 < measure_step(base, FACTS, CPU) < 10


def test_memory_and_instructions_of_this_machine_can_be_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.undo()
    assert 1e6 < planning._memory("cpu") < 1e15
    precision, reason = fastest_precision(CPU)
    assert precision in ("fp32", "bf16")
    assert "this processor has" in reason


def test_a_planned_recipe_is_valid_toml() -> None:
    assert f"base_channels = {WIDTHS[0]}" in recipe_toml(planned().recipe)


@pytest.mark.parametrize(
    ("object_px", "depth", "context"),
    [(1, 3, 44), (88, 3, 44), (89, 4, 92), (184, 4, 92), (185, 5, 188), (5000, 5, 188)],
)
def test_the_network_is_as_deep_as_it_takes_to_see_an_object_from_its_middle(
    object_px: int, depth: int, context: int
) -> None:
    found = planned(replace(FACTS, large_object_px=object_px))
    assert found.recipe.network.depth == depth
    reason = said(found.decisions, "depth")
    assert reason.startswith(f"depth: {depth} poolings, which see {context} px around a pixel")


@pytest.mark.parametrize(
    ("object_px", "coarsest", "binning", "depth", "context"),
    [(100, 2, 2, 3, 90), (200, 2, 2, 4, 186), (200, 4, 4, 3, 180), (5000, 8, 8, 5, 1512)],
)
def test_pixels_are_as_coarse_as_labels_allow_and_then_the_network_as_deep_as_it_must(
    object_px: int, coarsest: int, binning: int, depth: int, context: int
) -> None:
    facts = replace(FACTS, large_object_px=object_px, coarsest_binning=coarsest)
    found = planned(facts)
    assert (found.recipe.network.binning, found.recipe.network.depth) == (binning, depth)
    assert said(found.decisions, "depth").startswith(
        f"depth: {depth} poolings, which see {context} px around a pixel"
    )
    reason = said(found.decisions, "working pixel size")
    assert reason.startswith(f"working pixel size: bins of {binning} x {binning} px, because")


def test_lengths_that_suit_pixels_are_as_many_bins() -> None:
    base = read_recipe("auto")
    recipe = planned(replace(FACTS, large_object_px=100, coarsest_binning=2)).recipe
    assert recipe.loss.sigma_px == 2 * base.loss.sigma_px
    assert recipe.augmentation.elastic_sd_px == 2 * base.augmentation.elastic_sd_px


def test_a_step_of_a_network_that_bins_sees_as_many_bins_as_others_see_pixels() -> None:
    facts = replace(FACTS, sizes=((2000, 2000),), large_object_px=60)
    fine = planned(facts).recipe
    coarse = planned(replace(facts, coarsest_binning=4)).recipe
    assert coarse.training.batch == fine.training.batch
    assert 0 <= coarse.training.tile_output - 4 * fine.training.tile_output < 4 * 2**3


def test_bins_do_not_let_the_network_see_across_the_gap_before_what_judges_it() -> None:
    facts = replace(FACTS, large_object_px=300, coarsest_binning=8)
    found = plan(read_recipe("auto"), facts, CPU, MINUTES, enough_up_to(16), gap_px=92)
    assert found.recipe.network.binning == 2
    assert found.recipe.network.depth == 3  # 90 px; bins of 4 px would see 180


def halves(*ways: str) -> list[Annotated]:
    """Images of two classes side by side, and of one around the other."""
    upper = np.repeat([[1], [2]], 8, axis=0) * np.ones((1, 16), int)
    ring = np.pad(np.full((4, 4), 2), 4, constant_values=1)
    drawn = {
        "down": upper,
        "up": upper[::-1],
        "right": upper.T,
        "left": upper.T[:, ::-1],
        "around": ring,
        "first": np.minimum(upper, 1),
    }
    return [annotated(drawn[way].tolist()) for way in ways]


@pytest.mark.parametrize(
    ("ways", "found"),
    [
        (["down"] * 5, (True, False)),
        (["right"] * 5, (False, True)),
        (["down"] * 4, (False, False)),  # may agree by chance
        (["down"] * 4 + ["first"], (False, False)),
        (["down", "up"] * 5, (False, False)),
        (["down", "right", "up", "left"] * 3, (False, False)),
        (["around"] * 9, (False, False)),
    ],
)
def test_classes_that_lie_in_one_order_in_all_images_are_found(
    ways: list[str], found: tuple[bool, bool]
) -> None:
    assert one_way(halves(*ways), 3) == found


@pytest.mark.parametrize(
    ("ways", "mirror", "told"),
    [
        (
            (True, False),
            True,
            "15 degrees, mirrored, because in nearly all images one class lies above",
        ),
        ((False, True), False, "15 degrees, not mirrored, because in nearly all images one class"),
        ((True, True), False, "one class lies above and beside another in the same order"),
    ],
)
def test_upright_images_are_turned_little(ways: Any, mirror: bool, told: str) -> None:  # noqa: ANN401
    found = planned(replace(FACTS, label_kind="classes", classes=3, one_way=ways))
    assert found.recipe.augmentation.rotation_degrees == 15
    assert found.recipe.augmentation.mirror == mirror
    assert told in said(found.decisions, "rotation")
    assert planned().recipe.augmentation.rotation_degrees == 180


def test_what_the_recipe_says_is_not_planned_and_the_rest_suits_it() -> None:
    facts = replace(FACTS, large_object_px=60, small_object_px=30, coarsest_binning=2)
    tables = {
        "network": {"depth": 4, "base_channels": 24},
        "training": {"tile_output": 100},
        "prediction": {"smallest_object_px": 0},
    }
    own = OwnSettings(tables)
    base = own.keep(read_recipe("auto"))
    found = plan(base, facts, CPU, RunLength(steps=100), must_not_measure, own=own)
    recipe = found.recipe
    assert (recipe.network.depth, recipe.network.base_channels) == (4, 24)
    assert (recipe.training.tile_output, recipe.prediction.smallest_object_px) == (100, 0)
    # Bins of 2 px are still chosen, and the batch suits tiles of 100 px and their context.
    assert recipe.network.binning == 2
    assert recipe.training.batch == round(4 * 4 * 90_000 / (100 + 2 * context_px(4, 2)) ** 2)
    told = [line.split(":")[0] for line in found.decisions]
    assert not {"depth", "width", "tile", "smallest object"} & set(told)
    assert {"working pixel size", "batch", "as the recipe says"} < set(told)


@pytest.mark.parametrize("depth", [1, 2, 5])
def test_bins_suit_a_depth_of_the_recipes_own_where_regions_judge(depth: int) -> None:
    facts = replace(FACTS, large_object_px=60, coarsest_binning=2)
    own = OwnSettings({"network": {"depth": depth}})
    # The gap is that of the recipe as it was read: as wide as its depth sees in single pixels.
    found = plan(
        own.keep(read_recipe("auto")),
        facts,
        CPU,
        RunLength(steps=9),
        own=own,
        gap_px=context_px(depth),
    ).recipe.network
    assert (found.depth, found.binning) == (depth, 1)


def test_widths_are_not_tried_where_the_recipe_says_one() -> None:
    own = OwnSettings({"network": {"base_channels": 48}})
    tried: list[int] = []

    def measured(recipe: Recipe) -> float:
        tried.append(recipe.network.base_channels)
        return 0.01

    found = plan(own.keep(read_recipe("auto")), FACTS, CPU, MINUTES, measured, own=own)
    assert found.recipe.network.base_channels == 48
    assert set(tried) <= {48}


@pytest.mark.parametrize(("own", "few"), [(None, True), (64, False)])
def test_a_batch_of_the_recipes_own_stays_though_few_steps_are_left(
    own: int | None, few: bool
) -> None:
    facts = replace(FACTS, sizes=((36, 36),))
    settings = OwnSettings({"training": {"batch": own}} if own else {})
    base = settings.keep(read_recipe("auto"))
    found = plan(base, facts, CPU, RunLength(minutes=1), lambda _: 1.0, own=settings)
    assert (found.recipe.training.batch < 23) == few


@pytest.mark.parametrize(("binning", "sd_px"), [(1, 10.0), (4, 40.0)])
def test_lengths_suit_the_bins_that_the_recipe_says(binning: int, sd_px: float) -> None:
    facts = replace(FACTS, large_object_px=60, coarsest_binning=2)
    own = OwnSettings({"network": {"binning": binning}})
    found = plan(own.keep(read_recipe("auto")), facts, CPU, RunLength(steps=9), own=own).recipe
    assert found.network.binning == binning
    assert found.augmentation.elastic_sd_px == sd_px


@pytest.mark.parametrize(
    ("images", "classes", "told"), [(4, 3, True), (5, 3, False), (4, 2, False)]
)
def test_few_images_leave_it_to_the_user_to_say_whether_they_are_upright(
    images: int, classes: int, told: bool
) -> None:
    few = replace(FACTS, label_kind="classes", classes=classes, sizes=((512, 512),) * images)
    decisions = planned(few).decisions
    assert any("says `rotation_degrees = 15` and `mirror = false`" in d for d in decisions) == told


def disks(diameter: int) -> Annotated:
    """Four disks far from each other."""
    side = 2 * diameter
    rows, columns = np.indices((side, side))
    one = np.hypot(rows - diameter + 0.5, columns - diameter + 0.5) <= diameter / 2
    ids = np.block([[one * 1, one * 2], [one * 3, one * 4]])
    return annotated(ids.tolist())


@pytest.mark.parametrize(("diameter", "binning"), [(10, 1), (20, 2), (40, 4), (80, 8)])
def test_bins_are_as_coarse_as_objects_keep_their_shapes_in(diameter: int, binning: int) -> None:
    assert coarsest_binning([disks(diameter)]) == binning


def test_thin_gaps_keep_bins_fine() -> None:
    ids = np.kron(np.arange(1, 10).reshape(3, 3), np.ones((64, 64), int)).astype(np.uint32)
    assert coarsest_binning([annotated(ids.tolist())]) == 8
    ids[::16] = ids[:, ::16] = 0  # lines of 1 px
    assert coarsest_binning([annotated(ids.tolist())]) == 1


def test_where_nothing_is_labelled_no_bins_are_chosen() -> None:
    assert coarsest_binning([annotated([[0, 0], [0, 0]])]) == 1
    assert coarsest_binning([annotated([[1]])]) == 1


def test_large_labels_are_looked_at_band_by_band(monkeypatch: pytest.MonkeyPatch) -> None:
    labels = np.random.default_rng(0).integers(0, 4, (37, 50)).repeat(3, axis=0).astype(np.uint32)
    whole = shapes_kept(labels, 4)
    monkeypatch.setattr(fingerprints, "_BAND_PX", 1)
    np.testing.assert_array_equal(shapes_kept(labels, 4), whole)
    assert (whole > 0).any()


def test_a_shape_that_fills_less_than_half_of_any_bin_is_lost() -> None:
    ids = np.zeros((8, 8), np.uint32)
    ids[:, 0] = 1
    ids[:, 4:] = 2
    np.testing.assert_allclose(shapes_kept(ids, 4), [24 / 32, 0, 1])


def test_where_no_object_is_known_the_depth_is_that_of_the_recipe() -> None:
    found = planned()
    assert found.recipe.network.depth == read_recipe("auto").network.depth
    assert not [one for one in found.decisions if one.startswith("depth")]


def test_a_network_that_is_given_stays_as_it_is() -> None:
    base = read_recipe("auto")
    network = base.network.model_copy(update={"base_channels": 7, "depth": 2})
    found = plan(
        base.model_copy(update={"network": network}),
        replace(FACTS, large_object_px=500),
        CPU,
        MINUTES,
        must_not_measure,
        network_given=True,
    )
    assert found.recipe.network == network
    assert "the model to start from has as many" in said(found.decisions, "width")


def test_the_large_object_is_a_disk_of_the_area_that_nine_in_ten_do_not_exceed() -> None:
    ids = np.zeros((40, 200), np.uint32)
    for number in range(10):
        ids[:20, 20 * number : 20 * number + 10] = number + 1  # 200 px, a disk of 15.96 px
    assert large_object_px([annotated(ids.tolist())]) == 16
    assert large_object_px([annotated([[0, 0]])]) == 0


@pytest.mark.parametrize(("rarest", "share"), [(0.099, 0.33), (0.1, 0.0), (1.0, 0.0)])
def test_tiles_are_placed_on_classes_where_one_is_rare(rarest: float, share: float) -> None:
    found = planned(replace(FACTS, label_kind="classes", classes=3, rarest_class=rarest))
    assert found.recipe.training.class_share == share
    assert any(one.startswith("tiles: 33 %") for one in found.decisions) == (share > 0)


def test_the_rarest_class_is_counted_among_labelled_pixels_that_are_there() -> None:
    one = annotated([[0, 0, 0, 0, 0, 1, 1, 1, 3, 0]])
    assert rarest_class([one], 4) == 0.1
    ignore = np.array([[True] * 5 + [False] * 5])
    assert rarest_class([replace(one, ignore=ignore)], 4) == 0.2
    assert rarest_class([annotated([[0, 0]])], 4) == 1.0


def test_where_no_whole_object_is_labelled_the_smallest_stays_that_of_the_recipe() -> None:
    found = planned(replace(FACTS, small_object_px=0))
    assert found.recipe.prediction == read_recipe("auto").prediction
    assert not [one for one in found.decisions if one.startswith("smallest object")]
