#!/usr/bin/env bash
# The package on a bare Debian 12: an older version of it installed by one command, init and run against a chain, the
# upgrade, then page, query, proof and repair of a damaged row, as its user would. usage: deb.sh BUILD_DIR SOURCE_DIR [ROOT]
# Skipped (77) where nobody may make a root, or Debian's mirror is not there. ROOT: a bare root to copy, else one is made.
set -euo pipefail
build=$1
source=$2
bare=${3:-}
[ "$(id -u)" = 0 ] && command -v debootstrap >/dev/null || { echo "skipped: needs root and debootstrap"; exit 77; }
work=$(mktemp -d)
root=$work/root
chain=
service=
finish() {
    [ -z "$service" ] || kill "$service" 2>/dev/null || true
    [ -z "$chain" ] || kill "$chain" 2>/dev/null || true
    umount "$root/proc" 2>/dev/null || true
    rm -rf --one-file-system "$work"
}
trap finish EXIT
step() { printf '%4d s  %s\n' $((SECONDS - since)) "$*"; }
inside() { chroot "$root" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root TERM=dumb "$@"; }
as_user() { inside runuser -u plumbline -- "$@"; }
install() {
    inside sh -c 'DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$1"' sh "$1" >"$work/apt.log" 2>&1 ||
        { tail -n 20 "$work/apt.log" >&2; exit 1; }
}
# The same with a lower version, another unit and a file that the newer one does not have.
make_older() {
    dpkg-deb -R "$1" "$work/older"
    sed -i 's/^Version: .*/&~older/' "$work/older/DEBIAN/control"
    echo '# older' >>"$work/older/usr/lib/systemd/system/plumbline.service"
    echo older >"$work/older/usr/share/doc/plumbline/older"
    dpkg-deb --root-owner-group -Zgzip -z1 -b "$work/older" "$2" >/dev/null
}
# Says what systemd would have been told.
fake_systemd() {
    mkdir -p "$root/run/systemd/system"
    printf '#!/bin/sh\necho "$*" >>/tmp/systemctl.log\n' >"$root/usr/bin/systemctl"
    chmod 755 "$root/usr/bin/systemctl"
}
told() {
    local calls
    calls=$(cat "$root/tmp/systemctl.log" 2>/dev/null | tr '\n' ';')
    rm -f "$root/tmp/systemctl.log"
    [ "$calls" = "$2" ] || { echo "$1 told systemd '$calls', not '$2'" >&2; exit 1; }
}

package=$(ls "$build"/plumbline_*.deb 2>/dev/null) || { echo "there is no package: run tools/package" >&2; exit 1; }
size=$(stat -c %s "$package")
[ "$size" -lt $((20 << 20)) ] || { echo "the package has $size bytes, 20 MiB are the most" >&2; exit 1; }
if [ -n "$bare" ]; then cp -a "$bare" "$root"; else
    debootstrap --variant=minbase bookworm "$root" >"$work/debootstrap.log" 2>&1 ||
        { tail -n 3 "$work/debootstrap.log"; echo "skipped: no bare root could be made"; exit 77; }
fi
cp /etc/resolv.conf "$root/etc/" 2>/dev/null || true
mount -t proc proc "$root/proc"
cp "$package" "$root/tmp/plumbline.deb"
make_older "$package" "$root/tmp/older.deb"
cp "$source/examples/community/CommunityHub.json" "$root/tmp/"
since=$SECONDS

inside apt-get update -qq
fake_systemd
install /tmp/older.deb
told "the first install" "daemon-reload;"
step "installed: $(inside plumbline --version)"
for file in usr/bin/plumbline lib/systemd/system/plumbline.service usr/share/man/man1/plumbline.1.gz \
    usr/share/bash-completion/completions/plumbline usr/share/zsh/vendor-completions/_plumbline \
    usr/share/fish/vendor_completions.d/plumbline.fish etc/plumbline var/lib/plumbline \
    usr/share/doc/plumbline/copyright usr/share/doc/plumbline/examples/community/activity.mjs \
    usr/share/doc/plumbline/examples/community/CommunityHub.sol; do
    [ -e "$root/$file" ] || { echo "$file is missing" >&2; exit 1; }
done
[ "$(inside stat -c '%U %a' /var/lib/plumbline)" = "plumbline 700" ]
"$(dirname "$0")/links.sh" "$root/usr/share/doc/plumbline"
[ -z "$(find "$root/usr/share/doc/plumbline" -name node_modules -print -quit)" ]
file -b "$root/usr/bin/plumbline" | grep -q ', stripped' || { echo "the binary is not stripped" >&2; exit 1; }

node "$source/tools/node/anvil.mjs" --port 0 --timestamp 1700000000 --with-parent --log /dev/null >"$work/anvil.json" &
chain=$!
for _ in $(seq 1200); do [ -s "$work/anvil.json" ] && break; sleep 0.05; done
url=$(sed -n 's/.*"url":"\([^"]*\)".*/\1/p' "$work/anvil.json")
node "$source/examples/community/activity.mjs" --rpc "$url" --steps 150 >"$work/activity.json"
address=$(sed -n 's/.*"address":"\([^"]*\)".*/\1/p' "$work/activity.json" | head -n 1)
since=$SECONDS
as_user plumbline init /etc/plumbline --abi /tmp/CommunityHub.json --address "$address" --rpc "$url"
step "init"
as_user plumbline run /etc/plumbline/plumbline.toml --db /var/lib/plumbline/db --until head --quiet
step "run: at the head"
find "$root/etc/plumbline" -type f -exec md5sum {} + | sort >"$work/before"
install /tmp/plumbline.deb
told "the upgrade" "daemon-reload;daemon-reload;try-restart plumbline.service;"
[ "$(inside dpkg-query -W -f '${Version}' plumbline)" = "$(dpkg-deb -f "$package" Version)" ]
find "$root/etc/plumbline" -type f -exec md5sum {} + | sort | cmp - "$work/before"
[ "$(inside stat -c '%U %a' /etc/plumbline/plumbline.toml)" = "plumbline 600" ]
grep -q '# older' "$root/lib/systemd/system/plumbline.service" && { echo "the unit is the older one" >&2; exit 1; }
[ ! -e "$root/usr/share/doc/plumbline/older" ] || { echo "a file of the older package is left" >&2; exit 1; }
[ -z "$(inside dpkg -V plumbline)" ] || { inside dpkg -V plumbline >&2; exit 1; }
as_user plumbline status /var/lib/plumbline/db >/dev/null
step "upgraded: config and database as they were"
# Any free port: 8080 may be somebody's here.
as_user sed -i 's/^listen = .*/listen = "127.0.0.1:0"/' /etc/plumbline/plumbline.toml
# Without functions, so that the id is that of runuser, which hands signals on.
chroot "$root" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root TERM=dumb runuser -u plumbline -- \
    plumbline run /etc/plumbline/plumbline.toml --db /var/lib/plumbline/db 2>"$work/service.log" &
service=$!
for _ in $(seq 1200); do [ -s "$root/var/lib/plumbline/db/SERVICE" ] && break; sleep 0.05; done
[ -s "$root/var/lib/plumbline/db/SERVICE" ] || { cat "$work/service.log" >&2; exit 1; }
page=$(sed -n 's/.*\(http:[^ "]*\).*/\1/p' "$root/var/lib/plumbline/db/SERVICE")
node -e 'fetch(process.argv[1]).then((r) => r.text()).then((t) => process.exit(t.includes("<title>plumbline") ? 0 : 1))' "$page/" ||
    { cat "$work/service.log" >&2; exit 1; }
step "the page"
kill "$service"
wait "$service" || true
service=
as_user plumbline list /var/lib/plumbline/db community_created --limit 1 | grep -q '"name"'
step "the first query"
install sqlite3
rows=$(as_user sqlite3 :memory: '.load libplumbline_sqlite' "select plumbline_attach('/var/lib/plumbline/db')" \
    'select count(*) from community_created' | tail -n 1)
[ "$rows" -gt 0 ] || { echo "the extension for SQLite sees no rows" >&2; exit 1; }
step "the same in the sqlite3 shell"
as_user plumbline verify /var/lib/plumbline/db --rpc "$url" >"$work/proof" || { cat "$work/proof" >&2; exit 1; }
step "the first proof"
"$build/plumbline_damage" set-field "$root/var/lib/plumbline/db" --entity community_created --seed 1 --field name --value nobody >/dev/null
chown -R --reference "$root/var/lib/plumbline" "$root/var/lib/plumbline/db"
if as_user plumbline verify /var/lib/plumbline/db --rpc "$url" >"$work/proof"; then echo "the damage was not found" >&2; exit 1; fi
grep -q community_created "$work/proof"
step "a damaged row found"
as_user plumbline repair /var/lib/plumbline/db --rpc "$url" >"$work/repair" || { cat "$work/repair" >&2; exit 1; }
as_user plumbline verify /var/lib/plumbline/db --rpc "$url" >"$work/proof" || { cat "$work/proof" >&2; exit 1; }
step "the first repair"
inside sh -c 'DEBIAN_FRONTEND=noninteractive apt-get purge -y -qq plumbline' >"$work/apt.log" 2>&1
told "purging" "disable --now plumbline.service;daemon-reload;daemon-reload;"
[ -e "$root/var/lib/plumbline/db" ] || { echo "purging has deleted the database" >&2; exit 1; }
echo "the package is as it should be: $size bytes"
