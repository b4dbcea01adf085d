#!/usr/bin/env bash
# Every language's client carries out the same scenarios over a faulty network, and asks again for what the others have
# done. Comes after the clients' own ci.sh, which build the runners; under CI=true a runner that is missing is a failure.
set -euo pipefail
cd "$(dirname "$0")/../.."
node=node_modules/.bin/node

runners=("node=$node test/clients/runner.ts unary" "node-session=$node test/clients/runner.ts session")

# NAME, a file that is there once the runner is built, and the command.
add() {
  if [ -e "$2" ]; then
    runners+=("$1=$3")
  elif [ "${CI:-}" = true ]; then
    echo "the runner of $1 is missing: $2"
    exit 1
  else
    echo "without $1: $2 is missing"
  fi
}
add go clients/go/.bin/scenarios clients/go/.bin/scenarios
java=clients/java/target
add java $java/classpath "java -cp $java/test-classes:$java/classes:$(cat $java/classpath 2>/dev/null || true) dev.onced.scenarios.Main"
python=clients/python/.venv/bin/python
add python $python "$python clients/python/tests/scenarios.py threads"
add asyncio $python "$python clients/python/tests/scenarios.py asyncio"

add web /usr/bin/chromium "$node test/clients/browser-runner.ts"

exec "$node" test/clients/drive.ts "${runners[@]}"
