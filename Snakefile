# Reads and validates the study, includes the stages, names the targets; nothing else.
#
#   snakemake --cores 2                                          the default study, config.yaml
#   snakemake --cores 2 --configfile config/si_to_ge.yaml        another study
#   snakemake --cores 2 estimate                                 what a study will cost
#   snakemake --cores 2 --report results/default/report.html     its report, once it has run

import os
import re
import sys
from pathlib import Path

from snakemake.utils import min_version

min_version("9.20")

# A study's file stands alone: without this, keys of config.yaml would leak into it.
if not workflow.config_settings.configfiles:

    configfile: "config.yaml"


sys.path.insert(0, str(Path(workflow.basedir) / "workflow_scripts"))
from rungs.config import load_study
from rungs.config.first_look import faults
from rungs.config.reading import read_values
from rungs.errors import StudyError

study_files = map(os.path.relpath, workflow.config_settings.configfiles)
study_file = ", ".join(study_files) or "config.yaml"
try:
    # Snakemake has read them already, and kept the last of keys that stand there twice.
    for file in workflow.config_settings.configfiles:
        read_values(file)
    study = load_study(config, origin=study_file)
    if workflow.is_main_process and (found := faults(study)):
        raise StudyError("\n".join(f"{study_file}: {fault}" for fault in found))
except StudyError as error:
    sys.exit(f"error: {error}")

results = Path("results") / study.study
logs = results / "logs"
benchmarks = results / "benchmarks"


report: "report/workflow.rst"


wildcard_constraints:
    level="source|target",
    method="[A-Za-z0-9][A-Za-z0-9_-]*",
    size=r"\d+",
    seed=r"\d+",
    pretraining="pretrained[A-Za-z0-9_-]*",
    # A suffix: of one of the study's models, or nothing.
    model="(-[A-Za-z0-9_-]+)?",
    sampling="random|element_covering|diverse",
    recipe="[A-Za-z0-9._-]+",
    pool="[A-Za-z0-9][A-Za-z0-9_-]*",


rule all:
    default_target: True
    input:
        results / "study.yaml",
        results / "evaluation.csv",
        results / "learning_curve.csv",
        results / "scaling_laws.csv",
        results / "tables/efficiency.csv",
        results / "tables/law_checks.csv",
        results / "tables/joint_laws.csv" if study.families else [],
        results / "tables/plan.csv",
        results / "summary.json",
        results / "answer.rst",
        results / "tables/table1.csv",
        results / "tables/material_errors.parquet",
        results / "tables/forgetting.csv" if study.judged_on_source else [],
        results / "tables/temperature_transfer.csv" if study.has_temperatures else [],
        results / "tables/sampling.csv" if study.simulated_levels else [],
        collect(
            results / "figures/{figure}.{suffix}",
            figure=[
                "levels",
                "level_shifts",
                "reference_shift",
                "methods",
                "learning_curves",
                "histories",
                "parity",
                "element_errors",
                *(["tuning"] if study.trials else []),
                *(["forgetting"] if study.judged_on_source else []),
                *(["temperature_transfer"] if study.has_temperatures else []),
            ],
            suffix=["png", "pdf", "svg"],
        ),
        lambda wildcards: figures_of_transfer(),
        lambda wildcards: targets_of_models(),
        lambda wildcards: targets_of_strategies(),
        lambda wildcards: targets_of_simulations(),
        lambda wildcards: targets_of_properties(),
        results / "tables/recipes.csv" if study.trials else [],
        results / "tables/costs.csv",
        results / "provenance.json",
        results / "opening.rst",
        lambda wildcards: rules.write_table_pages.output,


include: "rules/job_arrays.smk"
include: "rules/environment.smk"
include: "rules/common.smk"
include: "rules/targets.smk"
include: "rules/storage.smk"
include: "rules/packages.smk"
include: "rules/recovery.smk"
include: "rules/00_download.smk"
include: "rules/01_frames.smk"
include: "rules/02_splits.smk"
include: "rules/03_graphs.smk"
include: "rules/04_references.smk"
include: "rules/05_pretraining.smk"
include: "rules/05_tuning.smk"
include: "rules/06_fine_tuning.smk"
include: "rules/07_evaluation.smk"
include: "rules/08_simulation.smk"
include: "rules/09_properties.smk"
include: "rules/10_scaling_laws.smk"
include: "rules/10_models.smk"
include: "rules/10_strategies.smk"
include: "rules/11_figures_of_levels.smk"
include: "rules/11_figures.smk"
include: "rules/12_report.smk"
include: "rules/estimate.smk"
