#!/usr/bin/env bash
# Installs the built tree into a scratch place, builds examples/embed against it with find_package,
# and runs that over a real chain. usage: run.sh BUILD_DIR SOURCE_DIR
set -euo pipefail
build=$1
source=$2
work=$(mktemp -d)
chain=
trap '[ -z "$chain" ] || kill "$chain" 2>/dev/null; rm -rf "$work"' EXIT

cmake --install "$build" --prefix "$work/prefix" >/dev/null
# The public headers stand by themselves, each and all together.
(cd "$work/prefix/include/plumbline" && find . -name '*.hpp' | sort | sed 's|^\./\(.*\)|#include "\1"|') >"$work/all.cpp"
g++ -std=c++20 -fsyntax-only -I "$work/prefix/include/plumbline" "$work/all.cpp"
if grep -rnE '#include <(rocksdb|curl|simdjson|toml)' "$work/prefix/include"; then
    echo "a public header needs a header that users need not have" >&2
    exit 1
fi
cmake -S "$source/examples/embed" -B "$work/embed" -G Ninja -DCMAKE_PREFIX_PATH="$work/prefix" \
    -DCMAKE_BUILD_TYPE=Release -DCMAKE_CXX_COMPILER=g++ >/dev/null
cmake --build "$work/embed" -- --quiet

node "$source/tools/node/anvil.mjs" --port 0 --timestamp 1700000000 --with-parent --log /dev/null >"$work/anvil.json" &
chain=$!
for _ in $(seq 1200); do [ -s "$work/anvil.json" ] && break; sleep 0.05; done
url=$(sed -n 's/.*"url":"\([^"]*\)".*/\1/p' "$work/anvil.json")
node "$source/examples/community/activity.mjs" --rpc "$url" --steps 150 >"$work/activity.json"
"$work/embed/embed" "$source/examples/embed/plumbline.toml" "$work/db" "$url" | tee "$work/out"
votes=$(grep -o '"VoteCast":[0-9]*' "$work/activity.json" | cut -d: -f2)
[ "$votes" -gt 0 ]
grep -qE '^voter [1-9]' "$work/out"
grep -qE '^longest_comment [1-9]' "$work/out"
plumbline=$work/prefix/bin/plumbline
"$plumbline" list "$work/db" longest_comment --limit 1 | grep -q '"text"'

# The command does not have the handler: it leaves alone what that made, says what to do instead, and
# still proves the log.
"$plumbline" dump "$work/db" --entity longest_comment >"$work/before"
refused() {
    code=0
    "$plumbline" "$@" 2>"$work/err" >/dev/null || code=$?
    [ "$code" = 2 ] || { echo "plumbline $1: exit $code, not 2" >&2; cat "$work/err" >&2; exit 1; }
    grep -q 'made by handlers written in C++.*with the program that has them' "$work/err" ||
        { cat "$work/err" >&2; exit 1; }
}
refused rebuild "$work/db"
refused run "$source/examples/embed/plumbline.toml" --db "$work/db" --rpc "$url" --until head
refused verify "$work/db" --rpc "$url"
refused repair "$work/db" --rpc "$url"
"$plumbline" verify "$work/db" --proof log --rpc "$url"
"$plumbline" dump "$work/db" --entity longest_comment | cmp - "$work/before"
