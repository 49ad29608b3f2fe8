# What a person runs: `make chat`. Each target sets up .venv by itself when it must.

PYTHON  ?= python3
VENV    := .venv
# The backend of the last build, until another is asked for.
BACKEND ?= $(or $(word 2,$(subst -, ,$(notdir $(firstword $(wildcard $(VENV)/.engine-*))))),cpu)
BIN     := $(VENV)/bin
RUN     ?= runs/small
DATA    ?= data
PEER    ?= build/llama.cpp
SYNAPSE := matrix-synapse==1.163.2
EMULATE := build/emulate
ROUNDS  ?= 3
LLAMA   := llama-cpp-python==0.3.36

# llama.cpp built for CPUs with AMX crashes at its first decode (ggml-org/llama.cpp#20824), so those
# instructions are left out; AVX-512 and VNNI stay.
ifneq (,$(filter x86_64 amd64,$(shell uname -m)))
NO_AMX := -mno-amx-tile -mno-amx-int8 -mno-amx-bf16
# compilers that do not know the flags do not make the instructions either
NO_AMX := $(shell $(CC) $(NO_AMX) -E -x c /dev/null >/dev/null 2>&1 && echo "$(NO_AMX)")
endif
CMAKE_cpu    :=
CMAKE_cuda   := -DGGML_CUDA=on
CMAKE_metal  := -DGGML_METAL=on
CMAKE_vulkan := -DGGML_VULKAN=on
FLAGS := $(CMAKE_ARGS) $(CMAKE_$(BACKEND)) $(if $(NO_AMX),-DCMAKE_C_FLAGS="$(NO_AMX)" -DCMAKE_CXX_FLAGS="$(NO_AMX)")

ENGINE := $(VENV)/.engine-$(BACKEND)-$(lastword $(subst ==, ,$(LLAMA)))
READY  := $(VENV)/.ready
DEV    := $(VENV)/.ready-dev
TRAIN  := $(VENV)/.ready-train

.NOTPARALLEL:
.PHONY: chat test lint fix bench bench-engine picture train test-faults test-matrix test-emulate test-page test-training clean

chat: $(READY)
	@$(BIN)/kefu chat

test: lint
	@$(BIN)/pytest

lint: $(DEV)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

fix: $(DEV)
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

bench: $(DEV)
	@$(BIN)/python -m tests.bench

# Beside llama-server, which the first run builds (ten minutes): tests/bench/README.md.
bench-engine: $(DEV)
	@tests/bench/build_llama_cpp.sh $(PEER) >&2
	@LLAMA_CPP_LIB_PATH=$(abspath $(PEER)) $(BIN)/python -m tests.bench.bench_conversations --peer $(PEER) --rounds $(ROUNDS)

picture: $(READY)
	@$(BIN)/python -m tui.picture docs/terminal.svg --home "$$(mktemp -d)"

# From the data (see models/training/README.md) to a language model in RUN; started again, it goes on.
train: $(TRAIN)
	@$(BIN)/kefu models train --data $(DATA) --out $(RUN) --name kefu-small

# Ten thousand cancels, damaged files: minutes, so not in `make test`.
test-faults: $(DEV)
	@$(BIN)/pytest tests/faults

# The report's page in a real browser, and axe-core over it.
test-page: $(DEV)
	@$(BIN)/pytest -m page tests/e2e/test_report_page.py

# Beside a real homeserver, in a virtual environment of its own: its dependencies are not ours.
test-matrix: $(DEV) build/synapse/.ready-$(lastword $(subst ==, ,$(SYNAPSE)))
	@$(BIN)/pytest -m synapse tests/e2e/test_matrix.py

# The Slack adapter beside npm's emulate, which runs on Node 22.15 or newer.
test-emulate: $(DEV)
	@node -e 'process.exit(require("module").registerHooks ? 0 : 1)' || modern=node@22.23.3; \
	  npm install --silent --no-fund --no-audit --prefix $(EMULATE) emulate@0.12.2 $$modern >&2
	@KEFU_EMULATE=$(abspath $(EMULATE)) $(BIN)/pytest tests/e2e/test_emulate.py

test-training: $(DEV) $(TRAIN)
	@$(BIN)/pytest tests/training

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "kefu needs Python 3.11 or newer, $(PYTHON) is older; try make PYTHON=python3.12" >&2; exit 1; }
	@echo "setting up $(VENV) (once)" >&2
	@$(PYTHON) -m venv $(VENV) && \
	  $(BIN)/python -m pip install -q --disable-pip-version-check --upgrade pip >&2 || \
	  { rm -rf $(VENV); echo "no virtual environment could be made; is python3-venv installed?" >&2; exit 1; }

# No cache: pip's cache of built wheels does not know with which flags a wheel was built.
$(ENGINE): | $(VENV)/bin/python
	@case "$(BACKEND)" in cpu|cuda|metal|vulkan) ;; \
	  *) echo "BACKEND=$(BACKEND) is none of cpu, cuda, metal, vulkan" >&2; exit 2;; esac
	@echo "building llama.cpp for $(BACKEND) (once; some minutes)" >&2
	@CMAKE_ARGS='$(FLAGS)' $(BIN)/python -m pip install -q --disable-pip-version-check \
	  --no-cache-dir --force-reinstall --no-deps $(LLAMA) >&2
	@rm -f $(VENV)/.engine-*
	@touch $@

build/synapse/.ready-%:
	@echo "setting up Synapse in build/synapse (once)" >&2
	@rm -rf build/synapse && $(PYTHON) -m venv build/synapse
	@build/synapse/bin/python -m pip install -q --disable-pip-version-check $(SYNAPSE) >&2
	@touch $@

$(READY): pyproject.toml constraints.txt | $(ENGINE)
	@$(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt -e . >&2
	@touch $@

$(DEV): pyproject.toml constraints.txt | $(READY)
	@$(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt -e '.[dev]' >&2
	@touch $@

$(TRAIN): pyproject.toml constraints.txt | $(READY)
	@$(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt -e '.[train]' >&2
	@touch $@
