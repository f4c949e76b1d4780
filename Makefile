# make run: set up and serve the app. make test: set up and run the tests. The rest is listed by `make help`.
PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
PIP := $(PY) install.py
WORKERS ?= 3
ifeq ($(origin HOST),command line)  # some shells and tools set a HOST of their own
HOSTED := --host $(HOST)
endif

.PHONY: help run test check train measure bench golden screenshots data browser clean
.DEFAULT_GOAL := help

help: ## show this list
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed 's/:[^#]*## /\t/'

run: $(VENV)/.run ## set up, then serve the app on http://localhost:8501, for others too with HOST=0.0.0.0
	$(PY) -m app $(HOSTED)

test: $(VENV)/.test browser ## set up, then run all tests
	$(PY) -m pytest -n $(WORKERS) --dist loadscope

check: $(VENV)/.test ## lint, format and types
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy

train: $(VENV)/.run ## train and measure every network that ships (some hours on two cores; needs MNIST and CIFAR-10)
	for name in $$($(PY) -m core list | cut -d ' ' -f 1); do $(PY) -m core train $$name || exit 1; done
	$(MAKE) measure

measure: $(VENV)/.run ## measure all that does not fit the networks, and write the documents (hours; goes on where it was stopped)
	$(PIP) "bm3d>=4,<5"
	$(PY) -m core measure
	$(PY) -m core report

data: $(VENV)/.run ## download MNIST and CIFAR-10
	$(PY) -m core data

bench: $(VENV)/.test browser ## time this house beside its peers
	$(PIP) --no-deps "torchattacks>=3.5,<4" "adversarial-robustness-toolbox>=1.18,<2"
	$(PIP) six setuptools
	$(PIP) "bm3d>=4,<5"
	$(PY) -m benchmarks.fgsm
	$(PY) -m benchmarks.similar
	$(PY) -m benchmarks.denoise
	$(PY) -m benchmarks.photographs
	$(PY) -m benchmarks.pixels
	$(PY) -m benchmarks.dag
	$(PY) -m benchmarks.scrub

golden: $(VENV)/.test ## rewrite the golden scores; read the diff
	$(PY) -m tests.golden

screenshots: $(VENV)/.test browser ## take the pictures README shows, on the built-in sample
	NOISESCOPE_DATA=$$(mktemp -d) SCREENSHOTS=docs/screenshots $(PY) -m pytest tests/test_browser.py

clean: ## remove the virtual environment
	rm -rf $(VENV)

$(VENV)/.made:
	@$(PYTHON) -c 'import sys; sys.exit(None if sys.version_info >= (3, 11) else "Noisescope needs Python 3.11 or later: make PYTHON=python3.11 run")'
	$(PYTHON) -m venv $(VENV)
	touch $@

$(VENV)/.run: requirements.txt constraints.txt | $(VENV)/.made
	$(PIP) -r requirements.txt
	touch $@

$(VENV)/.test: requirements.txt requirements-dev.txt constraints.txt | $(VENV)/.made
	$(PIP) -r requirements-dev.txt
	touch $@ $(VENV)/.run

# A Chromium for the end-to-end tests: one that is there, else apt's, else those tests are skipped by name.
browser:
	@command -v chromium || command -v chromium-browser || command -v google-chrome || { \
	  command -v apt-get >/dev/null && SUDO=$$([ "$$(id -u)" = 0 ] || echo "sudo -n") && \
	  $$SUDO apt-get update -qq && $$SUDO apt-get install -y -qq --no-install-recommends chromium >/dev/null && command -v chromium; } || \
	  echo "No Chromium here and none could be installed: the tests in tests/test_browser.py are skipped."
