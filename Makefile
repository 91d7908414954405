# make setup   build .venv (quick when nothing changed)
# make run     score the sample calls into out/
# make test    lint, types, structure, tests on the built wheel (what .ci/run calls)
# make bench   speed and memory beside rivals, into tests/benchmarks/*.md
# make audit   known weaknesses of the pinned packages
.PHONY: setup run test check bench audit clean

PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.made-from

# torch must stand in the same command as the rest, or another package's range picks a CUDA build.
setup: $(STAMP)
$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; name one with: make PYTHON=python3.11"; exit 1; }
	$(PYTHON) -m venv --clear .venv
	$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'
	$(BIN)/python -m pip install --quiet -c constraints.txt torch==2.13.0 -e '.[weights,openai-whisper,service]' --group dev
	@touch $(STAMP)

run: setup
	$(BIN)/sentiment score sentiment/samples sentiment/samples/chat.jsonl --out out --format json,html,vtt

check: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

# The tests run on the built wheel, unpacked: what is not in it is missed here, not at a user's.
test: check
	rm -rf build && $(BIN)/pip wheel --quiet --no-deps --no-build-isolation -w build .
	$(BIN)/python -m zipfile -e build/*.whl build/wheel
	OMP_NUM_THREADS=1 PYTHONPATH=build/wheel $(BIN)/pytest -n 2 --dist loadfile
	OMP_NUM_THREADS=1 PYTHONPATH=$(CURDIR)/build/wheel $(BIN)/pytest --nbmake --nbmake-timeout=600 -W default -n 2 notebooks

bench: setup
	$(BIN)/python -m tests.benchmarks
	$(BIN)/python -m tests.benchmarks.bench_metrics
	$(BIN)/python -m tests.benchmarks.bench_intervals
	PYTHONPATH=.:models $(BIN)/python -m tests.benchmarks.bench_store
	PYTHONPATH=.:models $(BIN)/python -m tests.benchmarks.bench_service
	PYTHONPATH=.:tests $(BIN)/python -m tests.benchmarks.bench_ingest

audit: setup
	$(BIN)/pip-audit --progress-spinner off --no-deps --disable-pip -r constraints.txt

clean:
	rm -rf .venv out dist build
