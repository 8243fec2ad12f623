"""Write every table of the report as a page to look at."""

from rungs.workflow.jobs import job

with job(snakemake.log[0]) as say:
    from rungs.figures.table_pages import write_pages

    titles = snakemake.params.titles
    tables = {name: snakemake.input[name] for name in titles}
    pages = {name: snakemake.output[name] for name in titles}
    say(write_pages(tables, pages, titles))
