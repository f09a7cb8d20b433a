"""Info: what a model says about itself, and whether it is what it should be."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from overtile.model.file import (
    demand_digest,
    load_model,
    model_path,
    verify_model,
    weights_digest,
)


def info(model: Path, *, verify: bool = False, sha256: str | None = None) -> dict[str, Any]:
    """Read what a model file says; a file that is damaged says nothing.

    Parameters
    ----------
    model : path
        A model file, or a run folder.
    verify : bool
        Whether the network must also answer its self-test.
    sha256 : str, optional
        Of the file that is meant; any other is refused unread.

    Returns
    -------
    content : dict
        The record and the digest of the weights, and what was verified; JSON values.

    Raises
    ------
    ModelError
        If it is not a model of overtile, not the one that is meant, or not as it was saved.
    """
    path = model_path(model)
    if sha256 is not None:
        demand_digest(path, sha256)
    network, record = load_model(path)
    content = {
        "path": str(path),
        **record.model_dump(mode="json"),
        "weights_sha256": weights_digest(network),
    }
    if verify:
        content["verified"] = verify_model(path).model_dump(mode="json")
    return content
