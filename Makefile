# The two commands are `make run` and `make test`; `make help` lists the rest.

# Tests want the named fail points, and the model's tests want rules that can be switched off; the program that is released has neither.
FEATURES := --workspace --features fail-points,mutants
TARGET := $(or $(CARGO_TARGET_DIR),target)
HOME_FOLDER := $(or $(MILLRACE_HOME),.millrace)
SERVERS := $(TARGET)/debug/millrace-servers

# nextest runs tests of all crates at once and each in a process of its own; without it cargo's own runner does.
ifeq ($(shell command -v cargo-nextest),)
TEST := cargo test $(FEATURES) --lib --bins --tests
else
TEST := cargo nextest run $(FEATURES)
endif

# The browser of the tests; where there is none they are skipped, except in CI.
CHROMIUM ?= $(shell command -v chromium || command -v chromium-browser || command -v google-chrome)

# What a built application is made of: without what is made itself, and without tests.
sources = $(shell find $(1) \( -name node_modules -o -name dist -o -name test -o -name gql \) -prune -o -type f -print 2>/dev/null)
PLAYGROUND_SOURCES := $(call sources,web-playground clients/src) $(wildcard examples/*.graphql)
STOREFRONT_SOURCES := $(call sources,examples/storefront clients/src) schema.graphql

.PHONY: help run storefront test bench docs fmt lint sbom schema playground web-test clean-data

help: ## List what can be made.
	@grep -E '^[a-z-]+:.*## ' Makefile | sed 's/:.*## /\t/' | expand -t 14

run: playground ## Start the servers and millrace with a demo community; Ctrl-C stops all.
	cargo run -- dev

# Built before the servers start, so that they do not wait for the compiler.
test: playground web-test ## Run all tests on real servers, and GraphiQL, the pipeline page and the storefront in Chromium.
	$(TEST) --no-run
	cargo test $(FEATURES) --doc --quiet
	$(SERVERS) exec -- $(TEST) --no-fail-fast
ifeq ($(CHROMIUM),)
	@echo 'SKIPPED: Chromium is not installed, so GraphiQL, the pipeline page and the storefront were not tested in a browser'
endif

bench: ## Measure on real servers that bring every write to the disk, and print ratios. BENCH=--only=read,… for a part of it.
	cargo build --package millrace-servers
	cargo build --release --package millrace --package millrace-bench
	$(SERVERS) exec --durable -- $(TARGET)/release/millrace-bench $(BENCH)

docs: ## Build the book in docs/ into docs/book, where mdbook is installed.
	@if command -v mdbook >/dev/null; then mdbook build docs; else echo 'mdbook is not installed: cargo install mdbook'; exit 1; fi

fmt: ## Format the code.
	cargo fmt --all

lint: ## Check format, lints and, where cargo-deny is installed, dependencies.
	cargo fmt --all --check
	cargo clippy $(FEATURES) --all-targets -- -D warnings
	@if command -v cargo-deny >/dev/null; then cargo deny check; else echo 'cargo-deny is not installed: dependencies are not checked'; fi

sbom: ## Write the list of all parts of the program and its pages (CycloneDX) to millrace.cdx.json.
	cargo run --quiet --package millrace-parts > millrace.cdx.json.new
	mv millrace.cdx.json.new millrace.cdx.json

schema: ## Write the GraphQL schema to schema.graphql.
	cargo run --quiet -- schema > schema.graphql.new
	mv schema.graphql.new schema.graphql

ifeq ($(shell command -v npm),)
playground:
	@echo 'npm is not installed: GraphiQL is not built'
storefront:
	@echo 'npm is not installed: the storefront cannot be built'; exit 1
web-test:
else
playground: web-playground/dist/index.html ## Build GraphiQL, if its sources changed.
storefront: examples/storefront/dist/index.html ## Build the example shop and serve it; starts millrace, too, if none runs.
	cd examples/storefront && node serve.mjs
web-test: playground examples/storefront/dist/index.html clients/node_modules/.package-lock.json tests/http/node_modules/.package-lock.json
	cd web-playground && npm test --silent
ifneq ($(CHROMIUM),)
	cd web-playground && CHROMIUM=$(CHROMIUM) npm run --silent test:replay
endif
	cd clients && npm test --silent
	cd examples/storefront && npm test --silent
endif

web-playground/dist/index.html: web-playground/node_modules/.package-lock.json $(PLAYGROUND_SOURCES)
	cd web-playground && npm run --silent build -- --logLevel warn
	touch $@

examples/storefront/dist/index.html: examples/storefront/node_modules/.package-lock.json $(STOREFRONT_SOURCES)
	cd examples/storefront && npm run --silent build -- --logLevel warn
	touch $@

%/node_modules/.package-lock.json: %/package-lock.json
	cd $* && npm ci --no-audit --no-fund --silent
	touch $@

# The lock is the one that a running millrace holds.
clean-data: ## Delete the demo's data; the servers themselves are kept.
	@if [ ! -d $(HOME_FOLDER)/data ]; then exit 0; fi; \
	flock --nonblock $(HOME_FOLDER)/data/lock rm -rf $(HOME_FOLDER)/data || { echo 'millrace is running: stop it first'; exit 1; }
