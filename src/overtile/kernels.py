"""Loops as machine code, kept on the disk for the next call where there is a place for it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any, Literal

from numba import njit
from numba.core.caching import FunctionCache


def kernel(
    function: Callable[..., Any],
    *,
    inline: Literal["never", "always"] = "never",
    fused: bool = False,
) -> Callable[..., Any]:
    """Compile `function` at its first call; it releases the interpreter lock.

    Compiled code is kept beside the source or in the user's cache. Where neither can be written to,
    it is compiled by every process.

    Parameters
    ----------
    function : callable
        Of numbers and arrays, in the part of Python that numba knows.
    inline : str, optional
        ``always`` to compile it into its callers.
    fused : bool
        Let a product and the sum that it goes into be rounded once, which is faster and no less
        exact, but not the same on every processor.

    Returns
    -------
    compiled : callable
        Gives what `function` gives.
    """
    fastmath = {"contract"} if fused else False
    compiled = njit(nogil=True, inline=inline, fastmath=fastmath)(function)
    with suppress(RuntimeError):  # There is no place for it.
        compiled._cache = _Cache(function)  # type: ignore[attr-defined, no-untyped-call]
    return compiled


class _Cache(FunctionCache):
    """A cache that fails nothing: the disk may be full, or a file cut short by a power loss."""

    def load_overload(self, *arguments: object) -> object:
        """Give compiled code, or None."""
        with suppress(Exception):
            return super().load_overload(*arguments)  # type: ignore[no-untyped-call]
        return None

    def save_overload(self, *arguments: object) -> None:
        """Keep compiled code, if it can be kept."""
        with suppress(Exception):
            super().save_overload(*arguments)  # type: ignore[no-untyped-call]
