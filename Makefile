# `make` or `make help` lists what there is.

SHELL      := /bin/bash
GO         ?= go
GOLANGCI   := v2.8.0
VERSION    := $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
# Packages that bring in the LiveKit server: building it with the race detector
# takes longer than all tests together.
SERVER     := ./cmd/... ./internal/... ./plugin/...
CONSOLE    := web/console

.DEFAULT_GOAL := help
.PHONY: $(shell sed -nE 's/^([a-z-]+):.*/\1/p' $(firstword $(MAKEFILE_LIST)))

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

build: web ## build bin/roomreel
	$(GO) build -ldflags '-X main.version=$(VERSION)' -o bin/roomreel ./cmd/roomreel

web: ## build the console (skipped without Node.js 20, or where nothing changed)
	@if command -v npm >/dev/null && node -e 'process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)'; then $(MAKE) --no-print-directory $(CONSOLE)/dist/app/index.html; \
	else echo "Node.js 20 with npm is missing: the console will say how to build it"; fi

$(CONSOLE)/dist/app/index.html: $(CONSOLE)/node_modules/.package-lock.json $(shell find $(CONSOLE)/src $(CONSOLE)/public web/sdk/src -type f) $(CONSOLE)/index.html $(CONSOLE)/vite.config.ts api/testdata/openapi.json
	cd $(CONSOLE) && npm run --silent build -- --logLevel warn

$(CONSOLE)/node_modules/.package-lock.json: $(CONSOLE)/package-lock.json
	cd $(CONSOLE) && npm ci --silent --no-audit --no-fund

test-web: $(CONSOLE)/node_modules/.package-lock.json ## check the console's types and test its parts
	cd $(CONSOLE) && npm run --silent check

demo: setup-demo build ## record three participants for real and make their film (KEEP=1 stays up)
	$(GO) build -o bin/demo ./internal/demo
	@ROOMREEL_LOG_LEVEL=$${ROOMREEL_LOG_LEVEL:-warn} bin/demo -data data/demo $(if $(KEEP),-keep)

browser: ## fetch what the tests need of npm: Chromium's driver, LiveKit's clients
	@for d in internal/browser internal/serversdk; do [ -d $$d/node_modules ] || (cd $$d && npm ci --silent --no-audit --no-fund) || exit; done

sdk: web/sdk/dist/index.js ## build the browser SDK, and check its types and its size

web/sdk/dist/index.js: $(wildcard web/sdk/src/*.ts web/sdk/*.json web/sdk/*.ts)
	@cd web/sdk && npm ci --silent --no-audit --no-fund && npm run --silent check && npm run --silent build -- --silent && npm run --silent size

e2e-web: setup-test build browser sdk $(CONSOLE)/node_modules/.package-lock.json ## the console and the SDK in Chromium: every page, every cause (10 min)
	cd $(CONSOLE) && npm run --silent e2e
	E2E_WEB=1 $(GO) test -count 1 -timeout 20m -run '^TestSDK' ./cmd/roomreel

test: setup-test web browser sdk test-web test-race test-server ## run every test, against real LiveKit, Redis, ffmpeg and Chromium

test-race:
	CI=true $(GO) test -race -timeout 20m $$($(GO) list ./... | grep -vE '/(cmd|internal|plugin)(/|$$)')

test-server:
	CI=true $(GO) test -p 1 -timeout 20m $(SERVER)
	CI=true $(GO) test -run '^TestBot' ./recorder
	cd deploy && CI=true $(GO) test ./...

bench-record: ## recorder against a subscriber that throws packets away, 32 participants
	$(GO) run ./internal/bench record

bench-compose: setup-demo ## films against their floor and simple recipes, for 4, 9 and 25 participants
	$(GO) run ./internal/bench compose

bench-start: build ## from the start call to media on disk, and from stop to complete files
	$(GO) run ./internal/bench start

chaos-kill: ## kill -9 a recorder at random moments, repair, count what is missing
	$(GO) run ./internal/bench chaos-kill

chaos-takeover: build ## kill -9 one of three nodes again and again, then restart Redis empty
	$(GO) run ./internal/bench chaos-takeover

chaos-egress: setup-test ## kill -9 the egress worker at every moment of each kind of egress
	ROOMREEL_CHAOS=1 $(GO) test -count=1 -timeout 20m -run '^TestEgressKilledAtEveryMoment$$' -v ./cmd/roomreel

bench-egress: build ## what an egress costs the worker, by kind
	$(GO) run ./internal/bench egress

chaos-deliver: ## webhooks and uploads to receivers that misbehave, by a deliverer that is killed
	$(GO) run ./internal/bench chaos-deliver

loss: setup-loss ## record with 1, 5 and 10 % of packets lost on the way to the bot
	$(GO) run ./internal/bench loss

soak: build ## 20 restless rooms for half an hour, recorded again and again: what breaks, what leaks
	$(GO) run ./internal/bench soak

lint: bin/golangci-lint ## check style and the direction of imports
	bin/golangci-lint run ./...

bin/golangci-lint:
	GOBIN="$(CURDIR)/bin" $(GO) install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI)

setup-loss:
	@scripts/setup iproute2 nftables util-linux ffmpeg

setup-demo:
	@scripts/setup ffmpeg

setup-test:
	@scripts/setup ffmpeg redis-server mkvtoolnix chromium npm

clean: ## remove what was built
	rm -rf bin $(CONSOLE)/dist/app web/sdk/dist \
	       $(CONSOLE)/node_modules web/sdk/node_modules internal/browser/node_modules internal/serversdk/node_modules
