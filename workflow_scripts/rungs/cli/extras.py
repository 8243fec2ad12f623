"""``rungs extras``: which optional packages a study needs."""

import click


@click.command()
@click.argument("files", type=click.Path(), nargs=-1, required=True, metavar="FILE...")
def extras(files: tuple[str, ...]) -> None:
    """Name the optional packages that a study needs.

    Printed are extras of this project, one a line, to be installed by name: `make setup EXTRAS=…`
    or `pip install -c constraints.txt -e '.[…]'`. Of several files the later ones win, as for
    Snakemake. `make study` asks this by itself.
    """
    from rungs.config import read_study
    from rungs.config.extras import extras_of

    for extra in extras_of(read_study(*files)):
        click.echo(extra)
