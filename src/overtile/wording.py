"""Numbers and names together, as a person says them."""

from __future__ import annotations


def counted(count: int, what: str) -> str:
    """Say how many there are of something whose name takes an s.

    Examples
    --------
    >>> counted(1, "image"), counted(0, "fault")
    ('1 image', '0 faults')
    """
    return f"{count} {what}" + "s" * (count != 1)
