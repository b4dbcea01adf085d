#!/usr/bin/env bash
# Builds and tests the Go client, and uses it as a stranger would. Needs Go, and the repository's npm packages for the
# server and for buf.
set -euo pipefail
cd "$(dirname "$0")"
here=$PWD
work=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server"; rm -rf "$work"' EXIT

./generate.sh
git diff --exit-code --stat -- oncedv1 || { echo "oncedv1 is not what proto/onced makes: run clients/go/generate.sh"; exit 1; }
test -z "$(gofmt -l .)" || { echo "gofmt: $(gofmt -l .)"; exit 1; }
go vet ./...
go mod tidy -diff

failed=0
go test -json -race -timeout 180s ./... >"$work/report" || failed=1
passed=$(grep -c '"Action":"pass".*"Test":' "$work/report" || true)
failures=$(grep -c '"Action":"fail".*"Test":' "$work/report" || true)
if [ "$failed" = 1 ]; then grep -o '"Output":".*"' "$work/report" | tail -80; fi

# The scenarios that every language carries out, over a network that loses things; .bin/scenarios is used by test/clients/ci.sh.
go build -o .bin/scenarios ./internal/scenarios

# An empty program gets the module as its users do, from a proxy that has what git holds, and runs the README's ten lines
# twice against a real server.
(cd ../.. && exec node_modules/.bin/node cli/main.ts serve --store memory: --grpc 127.0.0.1:0 --http 127.0.0.1:0 \
  --log-level error) >"$work/server" &
server=$!
for _ in $(seq 100); do grep -q 'gRPC on' "$work/server" && break; sleep 0.1; done
address=$(grep -o 'gRPC on [0-9.:]*' "$work/server" | grep -o '[0-9.]*:[0-9]*')

module=github.com/onced/onced/clients/go version=v0.0.0-ci
mkdir -p "$work/empty" "$work/proxy/$module/@v"
tree=$(git stash create)
git -C ../.. archive --format=zip --prefix="$module@$version/" -o "$work/proxy/$module/@v/$version.zip" "${tree:-HEAD}:clients/go"
cp go.mod "$work/proxy/$module/@v/$version.mod"
echo "{\"Version\":\"$version\"}" >"$work/proxy/$module/@v/$version.info"
cd "$work/empty"
# A module cache of its own, filled from the one that is here.
export GOPROXY="file://$work/proxy,file://$(go env GOMODCACHE)/cache/download,$(go env GOPROXY)" GONOSUMDB="$module"
export GOMODCACHE="$work/modules" GOFLAGS=-modcacherw
go mod init example.com/empty 2>"$work/init"
go mod edit -require "$module@$version"
awk '/^```go$/ { block++; next } /^```$/ && block == 1 { exit } block == 1' "$here/README.md" |
  sed "s/127.0.0.1:50051/$address/" >main.go
go mod tidy 2>"$work/tidy" || { cat "$work/tidy"; exit 1; }
first=$(go run .)
again=$(go run .)
if [ "$first" = "$again" ] && [[ $first == charged* ]]; then
  passed=$((passed + 1))
else
  echo "the README's program printed '$first', then '$again'"
  failures=$((failures + 1))
  failed=1
fi
echo "$passed passed, $failures failed"
exit "$failed"
