# credit-monitor: every target sets up what it needs by itself, on a fresh machine too.
# Needed beforehand: make and Python 3.11 or newer with its venv module.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules
SHELL := /bin/sh
.SHELLFLAGS := -eu -c

# The interpreter to build .venv with; empty: the first suitable one found.
PYTHON ?=
# Debian packages of the full test run: the browser that the browser tests drive, and a Chinese font for it; what a
# Kafka broker runs on and is fetched with; PostgreSQL.
SYSTEM_PACKAGES := chromium fonts-noto-cjk default-jre-headless maven openssl postgresql

VENV := .venv
BIN := $(VENV)/bin
INTERPRETER := $(BIN)/python
INSTALLED := $(VENV)/.installed
INSTALLED_DEV := $(VENV)/.installed-dev
PIP := $(INTERPRETER) -m pip --disable-pip-version-check --no-input
# Wheels alone: building from source would fetch build tools that no lock pins.
PIP_LOCKED := $(PIP) install --quiet --require-hashes --only-binary :all:
WHEELS := $(VENV)/wheels
BUILD_WHEEL := $(BIN)/hatchling build --target wheel --directory $(WHEELS)
CAN_COMPILE := cc --version >/dev/null 2>&1 && $(INTERPRETER) -c 'import os, sys, sysconfig; \
  sys.exit(not os.path.exists(os.path.join(sysconfig.get_path("include"), "Python.h")))'
SOURCES := $(shell find monitor detectors models config -type f -not -path '*/__pycache__/*')
PYTEST := $(BIN)/pytest -n auto --dist worksteal
# Every benchmarks/NAME.py and benchmarks/NAME/__main__.py is run as a module.
BENCHMARKS := $(patsubst %/__main__.py,%,$(wildcard benchmarks/*/__main__.py)) \
	$(filter-out benchmarks/__init__,$(patsubst %.py,%,$(wildcard benchmarks/*.py)))
COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --fork-strategy fewest \
	--generate-hashes --no-header --no-annotate $(if $(UPGRADE),--upgrade) pyproject.toml --group build

.PHONY: help install demo test test-core stress lint types format bench lock wheel clean dev system-packages

help: ## 列出各个目标 / list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

install: $(INSTALLED) ## 按锁定版本安装到 .venv / install from the lock into .venv

demo: install ## 生成模拟省份并打开演示页面 / stream a made-up province and serve the live page
	$(BIN)/credit-monitor demo

# Each process of tests has a broker and a PostgreSQL of its own; a file of the cluster stays with one of them.
test: system-packages install lint types ## 全部检查与测试 / every check and every test
	$(PYTEST)
	$(BIN)/pytest -n 2 --dist loadfile tests/cluster

test-core: install dev ## 不需要浏览器和服务的测试 / the tests that need no browser and no server
	$(PYTEST) --ignore=tests/browser

stress: install dev ## 百万敌意事件，约半小时 / a million hostile events, read and sent; half an hour
	STORM_SIGNALS=100000 STRESS_EVENTS=$(or $(EVENTS),1000000) $(BIN)/pytest -n 2 tests/stress

lint: dev ## 代码规范 / ruff: rules and format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: dev ## 类型检查 / mypy, strict
	$(BIN)/mypy

format: dev ## 自动排版 / let ruff put the files in order
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: install dev ## 性能测量 / run every benchmark
	@for name in $(subst /,.,$(BENCHMARKS)); do echo "== $$name"; $(INTERPRETER) -m $$name; done

lock: dev ## 重新锁定依赖，UPGRADE=1 时升级 / compile the locks again, UPGRADE=1: take newer versions
	$(COMPILE) -o requirements.lock
	$(COMPILE) --extra dev -c requirements.lock -o requirements-dev.lock

wheel: dev ## 构建安装包 / build the wheel into dist/
	$(INTERPRETER) -m build --wheel --no-isolation

clean: ## 清除环境与产物 / remove .venv, builds and caches
	rm -rf $(VENV) dist build .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# --- behind the targets ------------------------------------------------------------------------------------

dev: $(INSTALLED_DEV)

# Where a C compiler and Python's headers are, the hot modules are compiled (some 50 s); else the plain ones do.
$(INSTALLED): requirements.lock pyproject.toml hatch_build.py $(SOURCES) | $(INTERPRETER)
	@echo "按 requirements.lock 安装 / installing from requirements.lock"
	@$(PIP_LOCKED) -r requirements.lock
	@rm -rf $(WHEELS); \
	if $(CAN_COMPILE); then \
	  echo "编译热点模块，约一分钟 / compiling the hot modules, about a minute"; \
	  HATCH_BUILD_HOOK_ENABLE_CUSTOM=1 $(BUILD_WHEEL) >$(VENV)/compile.log 2>&1 || { \
	    echo "编译未成，改用纯 Python 模块，见 / compiling failed, the plain modules do: $(VENV)/compile.log"; \
	    rm -rf $(WHEELS); }; \
	else \
	  echo "没有 C 编译器，使用纯 Python 模块 / no C compiler: the plain modules do"; \
	fi; \
	[ -d $(WHEELS) ] || $(BUILD_WHEEL) >/dev/null
	@$(PIP) install --quiet --force-reinstall --no-deps --no-index $(WHEELS)/*.whl
	@touch $@

$(INSTALLED_DEV): requirements-dev.lock | $(INTERPRETER)
	@echo "按 requirements-dev.lock 安装 / installing from requirements-dev.lock"
	@$(PIP_LOCKED) -r requirements-dev.lock
	@touch $@

# Asked by running, not by name: a name on the PATH may be a shim without an interpreter behind it.
$(INTERPRETER):
	@chosen=; bare=; \
	for python in $(PYTHON) python3.11 python3.12 python3.13 python3 python; do \
	  "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || continue; \
	  if "$$python" -c 'import venv, ensurepip' 2>/dev/null; then chosen=$$python; break; fi; \
	  bare=$${bare:-$$python}; \
	done; \
	if [ -n "$$chosen" ]; then \
	  echo "建立环境 / creating $(VENV) with $$("$$chosen" -V)"; \
	  exec "$$chosen" -m venv --clear $(VENV); \
	elif [ -n "$$bare" ]; then \
	  version=$$("$$bare" -c 'import sys; print("%d.%d" % sys.version_info[:2])'); \
	  echo "$$bare 缺少 venv 模块，请先执行：apt-get install python$$version-venv" >&2; \
	  echo "$$bare lacks the venv module; first run: apt-get install python$$version-venv" >&2; \
	  exit 1; \
	else \
	  echo "需要 Python 3.11 或更高版本；已装在别处时：make install PYTHON=路径" >&2; \
	  echo "Python 3.11 or newer is needed; if it is somewhere else: make install PYTHON=PATH" >&2; \
	  exit 1; \
	fi

system-packages:
	@missing=; \
	for package in $(SYSTEM_PACKAGES); do \
	  status=$$(dpkg-query -W -f '$${db:Status-Status}' "$$package" 2>/dev/null || true); \
	  [ "$$status" = installed ] || missing="$$missing $$package"; \
	done; \
	[ -n "$$missing" ] || exit 0; \
	if ! command -v apt-get >/dev/null; then sudo=none; \
	elif [ "$$(id -u)" = 0 ]; then sudo=; \
	elif sudo -n true 2>/dev/null; then sudo="sudo -n"; \
	else sudo=none; fi; \
	if [ "$$sudo" = none ]; then \
	  echo "完整测试还需要（Debian 软件包）：$$missing；不装时请用 make test-core" >&2; \
	  echo "The full tests also need these Debian packages:$$missing. Install them (as root: apt-get install$$missing)," >&2; \
	  echo "or run the tests that do without: make test-core" >&2; \
	  exit 1; \
	fi; \
	echo "安装 / installing:$$missing"; \
	$$sudo apt-get -qq update; \
	$$sudo env DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends \
	  -o Dpkg::Use-Pty=0 $$missing >/dev/null
