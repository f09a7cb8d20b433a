"""The temperature that validation images ask for."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import softmax

from overtile.data.sample import Annotated
from overtile.training import calibrate
from overtile.training.calibrate import fit_temperature, measure_reliability
from overtile.training.validation import Predicted


def predicted(temperature: float, *, ignore_half: bool = False) -> Predicted:
    """A network of three classes whose logits are `temperature` times too large."""
    rng = np.random.default_rng(0)
    logits = rng.normal(scale=2, size=(3, 200, 200))
    honest = softmax(logits, axis=0)
    drawn = (rng.random((200, 200)) > np.cumsum(honest, axis=0)).sum(axis=0)
    ignore = None
    if ignore_half:
        ignore = np.zeros((200, 200), bool)
        ignore[:100] = True
        drawn[:100] = 0
    image = Annotated(
        name="a",
        pixels=np.zeros((1, 200, 200), np.float32),
        labels=drawn.astype(np.uint32),
        ignore=ignore,
    )
    shown = softmax(logits * temperature, axis=0).astype(np.float32)
    return Predicted(image=image, probabilities=shown, objects=image.labels)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
@pytest.mark.parametrize("ignore_half", [False, True])
def test_logits_that_are_too_large_are_divided_by_as_much(
    temperature: float, ignore_half: bool
) -> None:
    seen = [predicted(temperature, ignore_half=ignore_half)]
    found = fit_temperature(seen, "classes")
    assert found == pytest.approx(temperature, rel=0.05)
    assert measure_reliability(seen, "classes", found).error < 0.02
    if temperature == 3:
        assert measure_reliability(seen, "classes", 1.0).error > 0.1


def test_of_many_pixels_some_are_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calibrate, "LARGEST_PIXELS", 5000)
    assert measure_reliability([predicted(1)], "classes", 1.0).pixels.sum() == 5000
    assert fit_temperature([predicted(3)], "classes") == pytest.approx(3, rel=0.1)


def test_where_nothing_is_labelled_nothing_changes() -> None:
    one = predicted(3)
    nothing = Annotated(
        name="a", pixels=one.image.pixels, labels=one.image.labels, ignore=np.ones((200, 200), bool)
    )
    seen = [Predicted(image=nothing, probabilities=one.probabilities, objects=one.objects)]
    assert fit_temperature(seen, "classes") == 1.0


def test_few_labelled_pixels_are_all_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calibrate, "LARGEST_PIXELS", 20_000)  # of 40 000, half are labelled
    seen = [predicted(1, ignore_half=True)]
    assert measure_reliability(seen, "classes", 1.0).pixels.sum() == 20_000
