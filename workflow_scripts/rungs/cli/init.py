"""``rungs init``: a study that runs, from what a person has."""

from pathlib import Path

import click

from rungs.errors import StudyError


@click.command(epilog="Exit status: 0 written, 2 nothing to make a study of, or a file in the way.")
@click.argument("source")
@click.argument("target")
@click.option(
    "--output", type=click.Path(path_type=Path), metavar="FILE", help="[default: NAME.yaml]"
)
@click.option("--name", metavar="NAME", help="Of the study.  [default: from what is found]")
def init(source: str, target: str, output: Path | None, name: str | None) -> None:
    """Propose a study from SOURCE to TARGET.

    Both are files or folders with frames: extended XYZ, ASE databases and trajectories, JSON of the
    Materials Project or of MatPES, Parquet, or folders of VASP runs; SOURCE may be a published
    model instead, `0.3.0`, `0.2.0` or `r2scan`. What they hold is found out and printed: keys,
    units, signs, materials, elements, divisions. The study's YAML is commented and runs as it is;
    what was guessed is marked with `check:`. Nothing is overwritten, and no data are changed.
    """
    if name is not None:
        _see_name(name)
    output = Path(f"{name}.yaml") if output is None and name is not None else output
    if output is not None:
        _see_free(output)
    from rungs.files import write_text
    from rungs.preflight.init import propose

    place = output.resolve().parent if output is not None else Path.cwd()
    proposed = propose(source, target, name, str(place / "{name}_parts.csv"))
    output = output or Path(f"{proposed.name}.yaml")
    parts = place / f"{proposed.name}_parts.csv"
    _see_free(output)
    if proposed.parts is not None:
        _see_free(parts)
        write_text(parts, proposed.parts)
    write_text(output, proposed.text)
    click.echo("\n".join(proposed.lines))
    click.echo(f"\nwritten: {output}")
    click.echo(f"next:    rungs check {output}, then make study CONFIG={output}")


def _see_name(name: str) -> None:
    import re

    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}", name):
        raise StudyError(
            f"--name {name!r}: names of studies have letters, digits, '_' and '-' only, a hundred "
            "at most"
        )


def _see_free(path: Path) -> None:
    """See that nothing would be overwritten."""
    if not path.parent.is_dir():
        raise StudyError(f"{path}: there is no folder {path.parent}; make it, or name another file")
    if path.exists():
        number = next(n for n in range(2, 1000) if not path.with_stem(f"{path.stem}_{n}").exists())
        raise StudyError(
            f"{path}: is there already and stays as it is; write the proposal elsewhere, with "
            f"--output {path.with_stem(f'{path.stem}_{number}')}"
        )
