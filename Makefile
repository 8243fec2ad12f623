# Rungs: set up, run a study, run the tests. `make help` lists the targets.

PYTHON ?= python3
CORES ?= all
CONFIG ?= config.yaml
ARGS ?=
EXTRAS ?=
TORCH_INDEX ?=

VENV := .venv
# One file for each group of packages, made when its installation has ended well.
READY := $(VENV)/.ready-study
READY_TEST := $(VENV)/.ready-test
KNOWN_EXTRAS := $(shell sed -n '/^\[project.optional-dep/,/^\[/s/^\([a-z0-9-]*\) = .*/\1/p' pyproject.toml)
PIP_INSTALL := $(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt
STUDY := $(shell sed -n 's/^study: *\([A-Za-z0-9_-]*\).*/\1/p' $(CONFIG))
# Inside the environment, so that `python` and `snakemake` are its own in every job.
RUN := PATH="$(CURDIR)/$(VENV)/bin:$$PATH" VIRTUAL_ENV="$(CURDIR)/$(VENV)"

ifneq ($(filter-out $(KNOWN_EXTRAS),$(EXTRAS)),)
$(error EXTRAS has $(filter-out $(KNOWN_EXTRAS),$(EXTRAS)), which pyproject.toml lacks; it has $(KNOWN_EXTRAS))
endif

.DEFAULT_GOAL := help
# One pip at a time.
.NOTPARALLEL:
.PHONY: help setup study report estimate dry-run test test-slow test-cluster lint format schema docs benchmark benchmark-data benchmark-analysis benchmark-dry-run clean

help: ## List the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1|\2/p' Makefile | while IFS='|' read -r name text; do \
	  printf '  make %-18s %s\n' "$$name" "$$text"; done
	@echo
	@echo '  CONFIG=config/si_to_ge.yaml picks another study, CORES=4 the number of cores,'
	@echo '  ARGS="--config data_folder=DIR" passes anything else to Snakemake.'
	@echo '  EXTRAS="slurm s3" installs these too; there are: $(KNOWN_EXTRAS).'

# The configuration is asked what it needs. Under `make -n` there may be nothing installed to ask with.
setup: $(READY) $(EXTRAS:%=$(VENV)/.ready-%) ## Create .venv with what the study in CONFIG needs, and EXTRAS
	@test ! -x $(VENV)/bin/rungs || { needed="$$($(RUN) rungs extras $(CONFIG))" || exit; test -z "$$needed" || \
	  $(MAKE) --no-print-directory --silent $$(printf '$(VENV)/.ready-%s ' $$needed); }

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or later is needed; $(PYTHON) is $$($(PYTHON) --version 2>&1). Try: make $(MAKECMDGOALS) PYTHON=python3.12"; exit 1; }
	@echo 'Installing what a study needs into $(VENV): a few minutes, once'
	@$(PYTHON) -m venv $(VENV)
	@$(if $(TORCH_INDEX),$(PIP_INSTALL) --no-deps --index-url $(TORCH_INDEX) torch)
	@$(PIP_INSTALL) --editable .
	@touch $@

$(KNOWN_EXTRAS:%=$(VENV)/.ready-%): $(VENV)/.ready-%: $(READY)
	@echo 'Installing the extra $* into $(VENV)'
	@$(PIP_INSTALL) --editable '.[$*]'
	@touch $@

study: setup ## Run the study in CONFIG and write its HTML report
	$(if $(ARGS),,$(RUN) rungs check --configuration $(CONFIG))
	$(RUN) snakemake --cores $(CORES) --configfile $(CONFIG) $(ARGS)
	@$(MAKE) --no-print-directory report

report: $(READY) ## Write the HTML report of a study that has run
	$(RUN) snakemake --configfile $(CONFIG) $(ARGS) --report results/$(STUDY)/report.html
	@echo "The answer: results/$(STUDY)/report.html, results/$(STUDY)/figures, results/$(STUDY)/learning_curve.csv"

estimate: setup ## Measure briefly, then print what the study in CONFIG will cost
	$(RUN) snakemake estimate --forcerun estimate --cores $(CORES) --configfile $(CONFIG) $(ARGS)

dry-run: setup ## Show what a study would run
	$(RUN) snakemake --dry-run --cores $(CORES) --configfile $(CONFIG) $(ARGS)

test: $(READY_TEST) ## Run the tests, in as many processes as there are cores
	$(RUN) pytest -n auto $(ARGS)

test-slow: $(READY_TEST) ## Run the tests that take minutes
	$(RUN) pytest -m slow $(ARGS)

test-cluster: $(READY_TEST) ## Run studies on a SLURM cluster of one node (Debian, as root)
	$(RUN) pytest -m cluster -n 0 -rs tests/cluster $(ARGS)

lint: $(READY_TEST) ## Check style and the workflow's form
	$(RUN) ruff check .
	$(RUN) ruff format --check .
	$(RUN) snakefmt --check Snakefile rules
	$(RUN) snakemake --lint

format: $(READY_TEST) ## Put code and rules into their form
	$(RUN) ruff format .
	$(RUN) snakefmt Snakefile rules

schema: $(READY) ## Write the schemas and the reference pages from their models
	$(RUN) rungs schema study --output schemas/study.schema.json
	$(RUN) rungs schema summary --output schemas/summary.schema.json
	$(RUN) rungs reference configuration --output docs/configuration.md
	$(RUN) rungs reference command --output docs/command.md

docs: $(VENV)/.ready-docs ## Build the documentation as a site, site/index.html
	$(RUN) NO_MKDOCS_2_WARNING=1 mkdocs build $(ARGS)

benchmark: $(READY) ## Time training and graph construction against chgnet's; docs/benchmark.md
	$(RUN) python benchmarks/engine.py --output docs/benchmark.md $(ARGS)

benchmark-data: $(READY) ## Time the conversion of bulk JSON against its size; docs/bulk_json.md
	$(RUN) python benchmarks/bulk_json.py --output docs/bulk_json.md --figure docs/figures/bulk_json.png $(ARGS)

benchmark-analysis: $(READY) ## Time tables, laws, figures and report of 500 runs; docs/analysis_speed.md
	$(RUN) python benchmarks/analysis.py --output docs/analysis_speed.md $(ARGS)

benchmark-dry-run: $(READY) ## Time a dry run of 2,000 fine-tunings; docs/dry_run.md
	$(RUN) python benchmarks/dry_run.py --output docs/dry_run.md $(ARGS)

clean: ## Remove .venv, site and caches; results stay
	rm -rf $(VENV) site .pytest_cache .ruff_cache .hypothesis *.egg-info workflow_scripts/*.egg-info
