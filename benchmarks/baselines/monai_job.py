"""Trains and predicts with MONAI; runs in the environment of peer_environment.py."""

from __future__ import annotations

import argparse
from pathlib import Path

from assignment import Assignment, fulfil
from monai_method import monai_unet


def main() -> None:
    """Train and predict; scoring is left to the caller."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("data", type=Path)
    parser.add_argument("--minutes", type=float, required=True)
    parser.add_argument("--seed", type=int, required=True)
    given = parser.parse_args()
    fulfil(
        monai_unet(),
        Assignment(folder=given.folder, data=given.data, minutes=given.minutes, seed=given.seed),
    )


if __name__ == "__main__":
    main()
