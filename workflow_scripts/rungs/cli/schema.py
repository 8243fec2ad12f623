"""``rungs schema``: the JSON schemas that are generated from typed models."""

import click


@click.command()
@click.argument("of", type=click.Choice(["study", "summary"]))
@click.option("--output", type=click.Path(), metavar="FILE", help="Write it there instead.")
def schema(of: str, output: str | None) -> None:
    """Print the JSON schema of a study or of a summary.

    That is, of a study's configuration or of its summary.json.
    Editors with a YAML language server complete and check keys by the first; the repository has
    both under schemas/.
    """
    if of == "study":
        from rungs.config.schema import schema_text
    else:
        from rungs.records.summary import schema_text
    if output:
        from rungs.files import write_text

        write_text(output, schema_text())
    else:
        click.echo(schema_text(), nl=False)
