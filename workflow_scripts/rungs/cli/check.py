"""``rungs check``: all that can be known of a study before any training."""

import sys
from pathlib import Path

import click


@click.command(
    epilog="Exit status: 0 nothing stops the study, 1 something does (a cross), 2 no study."
)
@click.argument("study", type=click.Path(path_type=Path), metavar="STUDY")
@click.option(
    "--configuration", "light", is_flag=True, help="Configuration, packages and files only."
)
@click.option("--data-folder", metavar="DIR", help="In place of the study's data_folder.")
def check(study: Path, light: bool, data_folder: str | None) -> int:
    """Check the study in the file STUDY before any training.

    Printed are configuration, packages, files, frames and what the screening sets aside, labels and
    whether they belong together, materials, split and sizes, leaks, elements, references, and what
    the study will cost. Data are read as the study reads them; nothing is written, and no network
    is trained.
    """
    from rungs.preflight.marks import Marks

    marks = Marks(click.echo, sys.stdout.encoding or "ascii")
    overriding = {} if data_folder is None else {"data_folder": data_folder}
    if light:
        from rungs.preflight.configuration import check_configuration

        check_configuration(study, marks, overriding)
    else:
        from rungs.preflight.check import check_study

        check_study(study, marks, overriding)
        marks.say(marks.summary())
    return 1 if marks.has_bad else 0
