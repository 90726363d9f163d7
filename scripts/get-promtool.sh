#!/bin/bash
# get-promtool.sh FOLDER
#
# Puts promtool, the checker of Prometheus' rules, into FOLDER/bin, without root and without installing anything: the
# package is fetched from the archive that apt on this machine already uses (about 20 MB) and one file of it is kept.
# FOLDER appears only when it is complete; one that exists already is left as it is. Debian and Ubuntu only.
set -euo pipefail

say() { printf 'get-promtool: %s\n' "$*" >&2; }
die() { say "$@"; exit 1; }

folder=${1:-}
[[ -n $folder ]] || die 'usage: get-promtool.sh FOLDER'
[[ -x $folder/bin/promtool ]] && exit 0
for tool in apt-get dpkg-deb; do
  command -v "$tool" >/dev/null || die "this needs Debian or Ubuntu ($tool is missing); name a promtool in LIFEBOAT_TEST_PROMTOOL"
done

mkdir -p "$(dirname "$folder")"
folder=$(cd "$(dirname "$folder")" && pwd)/$(basename "$folder")
new=$(mktemp -d "$folder.new-XXXXXX")
trap 'rm -rf "$new"' EXIT
apt=$new/apt
mkdir -p "$apt"/{state/lists/partial,cache/archives/partial,debs}

# Lists and a cache of its own: those of the machine may be empty, and may not be written to.
options=(
  -o Dir::State="$apt/state" -o Dir::State::lists="$apt/state/lists" -o Dir::Cache="$apt/cache"
  -o Dir::State::status=/var/lib/dpkg/status -o Debug::NoLocking=1 -o Acquire::Languages=none -o APT::Sandbox::User=
)
say 'fetching the package prometheus'
apt-get "${options[@]}" -qq update >&2 || die 'apt could not read its archive'
(cd "$apt/debs" && apt-get "${options[@]}" -qq download prometheus >&2) || die 'the archive of apt has no package prometheus'
dpkg-deb --fsys-tarfile "$apt"/debs/prometheus_*.deb | tar -x -C "$new" ./usr/bin/promtool
mkdir "$new/bin"
mv "$new/usr/bin/promtool" "$new/bin/promtool"
rm -rf "$apt" "$new/usr"
"$new/bin/promtool" --version >/dev/null 2>&1 || die 'the promtool that was unpacked does not run here'
chmod 755 "$new"

# Two runs may race: whoever comes second finds a complete folder and throws its own away.
if ! mv -T "$new" "$folder" 2>/dev/null; then
  [[ -x $folder/bin/promtool ]] || die "$folder is in the way: it exists and holds no promtool"
fi
say "promtool is in $folder/bin"
