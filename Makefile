# Everything a developer or a newcomer runs. Each target makes its own environment in .venv.
PYTHON ?= python3.11
BIN := .venv/bin

.PHONY: demo test check bench bench-speed bench-quick baselines comparison claims annotation paper reliability sabotage tables docs setup clean

.venv/ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --constraint constraints.txt --editable ".[dev]"
	touch $@

setup: .venv/ready

demo: .venv/ready
	rm -rf demo
	$(BIN)/overtile demo --out demo

# Two workers, each on one thread, so that two cores are enough. One that dies is named and ends the
# run: its tests are not tried again by another.
test: .venv/ready
	OMP_NUM_THREADS=1 $(BIN)/pytest -q -n 2 --dist loadfile --max-worker-restart 0

check: .venv/ready
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python benchmarks/tables --check

# The figures of the documents, on the data sets in the folder named by OVERTILE_DATA. Each says first
# how long it needs, keeps every result as it ends, and goes on where it was stopped.
bench: .venv/ready
	$(BIN)/python benchmarks/accuracy.py isbi2012-auto
	$(BIN)/python benchmarks/accuracy.py dsb2018-auto
	$(BIN)/python benchmarks/accuracy.py t98g-auto
	$(BIN)/python benchmarks/tables

# Speed: both sides of each row in one run; about forty minutes on two quiet cores.
bench-speed: .venv/ready
	$(BIN)/python benchmarks/speed/kernels.py
	$(BIN)/python benchmarks/speed/whole_image.py
	$(BIN)/python benchmarks/speed/tiles.py
	$(BIN)/python benchmarks/speed/training.py
	$(BIN)/python benchmarks/speed/memory.py
	$(BIN)/python benchmarks/speed/huge.py
	$(BIN)/python benchmarks/speed/scaling.py
	$(BIN)/python benchmarks/speed/cold_start.py
	$(MAKE) demo
	$(BIN)/python benchmarks/speed/agreement.py
	$(BIN)/python benchmarks/tables

bench-quick: .venv/ready
	$(BIN)/python benchmarks/speed/quick.py

baselines: .venv/ready
	$(BIN)/python benchmarks/baselines/run.py
	$(BIN)/python benchmarks/tables

# Recipe auto and its peers, for equal time on equal images: about eight hours.
comparison: .venv/ready
	$(BIN)/python benchmarks/comparison/run.py
	$(BIN)/python benchmarks/tables

claims: .venv/ready
	$(BIN)/python benchmarks/claims/run.py
	$(BIN)/python benchmarks/claims/seams.py
	$(BIN)/python benchmarks/tables

# What annotating little is worth: about five hours.
annotation: .venv/ready
	$(BIN)/python benchmarks/annotation/strokes.py --core 0
	$(BIN)/python benchmarks/accuracy.py dsb2018-auto
	$(BIN)/python benchmarks/accuracy.py t98g-auto
	$(BIN)/python benchmarks/annotation/objects.py
	$(BIN)/python benchmarks/annotation/suggestions.py
	$(BIN)/python benchmarks/annotation/going_on.py
	$(BIN)/python benchmarks/tables

paper: .venv/ready
	$(BIN)/python benchmarks/paper.py
	$(BIN)/python benchmarks/tables

# What is promised about kills, full disks, broken files and models of strangers: an hour of trying.
reliability: .venv/ready
	$(BIN)/python benchmarks/reliability/run.py
	$(BIN)/python benchmarks/reliability/checkpoint_cost.py
	$(BIN)/python benchmarks/tables

sabotage: .venv/ready
	$(BIN)/python benchmarks/sabotage/run.py
	$(BIN)/python benchmarks/tables

tables: .venv/ready
	$(BIN)/python benchmarks/tables

docs: .venv/ready
	$(BIN)/python docs/make_reference.py

clean:
	rm -rf .venv demo
