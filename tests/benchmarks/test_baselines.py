"""The baselines: dense equals patch by patch, the clock is fair, and scores need no training."""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from overtile.data.sample import Annotated
from overtile.errors import DivergedError

BASELINES = Path(__file__).parents[2] / "benchmarks" / "baselines"


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Any]:
    """Import scripts that lie beside each other."""
    monkeypatch.syspath_prepend(str(BASELINES))
    return importlib.import_module


@pytest.fixture
def pages() -> list[Annotated]:
    """Two noisy pages of 64 px whose right half, the brighter one, is interior."""
    rng = np.random.default_rng(0)
    labels = np.repeat([[0, 1]], 64, axis=0).repeat(32, axis=1).astype(np.uint32)
    return [
        Annotated(
            name=f"page {number}",
            pixels=(labels - 0.5 + rng.normal(scale=0.3, size=labels.shape))[None].astype("f4"),
            labels=labels,
        )
        for number in range(2)
    ]


@pytest.mark.parametrize("window", [33, 65, 95])
def test_dense_prediction_equals_patch_by_patch(
    module: Callable[[str], Any], window: int, pages: list[Annotated]
) -> None:
    patch_network, sliding_window = module("patch_network"), module("sliding_window")
    torch.manual_seed(0)
    network, pixels = patch_network.PatchNetwork(window, 0.8), pages[0].pixels
    rows, columns = np.random.default_rng(1).integers(0, 64, size=(2, 8))
    surroundings = patch_network.window_around(pixels, (0, 64), window)[0]
    patches = sliding_window.cut(surroundings, rows, columns, window)
    one_by_one = patch_network.predict_patches(network, patches)
    densely = patch_network.predict_densely(network, pixels)[1, rows, columns]
    assert one_by_one.std() > 1e-3
    np.testing.assert_allclose(densely, one_by_one, atol=1e-4)


def test_strips_of_rows_change_nothing(
    module: Callable[[str], Any], pages: list[Annotated], monkeypatch: pytest.MonkeyPatch
) -> None:
    patch_network = module("patch_network")
    network, pixels = patch_network.PatchNetwork(33, 0.8), pages[0].pixels
    whole = patch_network.predict_densely(network, pixels)
    monkeypatch.setattr(patch_network, "STRIP_ROWS", 24)
    np.testing.assert_allclose(patch_network.predict_densely(network, pixels), whole, atol=1e-5)


def test_undecided_patch_network_gives_the_share_of_interior(module: Callable[[str], Any]) -> None:
    network = module("patch_network").PatchNetwork(33, interior_share=0.8)
    torch.nn.init.zeros_(network.classify.weight)  # logits are 0: balanced odds of 1
    patches = torch.zeros(1, 1, 33, 33)
    assert module("patch_network").predict_patches(network, patches).item() == pytest.approx(0.8)


def test_patches_are_balanced_and_centred_on_their_class(
    module: Callable[[str], Any], pages: list[Annotated]
) -> None:
    marked = [
        Annotated(name=page.name, pixels=page.labels[None].astype("f4"), labels=page.labels)
        for page in pages
    ]
    patches, classes = module("sliding_window").sliding_window(33).source(marked, 0)(step=7)
    assert classes.float().mean() == 0.5
    assert torch.equal(patches[:, 0, 16, 16].long(), classes[:, 0, 0])


@pytest.mark.parametrize(
    ("script", "network", "side"),
    [("fully_convolutional", "FullyConvolutional", 64), ("padded_unet", "PaddedUNet", 48)],
)
def test_padded_networks_keep_the_sides(
    module: Callable[[str], Any], script: str, network: str, side: int
) -> None:
    logits = getattr(module(script), network)()(torch.zeros(2, 1, side, side))
    assert logits.shape == (2, 2, side, side)


def test_loss_of_a_sure_and_right_prediction_is_nothing(module: Callable[[str], Any]) -> None:
    classes = torch.tensor([[[0, 1]]])
    logits = torch.tensor([[[[50.0, -50.0]], [[-50.0, 50.0]]]])
    loss = module("padded_unet").cross_entropy_and_dice
    assert loss(logits, classes).item() == pytest.approx(0.0, abs=1e-6)
    # Sure and wrong: a cross-entropy of 100, and no overlap.
    assert loss(-logits, classes).item() == pytest.approx(101.0)


def test_every_page_is_seen_once_a_turn(
    module: Callable[[str], Any], pages: list[Annotated]
) -> None:
    draw = module("padded_unet").padded_unet((1e-3,)).source(pages, 0)
    seen = {float(draw(step)[0].sum()) for step in (2, 3)}
    assert seen == {float(torch.from_numpy(page.pixels).sum()) for page in pages}


def test_looking_at_pages_takes_no_time(module: Callable[[str], Any]) -> None:
    moments = iter([0.0, 1.0, 5.0, 6.0])
    watch = module("plain_loop").Stopwatch(lambda: next(moments))
    with watch.paused():
        pass
    assert watch.seconds() == 2.0


def test_losses_are_averaged_to_few_points(module: Callable[[str], Any]) -> None:
    losses = [(1, 0.1, 4.0), (2, 0.2, 2.0), (3, 0.3, 1.0)]
    assert module("plain_loop").thin(losses, points=2) == [[2, 0.2, 3.0], [3, 0.3, 1.0]]


def test_a_rate_that_diverges_is_told_and_not_chosen(
    module: Callable[[str], Any], pages: list[Annotated], monkeypatch: pytest.MonkeyPatch
) -> None:
    loop, split = module("plain_loop"), module("pages").Split(training=pages, watched=pages)

    def train(method: Any, split: Any, *, rate: float, **_: Any) -> Any:  # noqa: ANN401
        if rate == 1.0:
            raise DivergedError("the loss became nan", remedy="lower the learning rate")
        look = {"best_pixel_error": 0.2 if rate == 0.1 else 0.3, "rand_error": 0.5}
        return loop.Training(network=None, rate=rate, losses=[(1, 0.1, 0.7)], looks=[look])

    monkeypatch.setattr(loop, "train", train)
    method = module("padded_unet").padded_unet((0.01, 0.1, 1.0))
    rate, tried = loop.choose_rate(method, split, minutes=1, seed=0)
    assert rate == 0.1
    assert "nan" in tried[2]["diverged"]


def test_a_short_training_looks_at_its_end(
    module: Callable[[str], Any], pages: list[Annotated]
) -> None:
    method = module("padded_unet").padded_unet((1e-3,))
    split = module("pages").Split(training=pages, watched=pages)
    training = module("plain_loop").train(method, split, rate=1e-3, minutes=0.005, seed=0, looks=1)
    assert training.looks[-1]["step"] == len(training.losses)
    assert training.seconds >= 0.3


def test_learning_rates_are_chosen_without_the_held_out_pages(module: Callable[[str], Any]) -> None:
    script = module("pages")
    pages = list(range(24))  # stand-ins: only their numbers matter
    chosen, final = script.choosing_split(pages), script.final_split(pages)
    assert chosen.watched == [1, 18]
    assert set(chosen.training) == set(pages) - {1, 18, 3, 9, 17, 22}
    assert set(final.training) == set(pages) - {3, 9, 17, 22} == set(pages) - set(final.watched)


def test_what_is_kept_is_scored_without_training(
    module: Callable[[str], Any],
    pages: list[Annotated],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    scoring = module("scoring")
    assignment = module("assignment").Assignment(folder=tmp_path, data=tmp_path, minutes=1.0)
    foreground = np.stack([page.labels for page in pages]).astype(np.float32)
    module("assignment").keep(assignment, foreground, {"steps": 3})
    split = module("pages").Split(training=[], watched=pages)
    monkeypatch.setattr(scoring, "read_pages", lambda _: pages)
    monkeypatch.setattr(scoring, "final_split", lambda _: split)
    scores = scoring.score(assignment)
    assert scores["summary"]["pixel_error"] == 0
    assert scores["class_summary"]["dice_interior"] == 1
    assert json.loads(assignment.training.read_text())["steps"] == 3
