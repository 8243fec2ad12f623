"""A whole Snakemake on a disk that is full, fills up, or is read-only."""

TARGET = "results/tiny/frames/source.parquet"


def last_line(text):
    return text.rstrip().splitlines()[-1]


def test_a_disk_that_is_full_or_fills_up_ends_in_a_sentence(
    start, snakemake, tiny_config, small_disk, fill, tmp_path
):
    command = (TARGET, "--cores", "1", "--configfile", tiny_config)
    sentence = (
        f"error: {small_disk}/.snakemake cannot be written: the disk is full; make room, then "
        "give the same command again"
    )
    fill()
    full = snakemake(small_disk, *command, check=False)
    assert full.returncode == 1
    assert last_line(full.stdout) == sentence
    assert "Traceback" not in full.stdout

    (small_disk / "ballast").unlink()
    terminal = tmp_path / "terminal.txt"
    first = start(small_disk, *command, terminal=terminal)
    first.wait_for(terminal, "Execute 1 jobs")
    fill()
    assert first.process.wait(120) == 1
    assert last_line(terminal.read_text()) == sentence
    assert not (small_disk / TARGET).exists()
    assert not list(small_disk.rglob(".partial-*"))

    (small_disk / "ballast").unlink()
    snakemake(small_disk, *command)
    assert (small_disk / TARGET).exists()


def test_a_read_only_disk_ends_in_a_sentence(snakemake, tiny_config, small_disk, remount):
    command = ("results/tiny/study.yaml", "--cores", "1", "--configfile", tiny_config)
    snakemake(small_disk, *command)
    remount(small_disk, "ro")
    for more in ((), ("--dry-run",)):
        done = snakemake(small_disk, *command, *more, check=False)
        assert done.returncode == 1
        assert last_line(done.stdout) == (
            f"error: {small_disk}/.snakemake cannot be written: the file system is read-only; make "
            "it writable, then give the same command again"
        )
        assert "Traceback" not in done.stdout


def test_a_results_folder_elsewhere_counts(snakemake, tiny_config, small_disk, fill, tmp_path):
    """As where results are a link to a scratch disk."""
    work = tmp_path / "work"
    work.mkdir()
    (work / "results").symlink_to(small_disk)
    fill()
    done = snakemake(work, TARGET, "--cores", "1", "--configfile", tiny_config, check=False)
    assert done.returncode == 1
    assert f"error: {work}/results/tiny cannot be written: the disk is full" in done.stdout
