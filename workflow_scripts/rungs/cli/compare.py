"""``rungs compare``: whether two finished studies have the same numbers."""

from pathlib import Path

import click

_SHOWN = 20


@click.command(epilog="Exit status: 0 the same numbers, 1 different ones, 2 cannot be compared.")
@click.argument("first", type=click.Path(path_type=Path))
@click.argument("second", type=click.Path(path_type=Path))
@click.option("--all", "show_all", is_flag=True, help=f"Every difference, not the first {_SHOWN}.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def compare(first: Path, second: Path, show_all: bool, as_json: bool) -> int:
    """Compare the studies FIRST and SECOND, number by number.

    Both are results/NAME, finished. Says what differs in configuration, versions, trainings and
    tables, and by how much. Times, dates, memory and machines are no results: they decide nothing.
    """
    import sys

    from rungs.records.comparison.studies import compare_studies, in_words

    found = compare_studies(first, second)
    if as_json:
        import json
        from dataclasses import asdict

        facts = {"same_numbers": found.same_numbers, **asdict(found)}
        click.echo(json.dumps(facts, indent=2, ensure_ascii=False))
    else:
        limit = sys.maxsize if show_all else _SHOWN
        click.echo("\n".join(in_words(found, first, second, limit)))
    return 0 if found.same_numbers else 1
