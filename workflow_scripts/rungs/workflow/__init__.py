"""What a job needs to live under Snakemake, and beside other jobs.

Nothing here knows of frames or networks, and nothing here imports Snakemake.
"""
