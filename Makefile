# Two commands: `make certify` (a certificate from the embedded lab) and `make test` (everything that guards this code).
# Each makes its own virtual environment below this folder; nothing outside it is touched.

PYTHON ?= python3
VENV   := .venv
ARGS   ?=

.PHONY: help certify test bench requirements lab clean

help:
	@echo "make certify        run the suites on the embedded lab and write ./seatrial-report (ARGS='--profile smoke' to pass options)"
	@echo "make test           ruff, mypy --strict and the tests"
	@echo "make lab            a KubeVirt cluster to play with, until Ctrl-C"
	@echo "make requirements   the catalogue as a table"
	@echo "make bench          the benchmarks, as ratios and percentiles"
	@echo "make clean          remove what the commands above made"

certify: $(VENV)/.seatrial
	$(VENV)/bin/seatrial certify $(ARGS)

test: $(VENV)/.tox
	$(VENV)/bin/tox run -e check $(if $(ARGS),-- $(ARGS))

bench: $(VENV)/.tox
	$(VENV)/bin/tox run -e bench $(if $(ARGS),-- $(ARGS))

lab requirements: $(VENV)/.seatrial
	$(VENV)/bin/seatrial $@ $(ARGS)

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.seatrial: pyproject.toml | $(VENV)/bin/python
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(VENV)/.tox: pyproject.toml | $(VENV)/bin/python
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check 'tox>=4.23'
	@touch $@

clean:
	rm -rf $(VENV) .tox build dist seatrial-report *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis
