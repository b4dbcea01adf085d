#!/usr/bin/env bash
# Makes clients/go/oncedv1 from proto/onced with buf (npm) and two plugins from the Go module proxy, at fixed versions.
set -euo pipefail
cd "$(dirname "$0")/../.."

plugins="$PWD/clients/go/.bin"
GOBIN="$plugins" go install google.golang.org/protobuf/cmd/protoc-gen-go@v1.36.12
GOBIN="$plugins" go install google.golang.org/grpc/cmd/protoc-gen-go-grpc@v1.6.2
PATH="$plugins:$PWD/node_modules/.bin:$PATH" buf generate --template clients/go/buf.gen.yaml
