# fnshare: `make demo` to try it, `make run` to run it from the environment, `make test` for everything CI asks.
# Nothing needs installing first but Python 3.11 or newer (3.14 at most), git and make.
.PHONY: demo run test lint format audit install clean

# The first of these that is new enough; PYTHON=... chooses another.
CANDIDATES = $(PYTHON) python3 python3.14 python3.13 python3.12 python3.11

define with_python
@for python in $(CANDIDATES); do \
	if "$$python" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 15))' >/dev/null 2>&1; then \
		exec "$$python" -m sharing.running.install $(1); \
	fi; \
done; \
echo "fnshare needs Python 3.11 to 3.14; none of these is: $(CANDIDATES). Install one, or name it: make $@ PYTHON=/path/to/python3.12" >&2; \
exit 1
endef

demo: ## the whole product on this machine with a sandbox AWS; PORT=8000; DEMO=--untold leaves its accounts to be connected
	$(call with_python,demo sharing.running.demo $(DEMO))

run: ## web, workers, beat from the environment only (.env.example)
	$(call with_python,run sharing.running.run)

test: ## linters, types, checks, the suite on SQLite with a browser and on PostgreSQL
	$(call with_python,test tests.everything)

lint: ## the quick half of `make test`
	$(call with_python,test tests.everything lint)

format: ## let the formatters have their way
	$(call with_python,test tests.everything format)

audit: ## known vulnerabilities of the pinned packages; asks PyPI, so it is no part of `make test`
	$(call with_python,test tests.audit)

install: ## the virtual environment with everything in it
	$(call with_python,test)

clean: ## forget the virtual environment and every local run
	rm -rf .venv var .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
