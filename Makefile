# make setup   build .venv (quick when nothing changed)
# make run     score the sample calls into out/
# make test    lint, types, structure, tests (what .ci/run calls)
# make bench   speed and memory beside rivals, into tests/benchmarks/RESULTS.md
.PHONY: setup run test check bench clean

PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.made-from

# torch must stand in the same command as the rest, or another package's range picks a CUDA build.
setup: $(STAMP)
$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; name one with: make PYTHON=python3.11"; exit 1; }
	$(PYTHON) -m venv --clear .venv
	$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'
	$(BIN)/python -m pip install --quiet -c constraints.txt torch==2.13.0 -e '.[weights,openai-whisper]' --group dev
	@touch $(STAMP)

run: setup
	$(BIN)/sentiment score sentiment/samples --out out --format json,html,vtt

check: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

test: check
	OMP_NUM_THREADS=1 $(BIN)/pytest -q

bench: setup
	$(BIN)/python -m tests.benchmarks

clean:
	rm -rf .venv out dist build
