#!/bin/bash
# get-pgclient.sh MAJOR FOLDER
#
# Puts pg_dump, pg_restore, pg_dumpall, psql and pg_isready of Postgres MAJOR into FOLDER/bin, without root and without
# installing anything: the packages are fetched from the archive that apt on this machine already uses, from whichever
# release there carries that major, and unpacked together with the libraries (and the libc) they were built for.
# FOLDER may be moved afterwards. It appears only when it is complete; one that exists already is left as it is.
#
# Debian and Ubuntu only. The packages' signatures are checked by apt against the keyrings of this machine.
set -euo pipefail

say() { printf 'get-pgclient: %s\n' "$*" >&2; }
die() { say "$@"; exit 1; }

major=${1:-}
folder=${2:-}
[[ $major =~ ^[0-9]+$ && -n $folder ]] || die 'usage: get-pgclient.sh MAJOR FOLDER'
[[ -x $folder/bin/pg_dump ]] && exit 0

for tool in apt-get apt-cache dpkg dpkg-deb; do
  command -v "$tool" >/dev/null || die "this needs Debian or Ubuntu ($tool is missing); install the Postgres $major client tools by hand"
done

# The releases to look in, the likeliest first, and how to recognise the archive among apt's own.
. /etc/os-release
case " ${ID:-} ${ID_LIKE:-} " in
  *' ubuntu '*)
    path='/ubuntu(-ports)?/?$'
    keyring=/usr/share/keyrings/ubuntu-archive-keyring.gpg
    releases=$(case $major in 14) echo jammy ;; 16) echo noble ;; 17) echo questing ;; *) echo resolute devel ;; esac)
    releases="${VERSION_CODENAME:-} $releases"
    ;;
  *' debian '*)
    path='/debian/?$'
    keyring=/usr/share/keyrings/debian-archive-keyring.gpg
    releases=$(case $major in 13) echo bullseye ;; 15) echo bookworm ;; 17) echo trixie ;; *) echo sid testing ;; esac)
    ;;
  *) die "this needs Debian or Ubuntu, not ${PRETTY_NAME:-this system}; install the Postgres $major client tools by hand" ;;
esac
archive=$(apt-get indextargets --format '$(REPO_URI)' 'Identifier: Packages' | grep -m1 -E "$path") ||
  die "apt on this machine is not set up with the ${ID:-distribution}'s own archive"
[[ -r $keyring ]] || die "$keyring is missing (package ${keyring##*/}, less its ending)"

# Next to the target, so that the last step is a rename within one file system.
mkdir -p "$(dirname "$folder")"
folder=$(cd "$(dirname "$folder")" && pwd)/$(basename "$folder")
new=$(mktemp -d "$folder.new-XXXXXX")
trap 'rm -rf "$new"' EXIT
apt=$new/apt

# A private apt: its own lists, its own cache, and an empty record of what is installed, so that every library counts
# as missing and is resolved to the version of the chosen release. Proxies and the like still come from /etc/apt.
options=(
  -o Dir::Etc::sourcelist=/dev/null -o Dir::Etc::sourceparts="$apt/sources" -o Dir::Etc::preferencesparts=/dev/null
  -o Dir::Etc::preferences=/dev/null -o Dir::State="$apt/state" -o Dir::State::lists="$apt/lists"
  -o Dir::State::status="$apt/status" -o Dir::Cache="$apt/cache" -o Debug::NoLocking=1 -o Acquire::Languages=none
  -o APT::Install-Recommends=false -o APT::Sandbox::User=
)

client=postgresql-client-$major
found=
for release in $releases; do
  rm -rf "$apt"
  mkdir -p "$apt"/{sources,state,lists/partial,cache/archives/partial,debs}
  : >"$apt/status"
  printf 'Types: deb\nURIs: %s\nSuites: %s\nComponents: main\nSigned-By: %s\n' \
    "$archive" "$release" "$keyring" >"$apt/sources/one.sources"
  say "looking for $client in $release"
  # A release that this archive does not (or no longer) carry is not the end of the search.
  apt-get "${options[@]}" -qq update >&2 || continue
  if apt-cache "${options[@]}" show "$client" >/dev/null 2>&1; then found=$release; break; fi
done
[[ -n $found ]] || die "no release of $archive carries $client (looked in: $releases)"

# apt resolves the dependencies; of its answer only the client and the libraries are wanted. The rest is perl, for
# Debian's wrappers, and the tools by which a whole system would be set up.
packages=$(apt-get "${options[@]}" -qq --print-uris install "$client" | awk '{ sub(/_.*/, "", $2); print $2 }' |
  grep -E "^($client|lib.+)$" | grep -vE '^lib(perl|debconf|.*-perl$|.*-common$)')
[[ $packages == *"$client"* ]] || die "apt could not resolve the dependencies of $client in $found"
(cd "$apt/debs" && apt-get "${options[@]}" -qq download $packages >&2)
mkdir "$new/root" "$new/bin"
for deb in "$apt"/debs/*.deb; do dpkg-deb -x "$deb" "$new/root"; done
rm -rf "$apt"

# Each tool is started by the loader of its own libc, from wherever this folder is by then.
triplet=$(cd "$new/root" && ls -d usr/lib/*-linux-gnu* | head -n 1 | xargs basename)
loader=$(cd "$new/root" && find . -path "*/$triplet/ld-linux*.so.*" | head -n 1)
[[ -n $loader ]] || die "the unpacked libc holds no loader"
for tool in pg_dump pg_restore pg_dumpall psql pg_isready; do
  cat >"$new/bin/$tool" <<WRAPPER
#!/bin/sh
here=\$(dirname "\$(dirname "\$(readlink -f "\$0")")")
exec "\$here/root/$loader" --argv0 "\$here/bin/$tool" \\
  --library-path "\$here/root/lib/$triplet:\$here/root/usr/lib/$triplet" \\
  "\$here/root/usr/lib/postgresql/$major/bin/$tool" "\$@"
WRAPPER
  chmod 755 "$new/bin/$tool"
  "$new/bin/$tool" --version >/dev/null || die "the unpacked $tool does not run here"
done
# What nobody reads at run time.
rm -rf "$new/root/usr/share/doc" "$new/root/usr/share/man" "$new/root/usr/share/locale" "$new/root"/usr/lib/*/gconv
chmod 755 "$new"

# Two runs may race: whoever comes second finds a complete folder and throws its own away.
if ! mv -T "$new" "$folder" 2>/dev/null; then
  [[ -x $folder/bin/pg_dump ]] || die "$folder is in the way: it exists and holds no pg_dump"
fi
say "$("$folder/bin/pg_dump" --version) from $found is in $folder/bin"
