#!/usr/bin/env bash
# Each relative link of the pages in a folder leads to something in that folder; those of bench/ are about sources, which
# are not installed. usage: links.sh DOC_DIR
set -euo pipefail
cd "$1"
bad=0 count=0
while IFS= read -r page; do
    while IFS= read -r link; do
        count=$((count + 1))
        there=$(realpath -m "$(dirname "$page")/${link%%#*}")
        case $there in "$(realpath .)"/* | "$(realpath .)") [ -e "$there" ] && continue ;; esac
        echo "$page: $link leads nowhere" >&2
        bad=1
    done < <(grep -oE '\]\([^) ]+\)' "$page" | sed 's/^](//; s/)$//' | grep -vE '^([a-z]+:|#)' || true)
done < <(find . -name '*.md' -not -path './bench/*' -printf '%P\n' | sort)
[ "$count" -gt 50 ] || { echo "only $count links were found" >&2; exit 1; }
exit "$bad"
