# Crosspoint: make run and make test do everything on a fresh Debian or Ubuntu
# that has git, make and Go 1.25 or newer. Each step says what it does and costs
# seconds when there is nothing to do.

SHELL   := /bin/bash
GO      ?= go
CACHE   := $(or $(CROSSPOINT_CACHE),$(or $(XDG_CACHE_HOME),$(HOME)/.cache)/crosspoint)
LINT    := $(CACHE)/bin/golangci-lint
LINTVER := v2.6.0
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo 0.1.0)

# Every recipe that compiles runs inside this: it finds or builds FFmpeg 7.1.
ENV := . packaging/env.sh

.PHONY: run build test lint bench bench-quick bench-desk soak-sound soak-disconnect env setup setup-test clean

run: build
	bin/crosspoint

build: setup
	@echo "crosspoint: building bin/crosspoint (the first build compiles Fyne and takes some minutes)"
	@$(ENV) && $(GO) build -ldflags "-X crosspoint.studio/crosspoint/app.Version=$(VERSION)" -o bin/crosspoint .

# test is what CI runs: vet, lint, and every test under the race detector.
test: setup setup-test lint
	@echo "crosspoint: vet"
	@$(ENV) && $(GO) vet ./...
	@echo "crosspoint: tests"
	@$(ENV) && packaging/test.sh

lint: setup
	@packaging/lint.sh $(LINT) $(LINTVER)

bench: build
	@$(ENV) && $(GO) run ./internal/bench $(BENCH)

# bench-quick is the gate of CI: about a minute on an idle machine. A change that is
# meant to cost more records its ratios with make bench-quick BENCH=-record.
bench-quick: build
	@$(ENV) && $(GO) run ./internal/bench -quick $(BENCH)

# bench-desk measures the sound: docs/PERFORMANCE.md, The desk.
bench-desk: setup
	@$(ENV) && $(GO) test -run '^$$' -bench 'Desk|Mixing' -benchtime 1s -count 3 ./internal/audio/inserts ./internal/audio

# soak-sound is a day of five sources whose clocks are off, followed sample by sample through
# the mix, on the virtual clock: twenty minutes of one core. RATE=-50 is one of them alone.
soak-sound: setup
	@$(ENV) && $(GO) test -v -timeout 3h -run 'TestEverySampleIsInTheMix/^$(RATE)' ./internal/audio -hours 24

# soak-disconnect is five minutes of RTMP, SRT and WHIP destinations whose connection is cut
# every 10 s, beside healthy ones and a recording that must lose nothing: docs/DESTINATIONS.md.
soak-disconnect: setup-test
	@$(ENV) && $(GO) test -v -timeout 30m -run TestDisconnects ./internal/e2e -disconnect 5m

# env is a shell in which plain go build and go test work; make env CMD='...' runs one command.
env: setup
	@$(ENV) && if [ -n "$(CMD)" ]; then $(CMD); else echo "crosspoint: this shell has PKG_CONFIG_PATH set; exit leaves it"; exec "$${SHELL:-bash}"; fi

setup:
	@packaging/go.sh $(GO)
	@packaging/apt.sh build
	@packaging/ffmpeg/build.sh >/dev/null

setup-test: setup
	@packaging/apt.sh test

clean:
	rm -rf bin
