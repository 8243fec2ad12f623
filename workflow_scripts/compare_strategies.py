"""Compare ways of using both levels with plain fine-tuning on the same frames."""

from rungs.workflow.jobs import job

with job(snakemake.log[0]) as say:
    import functools

    import pandas as pd

    from rungs.evaluation.chemistry import Chemistry
    from rungs.evaluation.tables import read_rows
    from rungs.graphs.store import GraphStore
    from rungs.records.summary import read_table
    from rungs.scaling.answers.efficiency import EfficiencyRow
    from rungs.scaling.answers.strategies import (
        strategy_rows,
        strategy_sentences,
        write_strategies,
    )
    from rungs.seeds import derive_seed
    from rungs.splits.files import read_order, read_split
    from rungs.splits.subsets import take

    given, params = snakemake.input, snakemake.params
    chemistry = Chemistry(
        GraphStore.open(given.graphs),
        {
            row.frame_id: row.material_id
            for row in read_split(given.split)
            if (row.level, row.part) == ("target", "test")
        },
    )
    orders = dict(zip(params.seeds, map(read_order, given.orders), strict=True))

    @functools.cache
    def of_subset(size: int, seed: int) -> frozenset[str]:
        return chemistry.lacking(take(orders[seed], size))

    rows = strategy_rows(
        pd.read_parquet(given.materials),
        params.methods,
        params.plain,
        lacking=of_subset,
        forgetting=read_rows(given.forgetting, may_be_empty=True) if given.forgetting else (),
        efficiency=read_table(given.efficiency, EfficiencyRow),
        seed=derive_seed(params.seed, "bootstrap"),
    )
    write_strategies(snakemake.output[0], rows)
    for sentence in strategy_sentences(rows, source=params.source, target=params.target):
        say(sentence)
