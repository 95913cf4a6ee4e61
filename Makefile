# Everything that is done with this project, by one short word each: `make help` lists them.
#
# One virtual environment, .venv, serves all. Its state is kept in files inside it, so that nothing is installed twice:
#   whole     no installation was interrupted; without it the environment is begun anew
#   running   it holds what requirements.txt locks
#   uvicorn   it holds what requirements-uvicorn.txt locks, which is a superset
#   testing   it holds what requirements-test.txt locks, which is a superset of both

PYTHON ?=
SYSTEM_PYTHON := /usr/bin/python3
CONFIG :=
SERVER :=
ARGS   :=
TO     :=

VENV := .venv
JS   := node_modules
BIN  := $(VENV)/bin

manage := $(BIN)/python manage.py
with_config = $(if $(CONFIG),--configFilePath '$(CONFIG)')
with_server = $(if $(SERVER),--server '$(SERVER)')

.DEFAULT_GOAL := help
.PHONY: help run dev environment uvicorn test-environment test lint types format lock flat-cost password-lag status-page bench storm peaks faults fuzz mutants answer dial callee chromium faketime nginx jemalloc clean

help: ## list what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: environment ## run the server on port 1066 (CONFIG=path names another configuration than config.yaml)
	@$(manage) migrate --verbosity 0 $(with_config)
	@exec $(manage) serve $(with_config)

dev: environment ## run it for development: it reloads when the code changes, and errors are shown in full
	@$(manage) migrate --verbosity 0 $(with_config)
	@exec $(manage) runserver $(with_config)

test: lint types chromium faketime nginx jemalloc ## check style and types, then run every test (ARGS='-k glare' chooses some of Python's)
	npm test --silent
	$(BIN)/python -m tests $(ARGS)

lint: test-environment ## check style
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: test-environment $(JS)/testing ## check types
	$(BIN)/mypy
	$(JS)/.bin/tsc

format: test-environment ## format the code and mend what can be mended
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lock: test-environment ## lock what requirements*.in ask for, with hashes (ARGS=--upgrade takes newer versions)
	$(BIN)/uv pip compile $(lock_options) requirements.in -o requirements.txt
	$(BIN)/uv pip compile $(lock_options) -c requirements.txt requirements-uvicorn.in -o requirements-uvicorn.txt
	$(BIN)/uv pip compile $(lock_options) -c requirements-uvicorn.txt requirements-test.in -o requirements-test.txt

lock_options := --quiet --universal --python-version 3.11 --generate-hashes --no-header $(ARGS)

flat-cost: environment ## measure whether a relay costs more when more peers are connected (half a minute)
	@DJANGO_SETTINGS_MODULE=roundtable.settings $(BIN)/python -m benchmarks.flat_cost $(ARGS)

password-lag: environment ## measure whether wrong passwords hold up the event loop (20 seconds)
	@DJANGO_SETTINGS_MODULE=roundtable.settings $(BIN)/python -m benchmarks.password_lag $(ARGS)

status-page: environment ## measure whether an operator who looks at 10,000 sessions holds up the event loop (two minutes)
	@DJANGO_SETTINGS_MODULE=roundtable.settings $(BIN)/python -m benchmarks.status_page $(ARGS)
	@$(BIN)/python -m benchmarks.status_tabs $(ARGS)

bench: test-environment $(JS)/testing ## measure what relays, connections and posts cost, compared with PeerJS' server (a quarter of an hour), and renew the figures
	@DJANGO_SETTINGS_MODULE=roundtable.settings $(BIN)/python -m benchmarks.relay $(ARGS)

storm: test-environment $(JS)/testing ## measure what happens when 5,000 clients come back at once (five minutes), and renew the figures
	@DJANGO_SETTINGS_MODULE=roundtable.settings $(BIN)/python -m benchmarks.storm $(ARGS)

peaks: test-environment $(JS)/testing jemalloc ## measure what is left of the memory of 5,000 clients when they have gone (twenty minutes), and renew the figures
	@DJANGO_SETTINGS_MODULE=roundtable.settings $(BIN)/python -m benchmarks.peaks $(ARGS)

faults: test-environment ## run the fault scenarios at full size, an hour in all (ARGS='R3 R5' names some), and renew their figures
	@DJANGO_SETTINGS_MODULE=roundtable.settings $(BIN)/python -m tests.faults $(ARGS)

fuzz: test-environment ## try bad inputs and mutations of them for ten minutes (ARGS='--seconds 60 --seed 7', or a file that it kept)
	@$(BIN)/python -m tests.faults.r23_fuzz $(ARGS)

mutants: test-environment ## take out each fence in turn, and fail when no test notices (ARGS='-k resume' chooses some)
	@$(BIN)/python -m tests.mutants $(ARGS)

answer: test-environment ## answer calls, as an example: prints the identifier to dial
	@exec $(BIN)/python examples/call.py answer $(with_server) $(ARGS)

dial: callee test-environment ## dial TO=identifier, as an example
	@exec $(BIN)/python examples/call.py dial '$(TO)' $(with_server) $(ARGS)

callee:
	@test -n '$(TO)' || { echo 'make dial needs to know whom: make dial TO=<identifier>' >&2; exit 2; }

clean: ## remove what was installed: the virtual environment and node_modules
	rm -rf $(VENV) $(JS)

environment: $(VENV)/running ## install what the server needs into .venv
	@:

uvicorn: $(VENV)/uvicorn ## install uvicorn, too, for `manage.py serve --server uvicorn`
	@:

test-environment: $(VENV)/testing ## install what the tests and the example need, too
	@:

$(VENV)/running: requirements.txt $(BIN)/python
	@$(call install,requirements.txt)
	@touch $@

$(VENV)/uvicorn: requirements-uvicorn.txt requirements.txt $(BIN)/python
	@$(call install,requirements-uvicorn.txt)
	@touch $(VENV)/running $@

$(VENV)/testing: requirements-test.txt requirements-uvicorn.txt requirements.txt $(BIN)/python
	@$(call install,requirements-test.txt)
	@touch $(VENV)/running $(VENV)/uvicorn $@

# Also when it is a link to an interpreter that has gone.
$(BIN)/python:
	@$(make_venv)

# $(1): a file of locked requirements. An interrupted pip can leave a package that looks installed and is not.
# TypeScript checks the browser client's types, and PeerJS' server is what ours is measured against; ours needs nothing of Node.
$(JS)/testing: package-lock.json package.json
	@command -v npm >/dev/null || { \
	  echo 'Node.js 20 or later and npm are needed to test the browser client (on Debian: apt-get install nodejs npm)' >&2; exit 1; }
	@npm ci --silent --no-audit --no-fund
	@touch $@

chromium: ## install Debian's Chromium without windows, in which the pages are tested, when it is missing and we are root
	@command -v chromium >/dev/null || { $(call from_debian,chromium-headless-shell,Chromium); }

faketime: ## install Debian's faketime, which sets the clock of servers under test, when it is missing and we are root
	@$(call from_debian,faketime,faketime)

nginx: ## install Debian's nginx, behind which the pages are tested, when it is missing and we are root
	@$(call from_debian,nginx,nginx)

jemalloc: ## install Debian's jemalloc, which gives memory back, when it is missing and we are root
	@$(call from_debian,libjemalloc2,jemalloc,ldconfig -p | grep -q 'libjemalloc\.so\.2')

# $(1): a package, and its program unless $(3) says how to find out whether it is there. $(2): what people call it. Only
# root has /usr/sbin, where nginx is, in the path.
define from_debian
PATH="$$PATH:/usr/sbin:/sbin"; $(or $(3),command -v $(1) >/dev/null) || { \
  test "$$(id -u)" = 0 && command -v apt-get >/dev/null && \
  { apt-get install -qq -y $(1) >/dev/null || { apt-get update -qq && apt-get install -qq -y $(1); } >/dev/null; }; \
} || { echo 'The tests need $(2) (on Debian: apt-get install $(1))' >&2; exit 1; }
endef

define install
test -e $(VENV)/whole || { $(make_venv); } || exit 1; \
rm -f $(VENV)/whole $(VENV)/running $(VENV)/uvicorn $(VENV)/testing; \
echo 'Installing what $(1) lists into $(VENV) ...'; \
$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement $(1) || exit 1; \
touch $(VENV)/whole
endef

suits := import ensurepip, sys, venv; sys.exit(sys.version_info[:2] not in ((3, 11), (3, 12), (3, 13)))

# Distributions optimise their Python by profiles. What stands before it in the path may be a build without, which takes a
# tenth to a third more of the processor.
define make_venv
python='$(PYTHON)'; \
test -n "$$python" || { python='$(SYSTEM_PYTHON)'; $$python -c '$(suits)' >/dev/null 2>&1 || python=python3; }; \
version=$$($$python -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null) || version='not there'; \
case "$$version" in 3.11|3.12|3.13) ;; *) \
  echo "Python 3.11, 3.12 or 3.13 is needed, and $$python is $$version: name one, as in make run PYTHON=python3.12" >&2; \
  exit 1;; \
esac; \
$$python -m venv --help >/dev/null 2>&1 && $$python -m ensurepip --version >/dev/null 2>&1 || { \
  echo "$$python lacks the venv module: install it (on Debian and Ubuntu: apt-get install python$$version-venv)" >&2; \
  exit 1; \
}; \
$$python -m venv --clear $(VENV) && touch $(VENV)/whole
endef
