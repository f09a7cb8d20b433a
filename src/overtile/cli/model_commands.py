"""The commands about a run, a model or results that are there, and the demo, which needs none."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from overtile.cli.app import Axes, Device, Json, Start, app
from overtile.cli.output import emit, table


@app.command("report")
def report_command(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A run folder.")],
    json_target: Json = None,
) -> None:
    """Write the page that tells a run, also of one that was stopped."""
    from overtile.workflows.report import report_run

    page = report_run(run)
    emit([f"report  {page}"], {"report": str(page)}, json_target)


@app.command("info")
def info_command(
    model: Annotated[
        Path, typer.Argument(metavar="MODEL", help="A model, a run folder, or one of results.")
    ],
    verify: Annotated[
        bool, typer.Option("--verify", help="Rerun its self-test, or compare all results.")
    ] = False,
    sha256: Annotated[
        str | None, typer.Option("--sha256", metavar="HEX", help="Refuse any other file.")
    ] = None,
    json_target: Json = None,
) -> int:
    """Tell what a model was trained on, for and with, and whether it is what it should be."""
    from overtile.cli.info_lines import info_lines, results_lines
    from overtile.workflows.info import info
    from overtile.workflows.verify import holds_results, verify_results

    if verify and holds_results(model):
        results = verify_results(model)
        emit(results_lines(results), results.model_dump(mode="json"), json_target)
        return 0 if results.complete else 2
    content = info(model, verify=verify, sha256=sha256)
    emit(info_lines(content), content, json_target)
    return 0


@app.command("reproduce")
def reproduce_command(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="A run folder or model file.")],
    data: Annotated[
        tuple[str, str],
        typer.Option(metavar="IMAGES LABELS", help="The annotated images it was trained on."),
    ],
    start: Start = None,
    json_target: Json = None,
) -> int:
    """Train a model once more from its own record, and compare the weights bit by bit."""
    from overtile.cli.console import ShownProgress
    from overtile.cli.signals import stop_on_signals
    from overtile.workflows.reproduce import ReproduceRequest, reproduce

    images, labels = data
    should_stop = stop_on_signals()
    with ShownProgress() as progress:
        request = ReproduceRequest(model=model, images=images, labels=labels, start=start)
        result = reproduce(request, progress, should_stop)
    facts = [
        ("model", result.model),
        ("trained again", f"{result.steps} steps"),
        ("weights then", result.weights_sha256),
        ("weights now", result.reproduced_sha256),
    ]
    lines = table(facts)
    if result.equal:
        lines.append("reproduced: all weights are equal, bit by bit")
    else:
        lines.append(f"NOT reproduced: weights differ by up to {result.largest_difference:.2g}")
        lines += [f"note: {difference}" for difference in result.differences]
    emit(lines, result.model_dump(mode="json"), json_target)
    return 0 if result.equal else 2


@app.command("suggest")
def suggest_command(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="A run folder or model file.")],
    inputs: Annotated[list[str], typer.Argument(metavar="INPUT...", help="Files or folders.")],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Where the list and the page go.")],
    count: Annotated[int, typer.Option(metavar="N", help="How many regions to suggest.")] = 10,
    side: Annotated[int, typer.Option(metavar="PX", help="Side of a region, about.")] = 256,
    annotated: Annotated[
        list[str] | None,
        typer.Option(metavar="IMAGES", help="Images that are annotated; may be repeated."),
    ] = None,
    axes: Axes = None,
    device: Device = None,
    json_target: Json = None,
) -> int:
    """Choose regions to annotate next: few that stand for all that the images show."""
    from overtile.cli.console import ShownProgress
    from overtile.cli.signals import stop_on_signals
    from overtile.workflows.suggest import SuggestRequest, suggest

    request = SuggestRequest(
        model=model,
        inputs=inputs,
        out=out,
        count=count,
        side_px=side,
        annotated=annotated or (),
        axes=axes,
        device=device or "auto",
    )
    should_stop = stop_on_signals()
    with ShownProgress() as progress:
        result = suggest(request, progress, should_stop)
    lines = table(
        (
            f"{number}. {one.image}",
            f"rows {one.row} to {one.row + one.height}, columns {one.column} to "
            f"{one.column + one.width}: {one.disagreement:.3g} bits",
        )
        for number, one in enumerate(result.suggestions, 1)
    )
    lines += [f"LEFT OUT: {line}" for line in result.failed]
    lines.append(f"page: {result.page}")
    emit(lines, result.model_dump(mode="json"), json_target)
    return 2 if result.failed else 0


@app.command("demo")
def demo_command(
    out: Annotated[Path, typer.Option(metavar="DIR", help="The folder to make.")] = Path("demo"),
    json_target: Json = None,
) -> int:
    """Run everything on images that are generated, and score images never seen."""
    from overtile.cli.console import ShownProgress
    from overtile.cli.signals import stop_on_signals
    from overtile.workflows.demo import GOOD_AVERAGE_PRECISION, demo

    should_stop = stop_on_signals()
    with ShownProgress() as progress:
        result = demo(out, progress, should_stop)
    lines = ["what was run:", *(f"  $ {command}" for command in result.commands)]
    lines += table(
        [
            ("report", result.report),
            ("results", result.results),
            ("AP at IoU 0.5", f"{result.average_precision_50:.3f} on fresh images"),
        ]
    )
    good = result.average_precision_50 >= GOOD_AVERAGE_PRECISION
    if not good:
        lines.append(f"FAILED: an AP of {GOOD_AVERAGE_PRECISION} is expected")
    emit(lines, result.model_dump(mode="json"), json_target)
    return 0 if good else 1
