#!/usr/bin/env bash
# Each *_fails.cpp here touches what a lock guards, without the lock: clang must refuse it for that
# and nothing else; with TAKE_THE_LOCK defined the same file must pass.
# usage: run.sh SOURCE_DIR
set -euo pipefail
cd "$1"
flags=(-std=c++20 -fsyntax-only -I. -DFMT_SHARED -Wthread-safety -Werror=thread-safety)
failed=0
for file in tests/tools/thread_safety/*_fails.cpp; do
    told=$(clang++ "${flags[@]}" "$file" 2>&1) && { echo "$file compiles: nothing guards the field" >&2; failed=1; continue; }
    if grep 'error:' <<<"$told" | grep -qv 'Wthread-safety'; then
        echo "$file is refused for another reason:" >&2
        grep 'error:' <<<"$told" >&2
        failed=1
        continue
    fi
    if ! clang++ "${flags[@]}" -DTAKE_THE_LOCK "$file"; then
        echo "$file does not pass with the lock either" >&2
        failed=1
        continue
    fi
    echo "$file: refused, and passes with the lock"
done
exit $failed
