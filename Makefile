# Every target sets itself up, under .cache/, on a Debian 12 with root; Python 3.11 and make are all it needs.
PYTHON = $(shell .ci/python)

.PHONY: test lint simulate demo demo-docker bench clean

test: ## everything that CI runs
	$(PYTHON) .ci/test.py

lint: ## formatting, lint, types and import contracts alone
	$(PYTHON) .ci/test.py lint types public-types imports

simulate: ## the simulator with 10,000 seeds a scenario
	MOPS_SIM_SEEDS=10000 $(PYTHON) .ci/test.py simulation

demo: ## a pipeline: run it twice, edit a stage, run it again
	$(PYTHON) .ci/demo.py

demo-docker: ## the README's example in containers of a Docker engine, which it starts
	$(PYTHON) .ci/demo_docker.py

bench: ## the budgets, beside the peers, in one run
	$(PYTHON) .ci/bench.py

clean:
	rm -rf .cache build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis .coverage*
