# The commands of this project; `make help` lists them. CI calls these and nothing else.

SHELL := /bin/bash
.DEFAULT_GOAL := help

TOOL := go tool -modfile=tools/go.mod
# The driver of a browser is in a module of its own, as the tools and OpenTelemetry are, so that
# nobody who imports the library has to do with them.
BROWSERTEST := adapters/statuspage/browsertest
OTEL := adapters/otel
# gRPC's packages, which come along, would keep every method of every package in the binary: 37 MB.
OTEL_TAGS := grpcnotrace
AXE := axe-core@4.14.1
# The race detector needs a C compiler; without one the tests run all the same.
RACE := $(if $(filter 1,$(shell go env CGO_ENABLED)),-race)
BENCH ?= .
COUNT ?= 1
FUZZTIME ?= 30s
SEEDS ?= 2000
HISTORIES ?= 10000
# What the server says it is; left empty, what the go command finds in git.
VERSION ?=
# Where pictures of the status page go; left empty, none are taken.
SCREENSHOTS ?=

# Shells export HOSTNAME, so only one given on make's own command line counts.
ifneq ($(origin HOSTNAME),command line)
HOSTNAME := http://localhost:8080
endif
DRY_RUN ?= true
REPOSITORY ?= octo-org/octo-repo
WEBHOOK_PATH ?= /webhook

##@ Use

.PHONY: help
help: ## Show this list
	@awk 'BEGIN {FS = ":.*## "} /^##@/ {printf "\n%s\n", substr($$0, 5)} /^[a-zA-Z0-9_%-]+:.*## / {printf "  %-22s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: run
run: ## Run the webhook server; without GITHUB_TOKEN it is a rehearsal with made-up settings, good for dry runs
	@if [ -z "$$GITHUB_TOKEN$$GITHUB_APP_ID" ]; then \
	  echo "No GITHUB_TOKEN: a rehearsal. Dry runs work, real jobs can't be served."; \
	  export GITHUB_TOKEN=FAKE_TOKEN RECONCILE_INTERVAL=$${RECONCILE_INTERVAL:-0} QUEUE_URL=$${QUEUE_URL:-memory:}; \
	  export WEBHOOK_TOKEN=$${WEBHOOK_TOKEN:-FAKE_TOKEN} CODEMAGIC_TOKEN=$${CODEMAGIC_TOKEN:-FAKE_TOKEN} CODEMAGIC_APP_ID=$${CODEMAGIC_APP_ID:-fake-app}; \
	  export AWS_REGION=$${AWS_REGION:-us-east-1}; \
	fi; LOG_FORMAT=$${LOG_FORMAT:-text} exec go run ./adapters/http

REQUEST = WEBHOOK_TOKEN="$${WEBHOOK_TOKEN:-FAKE_TOKEN}" go run ./examples/request -url "$(HOSTNAME)$(WEBHOOK_PATH)" -repository "$(REPOSITORY)" -dry-run="$(DRY_RUN)" -labels

.PHONY: test-ubuntu-arm64
test-ubuntu-arm64: ## Send a signed job for this runner type (HOSTNAME=, REPOSITORY=, DRY_RUN=, WEBHOOK_TOKEN=)
	@$(REQUEST) ubuntu-arm64

.PHONY: test-macOS-arm64
test-macOS-arm64: ## The same for this one; test-LABEL works for every label of your catalogue
	@$(REQUEST) macOS-arm64

test-%:
	@$(REQUEST) "$*"

.PHONY: dryrun
dryrun: ## Show the main job on this machine, without accounts or network
	go run ./examples/dryrun

##@ Build

.PHONY: build
build: ## Build the webhook server into bin/ (VERSION= instead of git's)
	CGO_ENABLED=0 go build -trimpath -ldflags "-s -w -X github.com/datawire/github-runner-provisioner/adapters/internal/wiring.version=$(VERSION)" -o bin/github-runner-provisioner ./adapters/http

.PHONY: build-otel
build-otel: ## Build the webhook server that also sends traces into bin/ (VERSION= instead of git's)
	cd $(OTEL) && CGO_ENABLED=0 go build -tags $(OTEL_TAGS) -trimpath -ldflags "-s -w -X github.com/datawire/github-runner-provisioner/adapters/internal/wiring.version=$(VERSION)" -o $(CURDIR)/bin/github-runner-provisioner-otel .

.PHONY: build-lambda
build-lambda: ## Build the Lambda function for arm64 and provided.al2023 into dist/lambda.zip; the same source gives the same bytes
	GOOS=linux GOARCH=arm64 CGO_ENABLED=0 go build -tags lambda.norpc -trimpath -buildvcs=false -ldflags "-s -w -buildid=" -o dist/lambda/bootstrap ./adapters/lambda
	chmod 755 dist/lambda/bootstrap && touch -d 1980-01-01T00:00:00Z dist/lambda/bootstrap
	rm -f dist/lambda.zip && cd dist/lambda && TZ=UTC zip -q -X -9 ../lambda.zip bootstrap
	@sha256sum dist/lambda.zip && ls -lh dist/lambda.zip | awk '{print $$5}'

##@ Work on it

# All tests are built in one configuration, and so are the binaries that they start: the EC2 client
# alone takes a minute and 2 GB to compile, and any other flags compile it again. So the race
# detector is in the pure packages too, which costs less than a second configuration.
#   -vet=off       make check vets; here it would read every dependency once more
#   -p, -parallel  more than the cores: the slowest tests wait for processes and their timeouts
#   GORACE         a binary with the race detector sleeps for a second when it ends; there are many
.PHONY: test
test: ## Run every test, with the race detector where there is a C compiler
	cores=$$(getconf _NPROCESSORS_ONLN); GORACE="atexit_sleep_ms=0 $$GORACE" \
	  go test $(RACE) -vet=off -p $$((2 * cores)) -parallel $$((4 * cores)) -timeout 15m ./...
	cd $(OTEL) && GORACE="atexit_sleep_ms=0 $$GORACE" go test $(RACE) -vet=off -timeout 15m ./...

# Without the race detector, which is six times slower. The first fifty histories of crashes are in
# make test, with it.
.PHONY: simulate
simulate: ## Walk SEEDS random histories of crashes and faults, and all states of the protocol (a failing seed prints its story: SEED=n repeats it)
	go test -count=1 -timeout 3h -run 'TestWorkers|TestReconciler' ./provisioner/provisionertest/crashsim -args -seeds $(SEEDS) $(if $(SEED),-seed $(SEED))
	$(if $(SEED),,go test -count=1 ./provisioner/provisionertest/model -args -wide)
	$(if $(SEED),,go test -count=1 -timeout 3h -run TestNoBusyMachineIsEverEnded -v ./provisioner/reconcile -args -histories $(HISTORIES))

.PHONY: check
check: vet lint tidy stale shell deploy browser ## Check everything that CI checks beside the tests

.PHONY: vet
vet: ## go vet
	go vet ./...
	cd $(OTEL) && go vet ./...

.PHONY: lint
lint: ## golangci-lint, the version of tools/go.mod
	$(TOOL) golangci-lint run ./...
	cd $(OTEL) && go tool -modfile=$(CURDIR)/tools/go.mod golangci-lint run ./...
	cd $(BROWSERTEST) && go tool -modfile=$(CURDIR)/tools/go.mod golangci-lint run ./...

.PHONY: fmt
fmt: ## Format the code
	$(TOOL) gofumpt -w $$(git ls-files '*.go' | grep -v -e mocks.go -e _templ.go)

.PHONY: tidy
tidy: ## See that go.mod is tidy
	go mod tidy -diff
	cd tools && go mod tidy -diff
	cd $(OTEL) && go mod tidy -diff
	cd $(BROWSERTEST) && go mod tidy -diff

.PHONY: generate
generate: ## Write the moq doubles, the status page's templates and the copy of the catalogue's schema anew
	go generate ./...

.PHONY: stale
stale: generate ## See that the generated files are the committed ones, and that sabotages have their place
	git diff --exit-code -- '*mocks.go' '*_templ.go' examples/runners.schema.json
	cd tools && go test -count=1 ./mutants

.PHONY: shell
shell: ## Check the start-up scripts and shell files (shellcheck)
	@command -v shellcheck > /dev/null || { echo "shellcheck is missing: apt-get install shellcheck"; exit 1; }
	shellcheck .ci/run
	go test -count=1 -run Shellcheck ./awsrunner

.PHONY: deploy
deploy: ## Check the templates and the dashboard of examples/deploy, and build the container's binary (promtool)
	@command -v promtool > /dev/null || { echo "promtool is missing: apt-get install prometheus"; exit 1; }
	promtool check rules examples/deploy/kubernetes/monitoring/alerts.yaml
	go test -count=1 -run Dashboard ./adapters/internal/wiring
	go test -count=1 -timeout 30m ./examples/deploy -args -image

.PHONY: browser
browser: ## Look at the status page with a browser, and for barriers (chromium, npm; SCREENSHOTS=directory keeps pictures)
	@if ! command -v chromium > /dev/null || ! command -v npm > /dev/null; then \
	  echo "THE STATUS PAGE IS NOT LOOKED AT: chromium or npm is missing: apt-get install chromium npm"; \
	else \
	  set -e; axe=$$(mktemp -d); trap 'rm -rf "$$axe"' EXIT; \
	  npm install --silent --no-save --ignore-scripts --prefix "$$axe" $(AXE); \
	  $(if $(SCREENSHOTS),mkdir -p "$(abspath $(SCREENSHOTS))"; )cd $(BROWSERTEST); go vet .; \
	  go test -count=1 -timeout 10m . -args -axe "$$axe/node_modules/axe-core/axe.min.js" -screenshots "$(if $(SCREENSHOTS),$(abspath $(SCREENSHOTS)))"; \
	fi

.PHONY: bench
bench: ## Run the benchmarks (BENCH=regexp COUNT=n); compare two runs with benchstat
	go test -run '^$$' -bench '$(BENCH)' -benchmem -count $(COUNT) ./... | tee bench.out
	go test -run TestBurst -count=1 -v ./provisioner/provisionertest/crashsim
	go test -run TestWhatABurstCostsAtGitHub -count=1 -v ./provisioner/reconcile

.PHONY: fuzz
fuzz: ## Fuzz what parses strangers' bytes, FUZZTIME each
	@for p in $$(go list ./...); do \
	  for f in $$(go test -list '^Fuzz' $$p | grep '^Fuzz' || true); do \
	    echo "$$p $$f"; go test -run '^$$' -fuzz "^$$f$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 5x $$p || exit 1; \
	  done; \
	done
	@$(MAKE) --no-print-directory simulate SEEDS=20000 HISTORIES=50000

.PHONY: mutants
mutants: ## Sabotage the code line by line, in a copy: some test must notice each (ONLY=regexp)
	cd tools && go run ./mutants -root .. -only '$(ONLY)'

.PHONY: cover
cover: ## Show the test coverage by package
	go test -cover ./...
