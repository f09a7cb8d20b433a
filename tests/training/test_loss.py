from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from overtile.training.loss import weighted_cross_entropy


def example(sd: float = 3.0, classes: int = 3) -> tuple[Tensor, Tensor, Tensor]:
    """Logits (2, K, 4, 5), classes and weights (2, 4, 5)."""
    rng = torch.Generator().manual_seed(0)
    return (
        sd * torch.randn(2, classes, 4, 5, generator=rng),
        torch.randint(classes, (2, 4, 5), generator=rng),
        10 * torch.rand(2, 4, 5, generator=rng),
    )


def softmax(logits: Tensor) -> NDArray[np.float64]:
    """Eq. (1) of the paper in float64, as it is written there."""
    powers = np.exp(logits.double().numpy())
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def one_hot(classes: Tensor, count: int) -> NDArray[Any]:
    return np.moveaxis(np.eye(count)[classes.numpy()], -1, 1)


@pytest.mark.parametrize("count", [2, 3, 7])
def test_loss_is_the_mean_of_minus_w_log_p(count: int) -> None:
    logits, classes, weights = example(classes=count)
    p = (softmax(logits) * one_hot(classes, count)).sum(axis=1)
    expected = (-weights.double().numpy() * np.log(p)).mean()
    loss = weighted_cross_entropy(logits, classes, weights)
    assert loss.item() == pytest.approx(expected, rel=1e-6)


def test_gradient_is_w_times_p_minus_truth() -> None:
    logits, classes, weights = example()
    truth = one_hot(classes, 3)
    expected = weights.double().numpy()[:, None] * (softmax(logits) - truth) / (2 * 4 * 5)
    logits.requires_grad_()
    weighted_cross_entropy(logits, classes, weights).backward()  # type: ignore[no-untyped-call]
    assert logits.grad is not None
    np.testing.assert_allclose(logits.grad.numpy(), expected, atol=1e-7)


def test_gradient_agrees_with_finite_differences() -> None:
    logits, classes, weights = example(sd=1.0)
    logits.requires_grad_()
    weighted_cross_entropy(logits, classes, weights).backward()  # type: ignore[no-untyped-call]
    assert logits.grad is not None
    step = torch.zeros_like(logits)
    step[1, 2, 3, 4] = 0.05
    with torch.no_grad():
        above = weighted_cross_entropy(logits + step, classes, weights)
        below = weighted_cross_entropy(logits - step, classes, weights)
    assert logits.grad[1, 2, 3, 4].item() == pytest.approx((above - below).item() / 0.1, rel=1e-2)


@pytest.mark.parametrize("true_class", [0, 1])
def test_loss_and_gradient_are_finite_for_logits_of_ten_thousand(true_class: int) -> None:
    logits = torch.tensor([1e4, -1e4]).view(1, 2, 1, 1).requires_grad_()
    loss = weighted_cross_entropy(
        logits, torch.full((1, 1, 1), true_class), torch.full((1, 1, 1), 10.0)
    )
    loss.backward()  # type: ignore[no-untyped-call]
    assert loss.item() == pytest.approx(true_class * 10 * 2e4)
    assert logits.grad is not None
    assert torch.isfinite(logits.grad).all()


def test_pixels_of_weight_zero_are_ignored() -> None:
    logits, classes, weights = example()
    weights[0, 1] = 0
    loss = weighted_cross_entropy(logits, classes, weights)
    logits[0, :, 1] += 1e3 * torch.arange(3)[:, None]
    classes[0, 1] = (classes[0, 1] + 1) % 3
    assert weighted_cross_entropy(logits, classes, weights) == loss


def test_loss_is_a_mean_so_that_the_tile_may_grow() -> None:
    logits, classes, weights = example()
    wider = [part.repeat_interleave(3, dim=-1) for part in (logits, classes, weights)]
    loss = weighted_cross_entropy(logits, classes, weights)
    assert weighted_cross_entropy(*wider).item() == pytest.approx(loss.item(), rel=1e-6)


def test_half_precision_logits_are_weighed_in_float32() -> None:
    logits, classes, weights = example()
    loss = weighted_cross_entropy(logits.bfloat16(), classes, weights)
    assert loss.dtype == torch.float32
    assert loss == weighted_cross_entropy(logits.bfloat16().float(), classes, weights)


def test_a_pixel_without_weight_changes_nothing_not_even_the_mean() -> None:
    logits, classes, weights = example()
    weights = weights + 0.1
    half = weighted_cross_entropy(logits[:1], classes[:1], weights[:1])
    weights[1] = 0
    assert weighted_cross_entropy(logits, classes, weights).item() == pytest.approx(half.item())


def test_where_no_pixel_has_a_weight_nothing_is_learnt() -> None:
    logits, classes, weights = example()
    logits.requires_grad_()
    loss = weighted_cross_entropy(logits, classes, torch.zeros_like(weights))
    loss.backward()  # type: ignore[no-untyped-call]
    assert loss.item() == 0
    assert logits.grad is not None
    assert not logits.grad.any()
