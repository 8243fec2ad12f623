"""The command ``rungs`` and its subcommands."""

import os
import sys
from collections.abc import Sequence

import click

from rungs import __version__
from rungs.cli.check import check
from rungs.cli.compare import compare
from rungs.cli.extras import extras
from rungs.cli.gather import gather
from rungs.cli.init import init
from rungs.cli.plan import plan
from rungs.cli.reference import reference
from rungs.cli.schema import schema
from rungs.errors import StudyError


@click.group(
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="`rungs COMMAND --help` explains a command.",
)
@click.version_option(__version__, prog_name="rungs")
def rungs() -> None:
    """Scaling-law studies of transfer learning in interatomic potentials.

    A study is a source level (cheap, many frames), a target level (expensive, few frames), methods
    of transfer, subset sizes and seeds, all in one YAML file. Running it trains every method at
    every size and answers how much the target's frames improve the model, how it should be
    transferred, how many calculations the pretraining saves and what more of them would buy.

    \b
    Make one     rungs init SOURCE TARGET               a study from files, then rungs check
    Run one      make study                             the default study, config.yaml
                 make study CONFIG=config/si_to_ge.yaml another one
                 snakemake --cores 2                    the same by Snakemake itself
    Look at it   results/NAME/report.html               the answer, figures, tables
    Go on        docs/                                  first study, your own data, clusters

    `init` makes the file of a study from data, `check` looks at one before it runs; `plan`,
    `compare` and `gather` read studies that have run, results/NAME.
    """


rungs.add_command(init)
rungs.add_command(check)
rungs.add_command(plan)
rungs.add_command(compare)
rungs.add_command(gather)
rungs.add_command(schema)
rungs.add_command(extras)
rungs.add_command(reference)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status, 2 after one sentence on what is wrong."""
    try:
        status = rungs.main(
            None if arguments is None else [str(x) for x in arguments],
            prog_name="rungs",
            standalone_mode=False,
        )
        sys.stdout.flush()
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except click.Abort:
        return 130
    except StudyError as error:
        click.echo(f"error: {error}", err=True)
        return 2
    except BrokenPipeError:
        # The reader, `head` or a pager, has had enough; nothing more is to be flushed at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return status or 0
