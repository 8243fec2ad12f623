"""``rungs reference``: the pages of reference that are generated from the code."""

import inspect
import re
from collections.abc import Iterator

import click

_HEAD = """\
# The command `rungs`

<!-- Written by `make schema` from the command's own help (rungs.cli); change it there. -->

The installation brings it along; `python -m rungs` is the same. All of this is what `--help`
prints.

"""


@click.command()
@click.argument("of", type=click.Choice(["configuration", "command"]))
@click.option("--output", type=click.Path(), metavar="FILE", help="Write it there instead.")
@click.pass_context
def reference(context: click.Context, of: str, output: str | None) -> None:
    """Print a page of reference, as Markdown.

    Every key of a study's file with its values, its default and its meaning; or every subcommand
    with its options. The documentation has both.
    """
    if of == "configuration":
        from rungs.config.reference import reference_text

        text = reference_text()
    else:
        text = _command_text(context.find_root())
    if output:
        from rungs.files import write_text

        write_text(output, text)
    else:
        click.echo(text, nl=False)


def _command_text(root: click.Context) -> str:
    """The command and each of its subcommands: usage, what it does, options."""
    commands = {name: root.command.get_command(root, name) for name in root.command.commands}
    parts = [_HEAD, *_described(root, "rungs")]
    for name, command in commands.items():
        summary = _code(inspect.cleandoc(command.help).partition("\n")[0], command)
        parts.append(f"- [`rungs {name}`](#rungs-{name}): {summary}\n")
    for name, command in commands.items():
        context = click.Context(command, info_name=name, parent=root)
        parts += [f"\n## `rungs {name}`\n\n", *_described(context, f"rungs {name}")]
    return "".join(parts).rstrip() + "\n"


def _described(context: click.Context, path: str) -> Iterator[str]:
    """Usage, text and options of one command."""
    command = context.command
    yield f"```text\n{path} {' '.join(command.collect_usage_pieces(context))}\n```\n\n"
    for paragraph in inspect.cleandoc(command.help).split("\n\n"):
        if paragraph.startswith("\b"):  # lines that stay as they are
            yield "```text" + paragraph.removeprefix("\b") + "\n```\n\n"
        else:
            yield _code(paragraph, command) + "\n\n"
    for option in command.get_params(context):
        name, text = option.get_help_record(context) or ("", "")
        if text:
            yield f"- `{name}`: {text}\n"
    yield "\n"
    if command.epilog:
        yield command.epilog + "\n\n"


def _code(text: str, command: click.Command) -> str:
    """``text`` with the names of arguments set as code; ``results/NAME`` stands for a study."""
    arguments = [p.human_readable_name for p in command.params if isinstance(p, click.Argument)]
    names = "|".join(["results/NAME", *map(re.escape, arguments)])
    return re.sub(rf"\b({names})\b", r"`\1`", text)
