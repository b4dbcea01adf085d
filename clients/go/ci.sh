#!/usr/bin/env bash
# Builds and tests the Go client. Needs Go, and the repository's npm packages for the server and for buf.
set -euo pipefail
cd "$(dirname "$0")"

./generate.sh
git diff --exit-code --stat -- oncedv1 || { echo "oncedv1 is not what proto/onced makes: run clients/go/generate.sh"; exit 1; }
test -z "$(gofmt -l .)" || { echo "gofmt: $(gofmt -l .)"; exit 1; }
go vet ./...

report=$(mktemp)
trap 'rm -f "$report"' EXIT
go test -json -race -timeout 180s ./... >"$report" || failed=1
passed=$(grep -c '"Action":"pass".*"Test":' "$report" || true)
failures=$(grep -c '"Action":"fail".*"Test":' "$report" || true)
if [ -n "${failed:-}" ]; then
  grep -o '"Output":".*"' "$report" | tail -80
fi
echo "$passed passed, $failures failed"
exit "${failed:-0}"
