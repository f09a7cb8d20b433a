"""The command line as an object, and the options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from overtile.choices import LabelKind

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="U-Net segmentation for biomedical images from a handful of annotated examples.",
)

Images = Annotated[str, typer.Argument(metavar="IMAGES", help="A folder, a file or a pattern.")]
LabelFiles = Annotated[
    str, typer.Argument(metavar="LABELS", help="Their labels: a folder, a file or a pattern.")
]
Axes = Annotated[
    str | None,
    typer.Option(metavar="A", help="Axes of the image files, such as ZYX or YXC."),
]
Kind = Annotated[LabelKind | None, typer.Option("--labels", help="What the label values mean.")]
Ignore = Annotated[
    int | None,
    typer.Option(metavar="V", min=0, help="Label value of pixels that nobody can tell."),
]
Sparse = Annotated[
    bool, typer.Option("--sparse", help="Labels are strokes: 0 unlabelled, 1 background, 2… what.")
]
Start = Annotated[
    Path | None,
    typer.Option("--from", metavar="MODEL", help="A model whose weights training starts from."),
]
Json = Annotated[
    str | None, typer.Option("--json", metavar="FILE", help="The result as JSON; - for stdout.")
]
Device = Annotated[str | None, typer.Option(metavar="D", help="auto, cpu or cuda[:N].")]
