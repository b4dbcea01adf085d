#!/usr/bin/env bash
# Checks and tests the Python client, and uses it as a stranger would. Needs Python 3.10 or later with venv, and the
# repository's npm packages for the server. Keeps what it installs in .venv.
set -euo pipefail
cd "$(dirname "$0")"
here=$PWD
work=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server"; rm -rf "$work"' EXIT

if ! cmp -s requirements.txt .venv/installed; then
  rm -rf .venv
  python3 -m venv .venv
  .venv/bin/pip install -q --disable-pip-version-check -r requirements.txt
  cp requirements.txt .venv/installed
fi

./generate.sh
git diff --exit-code --stat -- src/onced/v1 || { echo "src/onced/v1 is not what proto/onced makes: run clients/python/generate.sh"; exit 1; }
.venv/bin/ruff format --check -q . || { echo "run ruff format"; exit 1; }
.venv/bin/ruff check -q .
.venv/bin/mypy --no-error-summary

failed=0
timeout --kill-after=10 400 .venv/bin/pytest --junit-xml="$work/report.xml" >"$work/pytest" 2>&1 || failed=1
counted() { grep -o " $1=\"[0-9]*\"" "$work/report.xml" | head -1 | grep -o '[0-9]*' || echo 0; }
failures=$(($(counted failures) + $(counted errors)))
passed=$(($(counted tests) - failures - $(counted skipped)))
if [ "$failed" = 1 ]; then tail -120 "$work/pytest"; fi

# The wheel, in an empty environment, runs the README's ten lines twice against a real server.
(cd ../.. && exec node_modules/.bin/node cli/main.ts serve --store memory: --grpc 127.0.0.1:0 --http 127.0.0.1:0 \
  --log-level error) >"$work/server" &
server=$!
.venv/bin/pip wheel -q --disable-pip-version-check --no-deps --no-build-isolation -w "$work" .
python3 -m venv "$work/empty"
"$work/empty/bin/pip" install -q --disable-pip-version-check "$work"/onced-*.whl
if unzip -Z1 "$work"/onced-*.whl | grep -vE '^(onced/|onced-[0-9.]*\.dist-info/)'; then
  echo "the wheel holds what is not ours"
  exit 1
fi
for _ in $(seq 100); do grep -q 'gRPC on' "$work/server" && break; sleep 0.1; done
address=$(grep -o 'gRPC on [0-9.:]*' "$work/server" | grep -o '[0-9.]*:[0-9]*')
awk '/^```python$/ { block++; next } /^```$/ && block == 1 { exit } block == 1' "$here/README.md" |
  sed "s/127.0.0.1:50051/$address/" >"$work/main.py"
first=$(cd "$work" && "$work/empty/bin/python" main.py)
again=$(cd "$work" && "$work/empty/bin/python" main.py)
if [ "$first" = "$again" ] && [[ $first == charged* ]] && [ -f "$work"/empty/lib/python3*/site-packages/onced/py.typed ]; then
  passed=$((passed + 1))
else
  echo "the README's program printed '$first', then '$again'"
  failures=$((failures + 1))
  failed=1
fi
echo "$passed passed, $failures failed"
exit "$failed"
