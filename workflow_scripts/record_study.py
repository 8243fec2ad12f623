"""Write the study's configuration with all defaults filled in."""

from rungs.workflow.jobs import job

with job(snakemake.log[0]):
    import yaml

    from rungs.files import write_text

    text = yaml.safe_dump(snakemake.params.study, sort_keys=False, allow_unicode=True)
    write_text(snakemake.output[0], text)
