"""Tabulate the errors at each test temperature against the temperatures that were trained on."""

from rungs.workflow.jobs import job

with job(snakemake.log[0]) as say:
    from rungs.config.pools import Pool
    from rungs.evaluation.temperatures import TEMPERATURE_COLUMNS, temperature_transfer
    from rungs.files import write_rows
    from rungs.frames.columns import read_groups, read_temperatures
    from rungs.splits.files import frame_ids, read_split
    from rungs.splits.pools import pool_members

    given, params = snakemake.input, snakemake.params
    split = read_split(given.split)
    train = frame_ids(split, "target", "train")
    temperatures, groups = read_temperatures(given.frames), read_groups(given.frames)
    members = {None: train}
    for name, values in params.pools.items():
        pool = Pool.model_validate(values)
        members[name] = pool_members(name, pool, train, temperatures, groups)
    rows = temperature_transfer(
        dict(zip(map(tuple, params.points), given.errors, strict=True)),
        frame_ids(split, "target", "test"),
        temperatures,
        {method: (pool, members[pool]) for method, pool in params.pool_of.items()},
    )
    write_rows(snakemake.output[0], TEMPERATURE_COLUMNS, rows)
    tested = sorted({row["test_temperature_k"] for row in rows})
    say(f"errors at {', '.join(f'{t:g}' for t in tested) or 'no temperatures'} K")
