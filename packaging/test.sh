#!/usr/bin/env bash
# Runs every test: packages that measure real time alone and after the others, so
# that compilers and race detectors do not share their two cores with them.
set -uo pipefail
timed='/internal/e2e'
quick=$(go list ./... | grep -v "$timed")
status=0
# shellcheck disable=SC2086
go test -race -shuffle=on -timeout 20m -p 2 $quick || status=1
slow=$(go list ./... | grep "$timed" || true)
if [ -n "$slow" ]; then
  echo "crosspoint: end-to-end tests, in real time"
  # shellcheck disable=SC2086
  go test -timeout 30m -p 1 $slow || status=1
fi
exit $status
