#!/usr/bin/env bash
# Says whether Go is new enough for go.mod, before anything is installed or built. Go 1.21 and
# newer fetch what go.mod asks for themselves, unless GOTOOLCHAIN says local.
#   packaging/go.sh [GO]
set -euo pipefail
go=${1:-go}
need=$(sed -n 's/^go \([0-9]*\.[0-9]*\).*/\1/p' go.mod)
say() { printf 'crosspoint: %s\n' "$*"; exit 1; }
command -v "$go" >/dev/null || say "Go $need or newer has to be installed first (https://go.dev/dl): there is no $go"
said=$("$go" env GOVERSION 2>&1) || say "Go $need or newer has to be installed first (https://go.dev/dl): $go says: $said"
have=$(sed -n 's/.*go\([0-9][0-9.]*\).*/\1/p' <<<"$said")
printf '%s\n' "$need" "${have:-0}" | sort -VC || say "Go $need or newer has to be installed first (https://go.dev/dl): $go is ${have:-older than 1.16}"
