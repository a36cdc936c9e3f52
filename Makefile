# Two commands matter: `make demo` shows scorewright at work, `make test` runs everything that must hold.
# Both make their own environment; python3 (3.11 or newer) and make are all they need.

PYTHON ?= python3
FRAMEWORK ?= tensorflow
PYTEST_ARGS ?=

ifeq ($(filter $(FRAMEWORK),tensorflow onnx pytorch),)
$(error FRAMEWORK is tensorflow, onnx or pytorch, not $(FRAMEWORK))
endif

VENV := .venv
DEMO := .venv-demo-$(FRAMEWORK)
BIN := $(VENV)/bin
WHEEL := build/wheel
SOURCES := core plugins templates tests docs

# PyTorch without CUDA: on Linux the ordinary package brings gigabytes of it. pip and not uv, because pip also looks where
# the user's own configuration says; only if the wheel is not found there, PyTorch's own index is asked.
TORCH := torch==2.13.0$(if $(filter Linux,$(shell uname -s)),+cpu)
TORCH_INDEX ?= https://download.pytorch.org/whl/cpu
# $(1), here and below: the environment.
install_torch = $(1)/bin/python -m pip install -q '$(TORCH)' || \
	$(1)/bin/python -m pip install -q --extra-index-url $(TORCH_INDEX) '$(TORCH)'
check_python = @$(PYTHON) -c 'import sys; sys.exit(None if sys.version_info >= (3, 11) else "Python 3.11 or newer is needed")'
uv_install = $(1)/bin/uv pip install -q --compile-bytecode --python $(1)/bin/python

.DEFAULT_GOAL := help
.PHONY: help demo test lint format docs resolve-table bench-serving bench-serving-full bench-soak site unit exhaustive build wheel-test clean clean-all
.DELETE_ON_ERROR:
.NOTPARALLEL:

help: ## List these targets.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' Makefile

demo: $(DEMO)/.ready ## Deploy a model on this machine, score a digit, take it down. FRAMEWORK=tensorflow|onnx|pytorch
	@$(DEMO)/bin/python docs/examples/mnist/demo.py $(FRAMEWORK)

test: lint unit build wheel-test ## Run the whole gate; it stops at the first failure.
	@echo "all of it passed"

lint: $(VENV)/.ready ## Lint, formatting, types, import contracts.
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/.ready ## Format the code.
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

docs: $(VENV)/.ready ## Write the generated pages of docs/ anew.
	$(BIN)/python docs/generate.py
	$(BIN)/python -m scorewright.spec.reference > docs/reference/deploy-yaml.md
	$(BIN)/python -m scorewright.catalogue.reference > docs/reference/catalogue.md
	$(BIN)/python -m scorewright.spec.schema > core/scorewright/spec/deploy.schema.json

resolve-table: $(VENV)/.ready ## Resolve every framework release anew (ten minutes, needs a network).
	$(BIN)/python tests/slow/resolve_table.py docs/reference/resolved.md

bench-serving: $(VENV)/.ready ## Our lanes against the tutorial's recipe, one round (five minutes).
	$(BIN)/python docs/benchmarks/serving --short

bench-serving-full: $(VENV)/.ready ## The same with the peers, three rounds; writes the record (half an hour, needs a network).
	$(BIN)/python docs/benchmarks/serving/install.py
	$(BIN)/python docs/benchmarks/serving --full

bench-soak: $(VENV)/.ready ## The fast lane at saturation for ten minutes, then stopped under load; writes the record.
	$(BIN)/python docs/benchmarks/serving/soak.py

site: $(VENV)/.ready ## Build the documentation's site in build/site.
	$(BIN)/zensical build -f mkdocs.yml

unit: $(VENV)/.ready ## Run the tests. PYTEST_ARGS='tests/core -k plan' narrows.
	$(BIN)/python -m pytest -q $(PYTEST_ARGS)

exhaustive: $(VENV)/.ready ## Interrupt deployments to Azure at every single request, not at a sample (an hour or two).
	SCOREWRIGHT_EXHAUSTIVE=1 $(BIN)/python -m pytest -q tests/plugins/azureml/test_interruptions.py tests/plugins/azureml/test_faults.py \
		tests/plugins/azureml/test_tutorial.py

build: $(VENV)/.ready ## Build wheel and sdist, and check what is in the wheel.
	rm -rf dist
	$(BIN)/uv build -q --no-build-isolation --python $(BIN)/python
	$(BIN)/check-wheel-contents dist/*.whl

# The wheel in an environment of its own. A .pth file shows it the packages of $(VENV), but not the editable install, which
# is itself a .pth file there: Python reads such files only in an environment's own folder.
wheel-test: build ## Install the wheel elsewhere and test it.
	rm -rf $(WHEEL)
	$(BIN)/python -m venv --without-pip $(WHEEL)
	$(BIN)/uv pip install -q --no-deps --python $(WHEEL)/bin/python dist/*.whl
	$(WHEEL)/bin/python -c 'import glob, sysconfig; open(sysconfig.get_path("purelib") + "/packages.pth", "w").write(glob.glob("$(CURDIR)/$(VENV)/lib/python*/site-packages")[0])'
	PATH="$$PATH:$(CURDIR)/$(BIN)" SCOREWRIGHT_TEST_INSTALLED=$(CURDIR)/$(WHEEL) $(WHEEL)/bin/python -m pytest -q tests/core tests/packaging \
		tests/docs/test_examples.py::test_the_examples_of_a_page_run_in_order

clean: ## Delete what was built.
	rm -rf build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find $(SOURCES) -name __pycache__ -type d -prune -exec rm -rf {} +

clean-all: clean ## Delete the environments, too.
	rm -rf .venv .venv-demo-*

$(VENV)/.ready: pyproject.toml
	$(check_python)
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q uv
	$(call install_torch,$(VENV))
	$(call uv_install,$(VENV)) -e '.[local]' --group dev
	@touch $@

$(DEMO)/.ready: pyproject.toml
	$(check_python)
	$(PYTHON) -m venv $(DEMO)
	$(DEMO)/bin/python -m pip install -q uv
	$(if $(filter pytorch,$(FRAMEWORK)),$(call install_torch,$(DEMO)))
	$(call uv_install,$(DEMO)) -e '.[local]' --group serve-$(FRAMEWORK)
	@touch $@
