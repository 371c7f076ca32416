# Every target sets up .venv first, if it is missing or older than the list of packages.
PYTHON ?= python3
VENV ?= .venv
PACKAGES ?= -r requirements.lock
ARGS ?=
LESSON ?= 00

BIN := $(VENV)/bin
READY := $(VENV)/.installed
SUDO := $(shell [ "$$(id -u)" = 0 ] || echo sudo)
LESSONS := $(patsubst notebooks/src/%.py,notebooks/%.ipynb,$(wildcard notebooks/src/*.py))
SOURCES := $(shell find sslcourse -name '*.py')
NBVAL := OMP_NUM_THREADS=1 PYTHONPATH="$(CURDIR)/tests/offline:$(CURDIR)/tests" \
	$(BIN)/python -m pytest -p nbval_numbers @tests/nbval.args -n 2 --dist loadfile

.PHONY: help lab export test test-notebooks test-portable test-colab test-graders test-newest test-site notebooks image site frames figures \
	weights sweeps bench times walk screenshot address lock chromium clean

help: ## list the targets
	@grep -E '^[a-z-]+:.*## ' Makefile | sed 's/:.*## /\t/' | expand -t 16

lab: $(READY) ## open your own copy of a lesson; make lab LESSON=09 ARGS="--no-browser --port 8890"
	$(BIN)/python -m sslcourse.lessons --open $(LESSON) $(ARGS)

export: $(READY) ## write your copy of a lesson as HTML and PDF, to hand in; make export LESSON=09
	$(BIN)/python -m sslcourse.export $(LESSON)

test: $(READY) chromium ## run all tests: style, package, browser, lessons
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	OMP_NUM_THREADS=1 $(BIN)/pytest tests --ignore=tests/browser -n 2
	$(BIN)/pytest tests/browser
	$(MAKE) test-notebooks

test-notebooks: $(READY) ## run the lessons and compare every number they print
	SSLCOURSE_THREADS=1 $(NBVAL) notebooks/*.ipynb

test-portable: $(READY) ## run the lessons as other processors would: AVX2, two threads, no vector unit
	SSLCOURSE_THREADS=1 ATEN_CPU_CAPABILITY=avx2 ONEDNN_MAX_CPU_ISA=AVX2 $(NBVAL) notebooks/*.ipynb
	SSLCOURSE_THREADS=2 ATEN_CPU_CAPABILITY=avx2 ONEDNN_MAX_CPU_ISA=AVX2 $(NBVAL) -n 1 notebooks/*.ipynb
	SSLCOURSE_THREADS=1 ATEN_CPU_CAPABILITY=default $(NBVAL) --nbval-lax notebooks/*.ipynb

test-colab: PYTHON := python3.13
test-colab: ## run the lessons with the versions of Colab and Kaggle
	$(MAKE) test-notebooks VENV=.venv-colab PACKAGES="-r tests/colab.txt" PYTHON=$(PYTHON)

test-graders: ## mark a lesson with nbgrader and with otter-grader, in an environment of their own
	$(MAKE) .venv-graders/.installed VENV=.venv-graders PACKAGES="-r requirements.lock nbgrader otter-grader"
	.venv-graders/bin/pytest tests/graders tests/test_graders.py

test-newest: ## run all tests with the newest version of every package
	$(MAKE) test VENV=.venv-newest PACKAGES="--upgrade -e .[lab,dev,site]"

image: ## build the container, which must stay below 2.5 GB, and run all tests in it
	docker build -t sslcourse .
	test $$(docker image inspect --format '{{.Size}}' sslcourse) -lt 2500000000
	docker run --rm --shm-size=1g sslcourse make test

notebooks: $(LESSONS) ## rebuild the notebooks whose source, or the package, has changed

notebooks/%.ipynb: notebooks/src/%.py $(SOURCES) tools/build_notebooks.py | $(READY)
	$(BIN)/python tools/build_notebooks.py $<

site: $(READY) ## build the website into build/site; its sliders move for lessons that are recorded
	$(BIN)/python tools/build_site.py $(ARGS)

frames: $(READY) ## run every lesson that has changed and record its sliders and trainings for the website
	SSLCOURSE_THREADS=1 $(BIN)/python tools/record_lessons.py $(ARGS)

figures: $(READY) ## write all pictures of the lessons into build/figures, with a sheet and slides for lectures
	$(BIN)/python tools/figures.py $(ARGS)

test-site: $(READY) chromium ## test every page of build/site: links, requests, sizes, axe
	SITE=build/site $(BIN)/pytest tests/browser/test_site.py

weights: $(READY) ## pretrain the encoders that the package carries, up to 20 minutes each
	$(BIN)/python tools/weights.py $(ARGS)

SWEEPS := sweep label_curves clip_curves minute mae_curves mae_ratio beit_curves agreement_curves without_negatives \
	self_distillation latent_space left_out attention image_text speech_curves compare_methods curation

sweeps: $(READY) ## train again what the lessons compare but have no time for, some hours
	set -e; for tool in $(SWEEPS); do $(BIN)/python tools/$$tool.py; done

address: ## put badges for Colab and Binder into README.md; make address ARGS=https://github.com/OWNER/NAME
	$(PYTHON) tools/address.py $(ARGS)

bench: $(READY) ## measure against other libraries
	$(BIN)/python -m benchmarks $(ARGS)

times: $(READY) ## run and time every lesson, and rewrite the tables in README.md and docs/teaching.md
	$(BIN)/python tools/lesson_times.py $(ARGS)

walk: $(READY) chromium ## move every control of every lesson in JupyterLab; make walk ARGS="--lessons 09"
	$(BIN)/python tools/walk_lessons.py $(ARGS)

screenshot: $(READY) chromium ## photograph lesson 04 for README.md
	$(BIN)/python tools/screenshot.py

# torch itself asks for the CUDA packages where its build is a CUDA build, so the lock leaves them out.
NVIDIA := cublas cuda-cupti cuda-nvrtc cuda-runtime cudnn-cu13 cufft cufile curand cusolver cusparse \
	cusparselt-cu13 nccl-cu13 nvjitlink nvshmem-cu13 nvtx
CUDA := $(NVIDIA:%=nvidia-%) cuda-bindings cuda-pathfinder cuda-toolkit triton

lock: $(READY) ## remake requirements.lock from pyproject.toml; make lock ARGS=--upgrade
	$(BIN)/python -m pip install --quiet uv
	UV_CUSTOM_COMPILE_COMMAND="make lock" $(BIN)/uv pip compile --quiet --universal --python-version 3.11 \
		--all-extras --no-annotate $(CUDA:%=--no-emit-package=%) $(ARGS) pyproject.toml -o requirements.lock

chromium: ## install the browser of the browser test, if there is none
	@command -v chromium || command -v chromium-browser || command -v google-chrome || { \
		command -v apt-get || { echo "Please install Chromium or Google Chrome: no apt-get here."; exit 1; }; \
		$(SUDO) apt-get update && $(SUDO) apt-get install --yes --no-install-recommends chromium libatomic1; }

clean: ## remove .venv and caches
	rm -rf .venv .venv-* .pytest_cache .ruff_cache *.egg-info
	find . -name __pycache__ -prune -exec rm -rf {} +

$(BIN)/pip:
	@$(PYTHON) -c "import sys; sys.exit(None if sys.version_info >= (3, 11) else \
		'Python 3.11 or newer is needed, this is ' + sys.version.split()[0] + '; try: make PYTHON=python3.12')"
	$(PYTHON) -m venv $(VENV)

# On Linux without an NVIDIA card, PyTorch's own index has a build of 200 MB; otherwise pip takes one of 3 GB.
CPU_BUILDS := https://download.pytorch.org/whl/cpu
$(READY): requirements.lock tests/colab.txt pyproject.toml | $(BIN)/pip
	@if [ "$$(uname)" = Linux ] && ! command -v nvidia-smi && $(BIN)/python -c \
		"import urllib.request; urllib.request.urlopen('$(CPU_BUILDS)/torch/', timeout=5)" 2>&-; \
	then $(BIN)/python -m pip install --extra-index-url $(CPU_BUILDS) $(PACKAGES); \
	else $(BIN)/python -m pip install $(PACKAGES); fi
	$(BIN)/python -m pip install --no-deps --no-build-isolation -e .
	touch $@
