# make demo   runs the exporter against the simulated APIs inside it
# make test   tests everything that the everyday run covers

# git and go refuse to look at a tree of another owner; here the caller means it.
GIT     := git -c safe.directory='$(CURDIR)'
export GOFLAGS := $(strip $(shell go env GOFLAGS 2>/dev/null) -buildvcs=false)

BINARY   := iam_session_exporter
VERSION  ?= $(shell $(GIT) describe --tags --always --dirty 2>/dev/null || echo unknown)
REVISION := $(shell $(GIT) rev-parse HEAD 2>/dev/null)
VPKG     := github.com/prometheus/common/version
LDFLAGS  := -s -w -X $(VPKG).Version=$(VERSION:v%=%) -X $(VPKG).Revision=$(REVISION) \
            -X $(VPKG).Branch=$(shell $(GIT) rev-parse --abbrev-ref HEAD 2>/dev/null)

# What scripts/tools unpacks, if the machine doesn't have it.
export PATH := $(PATH):$(CURDIR)/bin/tools/usr/bin

IMAGE   ?= $(BINARY):$(VERSION)

.PHONY: help build demo test test-rules test-dashboards test-alerts test-prometheus3 test-packaging test-editor test-pages test-image test-bare test-snapshot test-release release snapshot vet lint tools rules dashboards dashboard-screenshots bench fuzz soak docs image chart clean

help: ## this list
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "make %-22s %s\n", $$1, $$2}'

build: ## the static binary
	CGO_ENABLED=0 go build -trimpath -ldflags '$(LDFLAGS)' -o $(BINARY) .

demo: build ## the exporter and two simulated APIs, on http://localhost:10987
	./$(BINARY) --demo

test: tools vet ## all everyday tests
	CGO_ENABLED=1 go test -race -timeout 45m $$(go list ./... | grep -v internal/oam/plan)
	go test -timeout 30m ./internal/oam/plan # no goroutines, and large worlds
	go test -run 'Memory' ./internal/oam ./internal/intersight # at full size, which the race detector makes too slow
	go vet -C config/test .
	go test -C config/test -count=1 . # what it reads is outside of its module: no cache

test-rules: tools ## the alerts, with Prometheus's parser, promtool and amtool
	go vet -C alerts/test .
	go test -C alerts/test -count=1 -timeout 60m . # what it reads is outside of its module: no cache

test-alerts: test-rules ## the same, and the alerts on a real Prometheus and Alertmanager
	go vet -tags alerting ./alerts/live
	go test -tags alerting -count=1 -timeout 30m ./alerts/live

test-prometheus3: tools ## the same on Prometheus 3 and a newer Alertmanager, built from their modules: minutes
	programs=$$(scripts/prometheus3) && env $$programs sh -ec 'go test -C alerts/test -count=1 -timeout 30m . && go test -tags alerting -count=1 -timeout 30m ./alerts/live'

test-dashboards: tools ## the dashboards: expressions, schema, and each panel's query on a real Prometheus
	go vet -C dashboards/test .
	go test -C dashboards/test -count=1 -timeout 60m . # what it reads is outside of its module: no cache
	go vet -tags dashboards ./dashboards/generate/...
	go test -tags dashboards -count=1 -timeout 30m ./dashboards/generate/...

test-pages: ## the pages in Chromium: axe, an HTML validator, nothing wider than a phone; with PICTURES=DIR also pictures
	@scripts/chromium
	npm --prefix internal/web/check ci --no-audit --no-fund --loglevel=error
	go vet -tags browser ./internal/web
	go test -tags browser -run Browser -count=1 -timeout 15m ./internal/web $(if $(PICTURES),-args -pictures '$(abspath $(PICTURES))')

test-editor: ## what the YAML language server makes of the configuration's schema; needs nodejs and npm, and downloads its modules
	@scripts/tools node npm
	npm --prefix config/test/editor ci --no-audit --no-fund --loglevel=error
	node --test config/test/editor/editor.test.mjs

test-packaging: ## the systemd unit, the Kubernetes manifests, the Helm chart, completions and the manual page
	@scripts/tools certificates systemd-analyze kill zsh fish mandoc groff
	go vet -C internal/packaging -tags image .
	go test -C internal/packaging -count=1 -timeout 60m . # what it reads is outside of its module: no cache

test-image: build ## the image, built and run; as root, with buildah, podman and runc
	@scripts/image-tools
	go test -C internal/packaging -tags image -run 'TestImage$$' -count=1 -timeout 30m .

RELEASE_TESTS := go test -tags release -count=1 -timeout 60m
test-snapshot: ## what `make release` refuses, and what it makes for this platform
	@scripts/tools certificates git zip rpm
	go vet -tags release ./internal/release
	$(RELEASE_TESTS) -run 'Refused|Snapshot' ./internal/release

test-release: test-snapshot ## what `make release` makes of the newest version in the changelog, twice, for all platforms: minutes
	$(RELEASE_TESTS) -run 'Release' ./internal/release

test-bare: ## that build, demo and a part of the tests work on a bare Debian; as root, in a chroot by debootstrap; with COMMAND="make test" all tests
	scripts/bare $(if $(COMMAND),'$(COMMAND)')

SOAK ?= 1h
soak: tools ## what takes long: random worlds (for SOAK=1h), an hour of hostile APIs, thousands of reloads, scrapes and OAM servers, alerts over weeks on promtool
	SOAK=$(SOAK) CGO_ENABLED=1 go test -race -timeout 24h -run 'Reloads|LeaveNothing|NoMeaning' ./internal/exporter ./internal/endtoend
	SOAK=$(SOAK) go test -timeout 24h -v -run 'RandomWorlds' ./internal/endtoend
	SOAK=$(SOAK) go test -timeout 24h -v -run 'HostileAnswersCost' ./internal/endtoend
	SOAK=$(SOAK) go test -timeout 30m ./internal/oam/plan
	SOAK=$(SOAK) go test -C alerts/test -count=1 -timeout 30m -run Promtool .

vet:
	@test -z "$$(gofmt -l .)" || { echo "gofmt would change:"; gofmt -l .; exit 1; }
	go vet ./...

lint: ## golangci-lint; built the first time, which takes two minutes
	@scripts/lint

tools: ## what the tests need besides Go: a C compiler, certificates, curl, openssl, Prometheus, Alertmanager
	@scripts/tools

# Also a test: it fails where a panel has no data, or Grafana's libraries don't know
# a unit or a transformation. Development only; node, and some 500 MB of modules.
dashboard-screenshots: tools ## the pictures in docs/dashboards, drawn with Grafana's own libraries in Chromium
	@scripts/chromium
	npm --prefix dashboards/preview ci --no-audit --no-fund --loglevel=error
	go run ./dashboards/generate/screenshots

dashboards: ## dashboards/*.json, also for Grafana's gallery, from dashboards/generate
	go run ./dashboards/generate

bench: ## speed and size, with a report
	go run ./internal/bench
	go test -run '^$$' -bench Planner -benchtime 10x ./internal/oam/plan # at most 0.5 ms a query

fuzz: ## each fuzz test for a while: make fuzz FUZZTIME=1m
	@scripts/fuzz $(or $(FUZZTIME),20s)

image: build ## the container image, with buildah, podman or docker
	VERSION=$(VERSION:v%=%) REVISION=$(REVISION) scripts/image $(IMAGE)

# The version is asked for: what git describes is no release.
release snapshot: export VERSION := $(if $(filter file,$(origin VERSION)),,$(VERSION))

release: ## what is published of a version, in dist/: make release VERSION=v0.1.0
	@scripts/release

snapshot: ## the same of the tree as it is, to try; with TARGETS="linux/amd64" only these
	@VERSION=$${VERSION:-v0.0.0-snapshot} scripts/release try

chart: ## the Helm chart into dist/, for VERSION=v0.1.0 or as its Chart.yaml says
	SOURCE_DATE_EPOCH="$${SOURCE_DATE_EPOCH:-$$($(GIT) log -1 --format=%ct 2>/dev/null)}" scripts/chart '$(if $(filter file,$(origin VERSION)),$(filter v%,$(VERSION)),$(VERSION))'

rules: ## the alert rules, from alerts/rules.tmpl.yml and values.yml; with VALUES=FILE, RUNBOOK_BASE=https://.../runbooks or GRAFANA_BASE=https://... into dist/
	go run ./alerts/generate $(if $(VALUES),-values '$(VALUES)') $(if $(RUNBOOK_BASE),-base '$(RUNBOOK_BASE)') $(if $(GRAFANA_BASE),-grafana '$(GRAFANA_BASE)') $(if $(VALUES)$(RUNBOOK_BASE)$(GRAFANA_BASE),-out dist)

docs: ## what in docs/, config/, deploy/completions and deploy/helm is made from the code
	go test . -run TestMadeFromTheCommandLine -update
	go test ./internal/endtoend -run 'TestGeneratedPages|TestHostileAnswersPage' -update
	go test ./config -run 'TestDetectionsPage|TestSchemaFile' -update
	go test ./internal/commands -run TestRunbookHeads -update
	go test ./deploy/helm -update
	go test ./internal/preflight -run TestExample -update

clean:
	rm -f $(BINARY)
