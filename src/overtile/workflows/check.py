"""Check: what is wrong with a training set, before it costs a night."""

from __future__ import annotations

from overtile.choices import LabelKind
from overtile.config import Settings
from overtile.data.check import fault
from overtile.workflows.annotated import Source, missing_classes, read_annotated


class CheckResult(Settings):
    """What was understood and found; serialises to JSON."""

    facts: tuple[tuple[str, str], ...]
    label_kind: LabelKind | None
    faults: tuple[str, ...]
    """Each on one line: file, fault, remedy."""

    notes: tuple[str, ...]
    """Legal, and worth knowing."""


def check(source: Source) -> CheckResult:
    """Read all of a training set and list its faults, all of them.

    Raises
    ------
    ImageError, PairError
        If there is nothing at a place, or images and labels do not pair.
    """
    found = read_annotated(source)
    missing = missing_classes(found, source.labels)
    faults = found.faults + ([fault(missing, source.labels)] if missing else [])
    return CheckResult(
        facts=found.facts,
        label_kind=found.reading.kind if found.reading else None,
        faults=tuple(map(str, faults)),
        notes=tuple(str(finding) for finding in found.findings if finding.level == "note"),
    )
