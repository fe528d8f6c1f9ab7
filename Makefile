# The house's doors. Each target does its own set-up; the work is in pg_test_config/*.sh.
SHELL := bash
HOUSE := pg_test_config
# A test, a bench or an in-server pattern: make regress T=name
T ?=

.PHONY: help demo demo-stop test setup lint unit core crash-free layering check-majors test-build in-server regress regress-accept client diff fuzz footprint bench install clean
# Stages share target directories and two cores; side by side they only wait for each other.
.NOTPARALLEL:

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 18

demo: ## build, start a throwaway server, tell the story in psql; leaves the server running
	@demo/demo.sh start
demo-stop: ## stop the demo's server and remove it
	@demo/demo.sh stop

test: ## every test of every kind (what .ci/run runs)
	@$(HOUSE)/test.sh
lint: setup ## cargo fmt --check, and clippy with warnings denied
	@$(HOUSE)/lint.sh
unit: ## tests of the core crate, no server needed; T=name for one
	@CARGO_TARGET_DIR=target/host cargo test -p jitmask-core -- $(T)
layering: ## which module may import which, file sizes, where unsafe may stand
	@tests/layering/layering.sh
check-majors: setup ## compile for PostgreSQL 15 to 18
	@$(HOUSE)/majors.sh
test-build: setup ## build with the in-server tests into the private server tree
	@$(HOUSE)/build.sh test
in-server: test-build ## in-server tests; T=regexp for some
	@$(HOUSE)/in_server.sh $(T)
regress: test-build ## SQL regression; T=name for one
	@$(HOUSE)/regress.sh run $(T)
regress-accept: ## take the last result as expected: T=name
	@$(HOUSE)/regress.sh accept $(T)
core: setup ## the server's own tests, with jitmask and without; T=plain, protected or isolation for one suite
	@$(HOUSE)/build.sh release
	@$(HOUSE)/core.sh $(T)
crash-free: test-build ## attacks and differential test under valgrind's memcheck; T='diff 1000' or T='regress NAME' for some
	@$(HOUSE)/crash_free.sh $(T)
client: test-build ## client tests (several sessions); T=name for one
	@$(HOUSE)/client.sh $(T)
diff: test-build ## differential test: random statements on masked tables and on their twins; N=, SEED=
	@$(HOUSE)/diff.sh
fuzz: test-build ## the same without its own tests: N=100000 statements, SEED=
	@$(HOUSE)/diff.sh fuzz
footprint: setup ## instructions that statements with nothing protected take more; T=workload for one
	@$(HOUSE)/build.sh release
	@bench/footprint.sh $(T)
bench: setup ## run the benchmarks in bench/; T=name for one
	@$(HOUSE)/bench.sh $(T)

install: setup ## release build into an installed server: PG_CONFIG=/path/to/pg_config
	@$(HOUSE)/build.sh install "$(PG_CONFIG)"
setup: ## install what building and testing need (apt, cargo-pgrx)
	@$(HOUSE)/setup.sh
clean: ## stop our servers, remove everything that was built
	@$(HOUSE)/clean.sh
