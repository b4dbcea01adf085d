#!/usr/bin/env bash
# Makes src/onced/v1 from proto/onced with grpcio-tools, which ci.sh installs at a fixed version. Messages only: the client
# needs no stubs. The operators' API is left out, since no application should carry it.
set -euo pipefail
cd "$(dirname "$0")"
proto=../../proto
rm -f src/onced/v1/*_pb2.py src/onced/v1/*_pb2.pyi
.venv/bin/python -m grpc_tools.protoc -I "$proto" --python_out=src --pyi_out=src \
  onced/v1/errors.proto onced/v1/idempotency.proto onced/v1/record.proto
