#!/usr/bin/env bash
# Builds and tests the Java client, and uses it as a stranger would. Needs a JDK 17 and Maven, and the repository's npm
# packages for the server.
set -euo pipefail
cd "$(dirname "$0")"
here=$PWD
work=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server"; rm -rf "$work"' EXIT

rm -rf target/surefire-reports
failed=0
# The class path is for test/clients/ci.sh, which carries out the scenarios of every language.
mvn -q -B test org.apache.maven.plugins:maven-dependency-plugin:3.8.1:build-classpath -Dmdep.outputFile=target/classpath \
  >"$work/maven" 2>&1 || failed=1
counts=$(cat target/surefire-reports/*.txt 2>/dev/null | sed -n 's/^Tests run: \([0-9]*\), Failures: \([0-9]*\), Errors: \([0-9]*\).*/\1 \2 \3/p')
failures=$(awk '{ sum += $2 + $3 } END { print sum + 0 }' <<<"$counts")
passed=$(awk '{ sum += $1 - $2 - $3 } END { print sum + 0 }' <<<"$counts")
if [ "$failed" = 1 ]; then cut -c1-300 "$work/maven" | tail -60; fi

# The README's ten lines, run twice by an empty project against a real server. Its Maven repository is a copy of links, so
# that the jar comes from there and the real one stays as it is.
(cd ../.. && exec node_modules/.bin/node cli/main.ts serve --store memory: --grpc 127.0.0.1:0 --http 127.0.0.1:0 \
  --log-level error) >"$work/server" &
server=$!
cp -al "${HOME}/.m2/repository" "$work/m2"
maven=(mvn -q -B "-Dmaven.repo.local=$work/m2")
"${maven[@]}" install -DskipTests
if jar tf target/onced-client-*.jar | grep -vE '^(META-INF/|dev/|onced/)'; then
  echo "the jar holds what is not ours"
  exit 1
fi
for _ in $(seq 100); do grep -q 'gRPC on' "$work/server" && break; sleep 0.1; done
address=$(grep -o 'gRPC on [0-9.:]*' "$work/server" | grep -o '[0-9.]*:[0-9]*')

mkdir -p "$work/empty/src/main/java"
cd "$work/empty"
cat >pom.xml <<'POM'
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>com.example</groupId>
  <artifactId>empty</artifactId>
  <version>1</version>
  <properties>
    <maven.compiler.source>17</maven.compiler.source>
    <maven.compiler.target>17</maven.compiler.target>
  </properties>
  <dependencies>
POM
awk '/^```xml$/ { block = 1; next } /^```$/ { block = 0 } block' "$here/README.md" >>pom.xml
echo '</dependencies></project>' >>pom.xml
awk '/^```java$/ { block++; next } /^```$/ && block == 1 { exit } block == 1' "$here/README.md" |
  sed "s/127.0.0.1:50051/$address/" >src/main/java/Main.java
"${maven[@]}" compile org.apache.maven.plugins:maven-dependency-plugin:3.8.1:build-classpath -Dmdep.outputFile=classpath
first=$(java -cp "target/classes:$(cat classpath)" Main)
again=$(java -cp "target/classes:$(cat classpath)" Main)
if [ "$first" = "$again" ] && [[ $first == charged* ]]; then
  passed=$((passed + 1))
else
  echo "the README's program printed '$first', then '$again'"
  failures=$((failures + 1))
  failed=1
fi
echo "$passed passed, $failures failed"
exit "$failed"
