#!/usr/bin/env bash
# Lints with golangci-lint of the pinned version, which is installed into the cache when
# none or another is there; where it does not install, staticcheck takes its place, and that is said.
#   packaging/lint.sh PATH-OF-BINARY VERSION
set -euo pipefail
lint=$1 version=$2
say() { printf 'crosspoint: %s\n' "$*"; }
# pinned: the binary is there, and of that version.
pinned() { [ -x "$lint" ] && [ "v$("$lint" version --short 2>/dev/null)" = "$version" ]; }
. packaging/env.sh
unformatted=$(gofmt -l $(git ls-files '*.go'))
[ -z "$unformatted" ] || { say "not formatted with gofmt: $unformatted"; exit 1; }
why=
if ! pinned; then
  say "installing golangci-lint $version (a few minutes, once)"
  why=$(GOBIN=$(dirname "$lint") go install "github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$version" 2>&1) || true
fi
if pinned; then
  say "lint (golangci-lint $version)"
  exec "$lint" run --allow-parallel-runners ./...
fi
say "golangci-lint $version does not install here: $(tail -n 3 <<<"$why")"
say "staticcheck lints in its place, and finds less"
go run honnef.co/go/tools/cmd/staticcheck@v0.6.1 ./...
say "staticcheck has found nothing; golangci-lint $version has NOT run"
