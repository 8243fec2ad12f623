"""``rungs gather``: several finished studies in one table."""

from pathlib import Path

import click


@click.command()
@click.argument(
    "studies", type=click.Path(path_type=Path), nargs=-1, required=True, metavar="STUDY..."
)
@click.option("--csv", "csv", type=click.Path(path_type=Path), help="Write all columns there, too.")
@click.option("--json", "as_json", is_flag=True, help="Full numbers, for programs.")
def gather(studies: tuple[Path, ...], csv: Path | None, as_json: bool) -> None:
    """Put what pretraining is worth in each STUDY into one table.

    A STUDY is results/NAME, finished, or its summary.json. Printed in Markdown, for energy and for
    force: errors from scratch and of the best transfer on the most frames, their ratio at about 10
    and 100 frames, up to how many frames it is below 1 for certain and how many source frames there
    are for each of these, the exponents of the laws, and the frames from scratch that have the
    error of few transferred ones, each with its 90 % interval.
    """
    from rungs.records.gathering import gather as gathered
    from rungs.records.gathering import markdown, read_summary_of, write_gathered

    rows = gathered(map(read_summary_of, studies))
    if csv is not None:
        write_gathered(csv, rows)
    if as_json:
        import json
        from dataclasses import asdict

        click.echo(json.dumps([asdict(row) for row in rows], indent=2, ensure_ascii=False))
    else:
        click.echo(markdown(rows))
