"""What makes one baseline different from another: its network, its samples, its loss."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from torch import Tensor, nn
from torch.nn import functional
from torch.optim import Adam, Optimizer

from overtile.arrays import Floats
from overtile.data.sample import Annotated

Batch: TypeAlias = tuple[Tensor, Tensor]
"""Grey values (N, 1, S, S) of float32, and classes (N, T, T) of int64; T is 1 for a patch."""

Source: TypeAlias = Callable[[int], Batch]
"""Gives the batch of a step; the same step gives the same batch."""


def adam(network: nn.Module, rate: float) -> Optimizer:
    """Adam with its usual moments."""
    return Adam(network.parameters(), lr=rate)


def cross_entropy(logits: Tensor, classes: Tensor) -> Tensor:
    """Average the cross-entropy over all labelled pixels."""
    return functional.cross_entropy(logits, classes)


@dataclass(frozen=True, kw_only=True)
class Method:
    """One way to tell the class of every pixel, as a table of functions."""

    build: Callable[[Sequence[Annotated]], nn.Module]
    """Makes the network for pages to train on, of which it may count the classes."""

    source: Callable[[Sequence[Annotated], int], Source]
    """Draws batches from pages, by a seed."""

    predict: Callable[[nn.Module, Floats], Floats]
    """Gives the (K, Y, X) probabilities of all classes for grey values (C, Y, X)."""

    rates: tuple[float, ...]
    """Learning rates to choose from; a single one is taken as it is."""

    loss: Callable[[Tensor, Tensor], Tensor] = cross_entropy
    optimiser: Callable[[nn.Module, float], Optimizer] = adam
    schedule: Literal["constant", "cosine", "polynomial"] = "cosine"
    largest_gradient: float = 0.0
    """Gradients longer than this are shortened to it; 0 leaves them."""

    other_route: Callable[[nn.Module, Floats], dict[str, float]] | None = None
    """Times another way to predict a page, where there is one."""
