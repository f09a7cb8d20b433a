from __future__ import annotations

import dataclasses
import math
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from overtile.config import (
    AugmentationConfig,
    LossConfig,
    NetworkConfig,
    OptimiserConfig,
    Recipe,
    TrainingConfig,
)
from overtile.data.sample import Annotated, Sampler, TrainingTile
from overtile.data.synthetic import generate
from overtile.errors import DivergedError, OvertileError
from overtile.model.geometry import output_size, smallest_input
from overtile.model.unet import UNet
from overtile.training.loop import TrainingState, _collate, make_optimiser, train_steps
from overtile.training.loss import weighted_cross_entropy
from overtile.training.schedule import Clock, Pace, RunLength, learning_rate

StateOf = Callable[[Recipe], TrainingState]


def plain_steps(**settings: float | str) -> OptimiserConfig:
    """Steps of the rate as given: no warm-up, and no gradient is shortened unless asked."""
    return OptimiserConfig.model_validate({"warm_up": 0, "largest_gradient": 0} | settings)


@pytest.fixture
def recipe(tiny_network: NetworkConfig) -> Recipe:
    return Recipe(network=tiny_network, optimiser=plain_steps(learning_rate=0.01))


def train(state: TrainingState, sampler: Sampler, recipe: Recipe, steps: int) -> list[float]:
    """Go on to step `steps`, and give the losses."""
    length = RunLength(steps=steps)
    return [result.loss for result in train_steps(state, sampler, recipe, Pace(length, Clock()))]


def weights(state: TrainingState) -> list[Tensor]:
    return [value.detach().clone() for value in state.network.state_dict().values()]


def equal(some: list[Tensor], others: list[Tensor]) -> bool:
    return all(torch.equal(one, other) for one, other in zip(some, others, strict=True))


def follow(config: OptimiserConfig, gradients: list[float]) -> tuple[float, UNet]:
    """Give a weight that began at 1 and met `gradients`, and its network."""
    network = UNet(1, 2, NetworkConfig(base_channels=1, depth=1))
    optimiser = make_optimiser(network, config)
    bias = network.classify.bias
    torch.nn.init.ones_(bias)
    for gradient in gradients:
        bias.grad = torch.full_like(bias, gradient)
        optimiser.step()
    return bias[0].item(), network


def test_sgd_keeps_99_hundredths_of_its_speed() -> None:
    after, _ = follow(plain_steps(learning_rate=0.01), [2.0, 3.0, 0.0])
    speeds = [2.0, 0.99 * 2 + 3, 0.99 * (0.99 * 2 + 3)]
    assert after == pytest.approx(1 - 0.01 * sum(speeds), rel=1e-6)


def test_sgd_decays_weights_as_part_of_the_gradient() -> None:
    config = plain_steps(learning_rate=0.1, momentum=0, weight_decay=0.5)
    assert follow(config, [2.0])[0] == pytest.approx(1 - 0.1 * (2 + 0.5 * 1))


def test_adamw_steps_by_the_rate_and_decays_beside_it() -> None:
    config = plain_steps(name="adamw", learning_rate=0.1, momentum=0.9, weight_decay=0.5)
    # Loshchilov and Hutter 2019, algorithm 2: the first step is lr · g / |g|, whatever |g| is.
    assert follow(config, [1e-3])[0] == pytest.approx(1 - 0.1 * 0.5 - 0.1, rel=1e-4)


def test_adamw_takes_momentum_as_its_first_beta() -> None:
    config = plain_steps(name="adamw", learning_rate=0.1, momentum=0.8)
    means = [0.2 * 1 / (1 - 0.8), (0.8 * 0.2 * 1 + 0.2 * 3) / (1 - 0.8**2)]
    squares = [1.0, (0.999 * 0.001 * 1 + 0.001 * 9) / (1 - 0.999**2)]
    moves = [mean / math.sqrt(square) for mean, square in zip(means, squares, strict=True)]
    assert follow(config, [1.0, 3.0])[0] == pytest.approx(1 - 0.1 * sum(moves), rel=1e-5)


@pytest.mark.parametrize("name", ["sgd", "adamw"])
def test_every_weight_is_optimised(name: str) -> None:
    network = UNet(1, 2, NetworkConfig(base_channels=1, depth=1, batch_norm=True))
    optimiser = make_optimiser(network, OptimiserConfig.model_validate({"name": name}))
    optimised = {id(weight) for group in optimiser.param_groups for weight in group["params"]}
    assert optimised == {id(weight) for weight in network.parameters()}


@pytest.mark.parametrize("name", ["sgd", "adamw"])
def test_the_same_seed_gives_the_same_weights(
    name: str, sampler: Sampler, recipe: Recipe, new_state: StateOf
) -> None:
    optimiser = OptimiserConfig.model_validate({"name": name})
    recipe = recipe.model_copy(update={"optimiser": optimiser})
    one, other = new_state(recipe), new_state(recipe)
    losses = train(one, sampler, recipe, 5)
    torch.rand(3)  # Somebody else's use of the global generator changes nothing.
    assert train(other, sampler, recipe, 5) == losses
    assert equal(weights(one), weights(other))


def test_another_seed_gives_other_weights(
    sampler: Sampler, recipe: Recipe, new_state: StateOf
) -> None:
    one, other = new_state(recipe), new_state(recipe)
    train(one, sampler, recipe, 2)
    train(other, dataclasses.replace(sampler, seed=8), recipe, 2)
    assert not equal(weights(one), weights(other))


@pytest.mark.parametrize("seed", [0, 2**62, 2**200])
def test_a_seed_may_be_of_any_size(
    seed: int, sampler: Sampler, recipe: Recipe, new_state: StateOf
) -> None:
    losses = train(new_state(recipe), dataclasses.replace(sampler, seed=seed), recipe, 1)
    assert math.isfinite(losses[0])


def test_dropout_is_drawn_anew_at_each_step(
    sampler: Sampler, recipe: Recipe, new_state: StateOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    tile = sampler.draw(0)
    monkeypatch.setattr(Sampler, "draw", lambda *_: tile)
    optimiser = plain_steps(learning_rate=1e-12, momentum=0)
    losses = train(
        new_state(recipe), sampler, recipe.model_copy(update={"optimiser": optimiser}), 4
    )
    assert len(set(losses)) == 4


def test_a_validation_between_steps_does_not_end_dropout(
    sampler: Sampler, recipe: Recipe, new_state: StateOf
) -> None:
    one, other = new_state(recipe), new_state(recipe)
    train(one, sampler, recipe, 3)
    for _ in train_steps(other, sampler, recipe, Pace(RunLength(steps=3), Clock())):
        other.best_guess().eval()
    assert equal(weights(one), weights(other))


def test_results_count_steps_and_end_at_the_whole(
    sampler: Sampler, recipe: Recipe, new_state: StateOf
) -> None:
    results = list(
        train_steps(new_state(recipe), sampler, recipe, Pace(RunLength(steps=4), Clock()))
    )
    assert [result.step for result in results] == [1, 2, 3, 4]
    assert [result.fraction for result in results] == [0.25, 0.5, 0.75, 1]
    seconds = [result.seconds for result in results]
    assert seconds == sorted(seconds)


def test_a_run_of_minutes_ends_by_the_clock(
    sampler: Sampler, recipe: Recipe, new_state: StateOf
) -> None:
    length = RunLength(minutes=0.2 / 60)
    *_, last = train_steps(new_state(recipe), sampler, recipe, Pace(length, Clock()))
    assert last.seconds >= 0.2
    assert last.fraction >= 1


def test_a_run_that_is_over_takes_no_step(
    sampler: Sampler, recipe: Recipe, new_state: StateOf
) -> None:
    state = new_state(recipe)
    before = weights(state)
    over = Clock(before=61.0)
    assert list(train_steps(state, sampler, recipe, Pace(RunLength(minutes=1), over))) == []
    assert equal(weights(state), before)


def test_each_step_has_the_rate_of_the_schedule(
    sampler: Sampler, recipe: Recipe, new_state: StateOf
) -> None:
    config = plain_steps(learning_rate=0.01, schedule="cosine", warm_up=0.5)
    recipe = recipe.model_copy(update={"optimiser": config})
    state = new_state(recipe)
    steps = train_steps(state, sampler, recipe, Pace(RunLength(steps=4), Clock()))
    rates = [state.optimiser.param_groups[0]["lr"] for _ in steps]
    assert rates == [learning_rate(config, fraction) for fraction in (0, 0.25, 0.5, 0.75)]


def test_a_step_goes_down_the_gradient_of_its_own_tile_only(
    sampler: Sampler, recipe: Recipe, new_state: StateOf
) -> None:
    optimiser = plain_steps(learning_rate=0.01, momentum=0)
    network = NetworkConfig(base_channels=4, depth=1, dropout=0)
    recipe = recipe.model_copy(update={"network": network, "optimiser": optimiser})
    state, by_hand = new_state(recipe), new_state(recipe).network
    train(state, sampler, recipe, 3)
    for step in range(3):
        tile = sampler.draw(step)
        logits = by_hand(torch.from_numpy(tile.pixels)[None])
        classes = torch.from_numpy(tile.classes)[None].long()
        loss = weighted_cross_entropy(logits, classes, torch.from_numpy(tile.weights)[None])
        gradients = torch.autograd.grad(loss, list(by_hand.parameters()))
        with torch.no_grad():
            for weight, gradient in zip(by_hand.parameters(), gradients, strict=True):
                weight -= 0.01 * gradient
    for weight, expected in zip(state.network.parameters(), by_hand.parameters(), strict=True):
        torch.testing.assert_close(weight, expected)


def test_a_batch_holds_the_tiles_of_its_step_in_order(
    sampler: Sampler, recipe: Recipe, new_state: StateOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[tuple[int, int]] = []
    draw = Sampler.draw

    def noted(self: Sampler, step: int, index: int = 0) -> TrainingTile:
        drawn.append((step, index))
        return draw(self, step, index)

    monkeypatch.setattr(Sampler, "draw", noted)
    recipe = recipe.model_copy(update={"training": TrainingConfig(batch=2)})
    state = new_state(recipe)
    state.step = 3
    train(state, sampler, recipe, 5)
    assert drawn[:4] == [(3, 0), (3, 1), (4, 0), (4, 1)]


def test_a_batch_of_one_tile_twice_steps_like_one_tile(
    sampler: Sampler, recipe: Recipe, new_state: StateOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    tile = sampler.draw(0)
    monkeypatch.setattr(Sampler, "draw", lambda *_: tile)
    still = NetworkConfig(base_channels=4, depth=1, dropout=0)
    results = []
    for batch in (1, 2):
        changes = {"network": still, "training": TrainingConfig(batch=batch)}
        changed = recipe.model_copy(update=changes)
        results.append(train(new_state(changed), sampler, changed, 3))
    assert results[0] == pytest.approx(results[1], rel=1e-4)


def test_a_long_gradient_is_shortened(sampler: Sampler, recipe: Recipe, new_state: StateOf) -> None:
    config = plain_steps(learning_rate=1, momentum=0, largest_gradient=1e-3)
    recipe = recipe.model_copy(update={"optimiser": config})
    state = new_state(recipe)
    before = weights(state)
    train(state, sampler, recipe, 1)
    moves = [after - old for after, old in zip(weights(state), before, strict=True)]
    assert sum(move.square().sum().item() for move in moves) == pytest.approx(1e-6, rel=1e-2)


def test_reduced_precision_keeps_loss_and_weights_in_float32(
    sampler: Sampler, recipe: Recipe, new_state: StateOf
) -> None:
    reduced = recipe.model_copy(update={"training": TrainingConfig(precision="bf16")})
    state = new_state(reduced)
    losses = train(state, sampler, reduced, 2)
    assert losses == pytest.approx(train(new_state(recipe), sampler, recipe, 2), rel=0.05)
    assert {weight.dtype for weight in state.network.parameters()} == {torch.float32}


def test_without_an_average_the_network_itself_predicts(recipe: Recipe, new_state: StateOf) -> None:
    state = new_state(recipe)
    assert state.best_guess() is state.network


def test_the_average_follows_its_decay_and_faster_at_first(
    sampler: Sampler, recipe: Recipe, new_state: StateOf
) -> None:
    recipe = recipe.model_copy(update={"training": TrainingConfig(average_decay=0.3)})
    state = new_state(recipe)
    expected = [value.double() for value in weights(state)]
    for result in train_steps(state, sampler, recipe, Pace(RunLength(steps=4), Clock())):
        decay = min(0.3, (1 + result.step) / (10 + result.step))
        now = [value.double() for value in weights(state)]
        expected = [decay * old + (1 - decay) * new for old, new in zip(expected, now, strict=True)]
    for mean, value in zip(state.best_guess().parameters(), expected, strict=True):
        torch.testing.assert_close(mean.double(), value, rtol=1e-5, atol=1e-6)
    assert not equal(weights(state), list(state.best_guess().state_dict().values()))


def test_the_average_predicts_without_dropout_and_never_trains(
    sampler: Sampler, recipe: Recipe, new_state: StateOf
) -> None:
    recipe = recipe.model_copy(update={"training": TrainingConfig(average_decay=0.9)})
    state = new_state(recipe)
    train(state, sampler, recipe, 2)
    assert not state.best_guess().training
    assert state.network.training
    assert all(weight.grad is None for weight in state.best_guess().parameters())


def test_the_average_counts_batches_and_averages_their_statistics(
    sampler: Sampler, recipe: Recipe, new_state: StateOf
) -> None:
    network = NetworkConfig(base_channels=4, depth=1, batch_norm=True)
    training = TrainingConfig(average_decay=0.9)
    recipe = recipe.model_copy(update={"network": network, "training": training})
    state = new_state(recipe)
    train(state, sampler, recipe, 3)
    mean, now = state.best_guess().state_dict(), state.network.state_dict()
    assert mean["bottom.1.num_batches_tracked"] == now["bottom.1.num_batches_tracked"] == 3
    assert not torch.equal(mean["bottom.1.running_mean"], now["bottom.1.running_mean"])
    assert mean["bottom.1.running_mean"].any()


Spoil = Callable[[TrainingTile], TrainingTile]


def spoilt(what: str, value: float) -> Spoil:
    """Put one value into the pixels or the weights of a tile."""

    def spoil(tile: TrainingTile) -> TrainingTile:
        array = getattr(tile, what).copy()
        array.flat[7] = value
        return dataclasses.replace(tile, **{what: array})

    return spoil


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize(("what", "called"), [("pixels", "grey values"), ("weights", "weights")])
def test_a_tile_that_holds_no_number_is_named_and_not_learnt_from(
    what: str,
    called: str,
    value: float,
    sampler: Sampler,
    recipe: Recipe,
    new_state: StateOf,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    draw, state = Sampler.draw, new_state(recipe)
    monkeypatch.setattr(
        Sampler,
        "draw",
        lambda self, step, index: (spoilt(what, value) if step == 2 else lambda tile: tile)(
            draw(self, step, index)
        ),
    )
    told = rf"the {called} of a training tile are NaN or infinite at step 3 \(two at \(-?\d+, "
    with pytest.raises(DivergedError, match=told):
        train(state, sampler, recipe, 5)
    assert state.step == 2
    assert all(torch.isfinite(weight).all() for weight in weights(state))


def test_a_loss_that_is_no_number_stops_before_the_step_and_names_the_tiles(
    sampler: Sampler, recipe: Recipe, new_state: StateOf
) -> None:
    state = new_state(recipe)
    before = weights(state)
    broken = dataclasses.replace(sampler, class_weights=np.full(2, 3e38, np.float32))
    told = r"the loss became inf at step 1 \(two at \(.*; lower `learn"
    with pytest.raises(DivergedError, match=told):
        train(state, broken, recipe, 3)
    assert state.step == 0
    assert equal(weights(state), before)


def test_a_gradient_that_is_no_number_stops_before_the_step(
    sampler: Sampler, recipe: Recipe, new_state: StateOf
) -> None:
    state = new_state(recipe)
    before = weights(state)
    handle = state.network.classify.weight.register_hook(lambda gradient: gradient * math.nan)
    with pytest.raises(DivergedError, match=r"the gradient became nan at step 1 \(two at"):
        train(state, sampler, recipe, 3)
    handle.remove()
    assert state.step == 0
    assert equal(weights(state), before)


def test_no_more_than_five_tiles_are_named(
    sampler: Sampler, recipe: Recipe, new_state: StateOf
) -> None:
    recipe = recipe.model_copy(update={"training": TrainingConfig(batch=7)})
    broken = dataclasses.replace(sampler, class_weights=np.full(2, 3e38, np.float32))
    with pytest.raises(DivergedError, match=r"\), …\); lower") as refusal:
        train(new_state(recipe), broken, recipe, 1)
    assert str(refusal.value).count("two at") == 5


def test_a_network_that_says_one_class_for_all_is_noticed(
    sampler: Sampler, recipe: Recipe, new_state: StateOf
) -> None:
    state = new_state(recipe)
    with torch.no_grad():
        state.network.classify.weight.zero_()
        state.network.classify.bias.copy_(torch.tensor([5.0, 0.0]))
    pace = Pace(RunLength(steps=1), Clock())
    assert [one.single for one in train_steps(state, sampler, recipe, pace)] == [True]


def test_one_class_is_right_where_the_labels_tell_of_one_class_only(
    sampler: Sampler, recipe: Recipe, new_state: StateOf
) -> None:
    image = sampler.images[0]
    strokes = dataclasses.replace(image, ignore=image.labels == 0)
    state = new_state(recipe)
    with torch.no_grad():
        state.network.classify.weight.zero_()
        state.network.classify.bias.copy_(torch.tensor([0.0, 5.0]))
    pace = Pace(RunLength(steps=1), Clock())
    told = dataclasses.replace(sampler, images=[strokes])
    found = [one.single for one in train_steps(state, told, recipe, pace)]
    assert found == [False]


def test_one_class_is_right_where_the_truth_has_one_class(
    sampler: Sampler, recipe: Recipe, new_state: StateOf
) -> None:
    image = sampler.images[0]
    empty = dataclasses.replace(image, labels=np.zeros_like(image.labels))
    pace = Pace(RunLength(steps=3), Clock())
    steps = train_steps(
        new_state(recipe), dataclasses.replace(sampler, images=[empty]), recipe, pace
    )
    assert [one.single for one in steps] == [False] * 3


def test_too_large_a_rate_is_told_in_one_line(
    sampler: Sampler, recipe: Recipe, new_state: StateOf
) -> None:
    optimiser = plain_steps(learning_rate=1e12)
    recipe = recipe.model_copy(update={"optimiser": optimiser})
    with pytest.raises(OvertileError, match=r"or `largest_gradient`, which is 1") as refusal:
        train(new_state(recipe), sampler, recipe, 50)
    assert len(str(refusal.value).splitlines()) == 1


def test_a_fault_of_the_sampler_reaches_the_caller(
    sampler: Sampler, recipe: Recipe, new_state: StateOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("no tile")

    monkeypatch.setattr(Sampler, "draw", fail)
    with pytest.raises(RuntimeError, match="no tile"):
        train(new_state(recipe), sampler, recipe, 3)


def test_a_run_that_nobody_goes_on_with_leaves_no_thread(
    sampler: Sampler, recipe: Recipe, new_state: StateOf
) -> None:
    before = set(threading.enumerate())
    steps = train_steps(new_state(recipe), sampler, recipe, Pace(RunLength(steps=10**6), Clock()))
    next(steps)
    assert set(threading.enumerate()) - before
    del steps
    assert not set(threading.enumerate()) - before


def test_a_tiny_network_learns_one_image_by_heart() -> None:
    pixels, labels = generate("cells", (64, 64), np.random.default_rng(5))
    still = AugmentationConfig(rotation_degrees=0, elastic_sd_px=0, contrast=0, brightness=0)
    recipe = Recipe(
        network=NetworkConfig(base_channels=12, depth=2, dropout=0),
        optimiser=plain_steps(name="adamw", learning_rate=3e-3, momentum=0.9, schedule="cosine"),
    )
    side = smallest_input(64, 2)
    image = Annotated(name="a", pixels=(pixels[None] / 127.5 - 1).astype(np.float32), labels=labels)
    sampler = Sampler(
        images=[image],
        kind="instances",
        input_size=side,
        output_size=output_size(side, 2),
        class_weights=np.ones(2, np.float32),
        augmentation=still,
        loss=LossConfig(),
        seed=0,
    )
    torch.manual_seed(0)
    losses = train(TrainingState(UNet(1, 2, recipe.network), recipe), sampler, recipe, 200)
    assert np.mean(losses[-10:]) < np.mean(losses[:5]) / 10


def test_statistics_of_batch_norm_stand_still_after_their_share_of_the_run(
    sampler: Sampler, recipe: Recipe, new_state: StateOf
) -> None:
    network = NetworkConfig(base_channels=2, depth=1, batch_norm=True)
    training = TrainingConfig(tile_statistics=0.5)
    changed = recipe.model_copy(update={"network": network, "training": training})
    state = new_state(changed)
    norm = next(layer for layer in state.network.modules() if isinstance(layer, nn.BatchNorm2d))
    means: list[Tensor] = []
    for _ in train_steps(state, sampler, changed, Pace(RunLength(steps=4), Clock())):
        assert norm.running_mean is not None
        means.append(norm.running_mean.clone())
    assert not torch.equal(means[0], means[1])
    assert torch.equal(means[1], means[2])
    assert torch.equal(means[2], means[3])


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="threads are not told here")
def test_tiles_are_stacked_beside_the_network_without_threads_of_torch() -> None:
    tile = TrainingTile(
        pixels=np.zeros((1, 400, 400), np.float32),
        classes=np.zeros((400, 400), np.uint8),
        weights=np.ones((400, 400), np.float32),
        place="made",
    )
    counted: list[int] = []

    def count() -> None:
        counted.append(len(list(Path("/proc/self/task").iterdir())))

    def stack() -> None:
        count()
        _collate([tile, tile])
        count()

    before = torch.get_num_threads()
    torch.set_num_threads(2)
    worker = threading.Thread(target=stack)
    worker.start()
    worker.join()
    torch.set_num_threads(before)
    assert counted[0] == counted[1]
