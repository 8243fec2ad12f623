"""Break the errors of all runs down by material, by kind of frame and by element."""

from rungs.workflow.jobs import job

with job(snakemake.log[0]) as say:
    from rungs.evaluation.breakdown import (
        ELEMENT_MEAN_COLUMNS,
        GROUP_COLUMNS,
        WORST_COLUMNS,
        break_down,
        element_means,
    )
    from rungs.evaluation.frame_facts import describe_test_frames, write_test_frames
    from rungs.evaluation.tables import read_rows
    from rungs.files import write_rows
    from rungs.frames.columns import read_groups
    from rungs.graphs.store import GraphStore
    from rungs.references.fit import read_reference
    from rungs.splits.files import frame_ids, read_split

    given, output = snakemake.input, snakemake.output
    split = read_split(given.split)
    table = describe_test_frames(
        GraphStore.open(given.graphs),
        frame_ids(split, "target", "test"),
        {row.frame_id: row.material_id for row in split if row.level == "target"},
        read_groups(given.frames),
        read_reference(given.reference).energies,
    )
    write_test_frames(output.test_frames, table)
    points = [tuple(point) for point in snakemake.params.points]
    files = dict(zip(points, given.errors, strict=True))
    found = break_down(files, table, output.materials)
    write_rows(output.groups, GROUP_COLUMNS, found.groups)
    write_rows(output.worst, WORST_COLUMNS, found.worst)
    rows = [row for path in given.elements for row in read_rows(path)]
    write_rows(output.elements, ELEMENT_MEAN_COLUMNS, element_means(rows))
    say(f"errors of {found.n_runs} runs on {len(table)} test frames broken down")
