"""``rungs reference``: the pages of reference."""

from rungs.cli.main import main, rungs
from rungs.config.reference import reference_text


def test_the_page_of_the_command_is_up_to_date(repository, capsys):
    """`make schema` writes it anew."""
    assert main(["reference", "command"]) == 0
    printed = capsys.readouterr().out
    assert (repository / "docs/command.md").read_text(encoding="utf-8") == printed


def test_every_command_and_option_has_its_place(capsys):
    main(["reference", "command"])
    page = capsys.readouterr().out
    for name, command in rungs.commands.items():
        section = page.partition(f"\n## `rungs {name}`\n")[2].partition("\n## ")[0]
        for option in command.params:
            assert option.opts[0] in section or option.human_readable_name in section


def test_the_page_of_the_configuration_goes_where_it_is_wanted(tmp_path):
    assert main(["reference", "configuration", "--output", str(tmp_path / "page.md")]) == 0
    assert (tmp_path / "page.md").read_text(encoding="utf-8") == reference_text()
