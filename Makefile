# make demo   runs the exporter against the simulated APIs inside it
# make test   tests everything that the everyday run covers

BINARY  := iam_session_exporter
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
VPKG    := github.com/prometheus/common/version
LDFLAGS := -s -w -X $(VPKG).Version=$(VERSION) \
           -X $(VPKG).Revision=$(shell git rev-parse HEAD 2>/dev/null) \
           -X $(VPKG).Branch=$(shell git rev-parse --abbrev-ref HEAD 2>/dev/null)

IMAGE   ?= $(BINARY):$(VERSION)

.PHONY: help build demo test test-rules test-dashboards test-alerts test-prometheus3 test-packaging test-image vet tools rules dashboards dashboard-screenshots bench fuzz soak docs image clean

help: ## this list
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "make %-22s %s\n", $$1, $$2}'

build: ## the static binary
	CGO_ENABLED=0 go build -trimpath -ldflags '$(LDFLAGS)' -o $(BINARY) .

demo: build ## the exporter and two simulated APIs, on http://localhost:10987
	./$(BINARY) --demo

test: tools vet ## all everyday tests
	go test -race -timeout 9m $$(go list ./... | grep -v internal/oam/plan)
	go test -timeout 9m ./internal/oam/plan # no goroutines, and large worlds
	go test -run 'Memory' ./internal/oam # at full size, which the race detector makes too slow

test-rules: tools ## the alerts, with Prometheus's parser, promtool and amtool
	go vet -C alerts/test .
	go test -C alerts/test -count=1 -timeout 15m . # what it reads is outside of its module: no cache

test-alerts: test-rules ## the same, and the alerts on a real Prometheus and Alertmanager: four minutes
	go vet -tags alerting ./internal/alerting
	go test -tags alerting -count=1 -timeout 9m ./internal/alerting

test-prometheus3: tools ## the same on Prometheus 3 and a newer Alertmanager, built from their modules: minutes
	programs=$$(scripts/prometheus3) && env $$programs sh -ec 'go test -C alerts/test -count=1 -timeout 15m . && go test -tags alerting -count=1 -timeout 9m ./internal/alerting'

test-dashboards: tools ## the dashboards: expressions, schema, and each panel's query on a real Prometheus
	go vet -C dashboards/test .
	go test -C dashboards/test -count=1 -timeout 5m . # what it reads is outside of its module: no cache
	go vet -tags dashboards ./internal/dashboards/...
	go test -tags dashboards -count=1 -timeout 5m ./internal/dashboards/...

test-packaging: tools ## the systemd unit and the Kubernetes manifests
	go vet -C internal/packaging -tags image .
	go test -C internal/packaging -count=1 -timeout 5m . # what it reads is outside of its module: no cache

test-image: build ## the image, built and run; as root, with buildah, podman and runc
	@scripts/image-tools
	go test -C internal/packaging -tags image -run 'TestImage$$' -count=1 -timeout 4m .

soak: tools ## what takes long: thousands of reloads, ten thousand pulls, thousands of OAM servers
	SOAK=1 go test -race -timeout 60m -run 'Reloads|LeaveNothing|NoMeaning' ./internal/exporter ./internal/endtoend
	SOAK=1 go test -timeout 30m ./internal/oam/plan

vet:
	@test -z "$$(gofmt -l .)" || { echo "gofmt would change:"; gofmt -l .; exit 1; }
	go vet ./...

tools: ## what the tests need besides Go: promtool, prometheus, amtool, openssl, systemd-analyze
	@scripts/tools

# Also a test: it fails where a panel has no data, or Grafana's libraries don't know
# a unit or a transformation. Development only; node, and some 500 MB of modules.
dashboard-screenshots: tools ## the pictures in docs/dashboards, drawn with Grafana's own libraries in Chromium
	@scripts/chromium
	npm --prefix dashboards/preview ci --no-audit --no-fund --loglevel=error
	go run ./internal/dashboards/screenshots

dashboards: ## dashboards/*.json, from internal/dashboards
	go run ./internal/dashboards

bench: ## speed and size, with a report
	go run ./internal/bench
	go test -run '^$$' -bench Planner -benchtime 10x ./internal/oam/plan # at most 0.5 ms a query

fuzz: ## each fuzz test for a while: make fuzz FUZZTIME=1m
	@scripts/fuzz $(or $(FUZZTIME),20s)

image: build ## the container image, with buildah, podman or docker
	VERSION=$(VERSION) REVISION=$(shell git rev-parse HEAD 2>/dev/null) scripts/image $(IMAGE)

rules: ## the alert rules, from alerts/rules.tmpl.yml and values.yml; with VALUES=FILE, RUNBOOK_BASE=https://.../runbooks or GRAFANA_BASE=https://... into dist/
	go run ./internal/rules $(if $(VALUES),-values '$(VALUES)') $(if $(RUNBOOK_BASE),-base '$(RUNBOOK_BASE)') $(if $(GRAFANA_BASE),-grafana '$(GRAFANA_BASE)') $(if $(VALUES)$(RUNBOOK_BASE)$(GRAFANA_BASE),-out dist)

docs: ## what in README.md is made from the code
	go test ./internal/endtoend -run TestReadme -update

clean:
	rm -f $(BINARY)
