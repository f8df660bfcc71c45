# One word for each intent.

GO      ?= go
FUZZ    ?= 20s
VULNDB  ?= https://vuln.go.dev
CLIENTS  = cli/testdata/clients

.PHONY: all build image check test test-without e2e-gitea e2e-clients race fuzz bench bench-smoke microbench instructions pgo vuln docs clients screenshots

all: check test build

# What a build says that it is made of. Without git, what a source archive says is kept.
VERSION ?= $(shell git describe --tags --dirty 2>/dev/null)
COMMIT  ?= $(shell git describe --always --abbrev=40 --exclude '*' --dirty=+changes 2>/dev/null)
STAMP    = -X patgate/cli/gateway.version=$(VERSION) -X patgate/cli/gateway.commit=$(COMMIT)

# The binary, static.
build:
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags "$(STAMP)" -o patgate .

# The image, which knows its commit too.
image:
	docker build --build-arg VERSION=$(VERSION) --build-arg COMMIT=$(COMMIT) -t patgate .

# What needs no test to run: formatting, vet, staticcheck with every check it has, the dependencies as they are used.
check:
	@files=$$(gofmt -l $$(git ls-files -co --exclude-standard '*.go')); \
	  if [ -n "$$files" ]; then echo "not formatted, run gofmt -w on: $$files"; exit 1; fi
	$(GO) vet ./...
	$(GO) run honnef.co/go/tools/cmd/staticcheck@v0.8.2 -checks all ./...
	$(GO) mod tidy -diff

# Every test, the end-to-end ones with the built binary included. Tests that need a program which is not here are skipped, and
# listed at the end with what gets it; PATGATE_E2E_REQUIRED=1 makes that a failure. PLAIN=1 prints go test's own lines alone.
SUMMARY = $(GO) run gotest.tools/gotestsum@v1.13.0 --format standard-quiet --ignore-non-json-output-lines --raw-command --
test: check
	@$(if $(PLAIN),,$(SUMMARY)) .ci/packages "$(GO)" $(if $(PLAIN),,-json) $(TESTFLAGS)

# The tests with each optional program hidden in turn, or with those that HIDE names: nothing fails because one is not there. By
# hand, it takes long: make test-without HIDE="git chromium" PACKAGES="./demo ./cli".
test-without:
	@.ci/without "$(HIDE)" "$(PACKAGES)"

# What needs a real Gitea: PATGATE_E2E_GITEA=/path/to/gitea, and PATGATE_E2E_GITEA_STATIC=/its/static/files unless they are
# built into it. It runs on a database of its own and on loopback. Without the variable nothing runs, and a line says so.
e2e-gitea:
	@if [ -z "$$PATGATE_E2E_GITEA" ]; then \
	  echo "SKIPPED: needs a real Gitea (fix: make e2e-gitea PATGATE_E2E_GITEA=/path/to/gitea)"; \
	else \
	  $(GO) test -count=1 -v -timeout 20m -run '^TestGitea|^TestConformance$$|OnGitea$$' ./forge/gitea ./routes ./cli; \
	fi

# The clients that take long to get, and the others once more: Renovate with the Node that it wants, and release-it.
e2e-clients: clients
	npm install --prefix $(CLIENTS)/renovate --no-save --no-audit --no-fund renovate@44.121.2 node@24
	npm install --prefix $(CLIENTS)/release-it --no-save --no-audit --no-fund release-it@19.2.4
	PATH="$$PATH:$$($(GO) env GOPATH)/bin" PATGATE_E2E_CLIENTS=1 PATGATE_E2E_REQUIRED=1 \
	  $(GO) test -count=1 -v -timeout 20m -run '^(TestRealClients|TestSemanticRelease|TestRenovate|TestGoGit|TestGlab|TestReleaseIt|TestImageClients)$$' ./cli

# Everything under the race detector, but for what takes long without goroutines that share state, as policy does. The tests of cli start a binary,
# which is built with the detector too: those of RACED have it serve, reload, learn, count and end, beside the other packages. SQLite itself
# (C, translated) is compiled without the detector: it took half of the time. What is around it is Go, whose generic functions
# would take the place of other packages' and hide from the detector who waits for whom.
RACED = ^(TestScripts|TestReportMode|TestWhatIsKeptOfRequests|TestNoAnswerWaitsForObservation|TestGit|TestConsoleOnTheGateway|TestRaceReportsAreFound)$$
race: export GOFLAGS := $(GOFLAGS) -gcflags=modernc.org/sqlite/lib=-race=false
race:
	$(GO) build -race ./... # once for both
	@packages=$$($(GO) list ./... | grep -vE '/(cli|policy)$$') || exit 1; \
	  $(GO) test -race -short -timeout 40m -run '$(RACED)' ./cli & cli=$$!; \
	  PATGATE_DIFFERENTIAL_COUNT=2000 $(GO) test -race -short -timeout 40m $$packages; failed=$$?; \
	  wait $$cli && exit $$failed

# Every fuzzer for FUZZ each; none at all is an error, so that nothing passes by not running. Now and then `go test` takes
# the end of its own fuzzing time for a failure ("context deadline exceeded", no failing input): then it runs once more.
fuzz:
	@set -e; found=0; log=$$(mktemp); trap 'rm -f $$log' EXIT; \
	for file in $$(grep -rlE '^func Fuzz' --include='*_test.go' .); do \
	  dir=$$(dirname $$file); \
	  for name in $$(sed -nE 's/^func (Fuzz[A-Za-z0-9_]+).*/\1/p' $$file); do \
	    found=$$((found+1)); echo "== $$dir $$name"; \
	    run() { $(GO) test $$dir -run '^$$' -fuzz "^$$name\$$" -fuzztime $(FUZZ) >$$log 2>&1; }; \
	    run || { ! grep -q 'Failing input' $$log && grep -q 'context deadline exceeded' $$log && run; } || { cat $$log; exit 1; }; \
	    tail -n 3 $$log; \
	  done; \
	done; \
	[ $$found -gt 0 ] || { echo "no fuzzer was found"; exit 1; }; echo "$$found fuzzers ran"

# patgate beside nginx, HAProxy and Caddy, as far as they are installed (apt-get install nginx-light haproxy caddy wrk), about
# 25 minutes on a quiet machine. BENCH takes flags: make bench BENCH="-parts compare -rounds 9".
bench:
	$(GO) run ./bench -out bench/results $(BENCH)

# The same with a few requests each, to see that it works; the figures mean nothing.
bench-smoke:
	$(GO) run ./bench -smoke $(BENCH)

# The profile that the compiler optimises by (default.pgo is taken by go build on its own), anew from the load of the bench.
pgo:
	$(GO) run ./bench -profile default.pgo -tokens 10000

# How many instructions a request takes, written down anew: the test of the same name holds every change to it.
instructions:
	BENCH_INSTRUCTIONS=renew $(GO) test ./bench -run TestInstructionsOfARequest -count=1 -v

# Go benchmarks of the hot path.
microbench:
	$(GO) test -run '^$$' -bench . -benchmem ./audit ./bench ./cache ./learn/... ./policy ./proxy/... ./routes/... ./store/...

# Known vulnerabilities in what the program really calls. The data is at VULNDB; where that cannot be reached, nothing is
# checked, and the last line says so. PATGATE_VULN_REQUIRED=1 makes that a failure.
vuln:
	@if curl -fsS -m 20 -o /dev/null $(VULNDB)/index/db.json; then \
	  $(GO) run golang.org/x/vuln/cmd/govulncheck@v1.9.0 -db $(VULNDB) ./...; \
	else \
	  echo "NOT CHECKED for vulnerabilities: $(VULNDB) cannot be reached (VULNDB names another copy of it)"; \
	  [ -z "$$PATGATE_VULN_REQUIRED" ]; \
	fi

# Generated pages.
docs:
	$(GO) generate ./...

# What the end-to-end tests need from npm: GitLab's JavaScript client, semantic-release, and the accessibility checker.
clients:
	cd $(CLIENTS)/gitbeaker && npm ci
	cd $(CLIENTS)/semantic-release && npm ci
	cd $(CLIENTS)/axe && npm ci

# The pictures of the console in docs/images, made by its end-to-end test in Chromium.
screenshots:
	PATGATE_E2E_REQUIRED=1 PATGATE_SCREENSHOTS=$(CURDIR)/docs/images $(GO) test ./cli -count=1 -run '^TestConsole$$|^TestLearningByClicks$$'
