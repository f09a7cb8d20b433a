"""Words that a user chooses between, said once; light enough for the command line's help."""

from __future__ import annotations

from typing import Literal, TypeAlias

LabelKind: TypeAlias = Literal["instances", "binary", "classes"]
"""What label values mean: ids of objects, foreground or not, or class indices."""

Precision: TypeAlias = Literal["fp32", "bf16"]
"""Arithmetic of the network, in training and after."""

InferencePrecision: TypeAlias = Precision | Literal["int8"]
"""Arithmetic of a trained network."""

Task: TypeAlias = Literal["isbi2012", "instances", "classes"]
"""What is scored: foreground probabilities, objects, or classes."""

TestTimeAugmentation: TypeAlias = Literal["none", "rotations7", "flips8"]
"""Versions of an image whose predictions are averaged."""
