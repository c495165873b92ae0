#!/usr/bin/env bash
# Lints with golangci-lint, installing the pinned version into the cache when it
# is not there; where it does not install, staticcheck stands in and says so.
#   packaging/lint.sh PATH-OF-BINARY VERSION
set -euo pipefail
lint=$1 version=$2
say() { printf 'crosspoint: %s\n' "$*"; }
. packaging/env.sh
unformatted=$(gofmt -l $(git ls-files '*.go'))
[ -z "$unformatted" ] || { say "not formatted with gofmt: $unformatted"; exit 1; }
if [ ! -x "$lint" ]; then
  say "installing golangci-lint $version (a few minutes, once)"
  GOBIN=$(dirname "$lint") go install "github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$version" >/dev/null 2>&1 || true
fi
if [ -x "$lint" ]; then
  say "lint (golangci-lint $version)"
  exec "$lint" run --allow-parallel-runners ./...
fi
say "golangci-lint does not install here; staticcheck instead"
exec go run honnef.co/go/tools/cmd/staticcheck@v0.6.1 ./...
