#!/usr/bin/env bash
# get-ceph.sh DEST [SUITE]
#
# Unpacks Ceph's monitor, storage daemon and S3 gateway, with every library they need, into the new folder DEST, which
# ceph-up.sh uses as a root file system. Nothing is installed and nothing outside DEST is written; no root is needed
# where user namespaces are allowed. About 120 MB to download, 400 MB unpacked.
#
# The packages come, with apt's signature checks, from the archive that this machine's own apt uses. SUITE is the
# release to take them from: by default "trixie" on Debian (Ceph 18, the first with conditional puts), and the
# machine's own release on Ubuntu.
set -euo pipefail

fail() { echo "get-ceph: $*" >&2; exit 1; }

dest=${1:?usage: get-ceph.sh DEST [SUITE]}
[ ! -e "$dest" ] || fail "$dest exists already"
command -v apt-get >/dev/null || fail "this machine has no apt; set LIFEBOAT_TEST_S3_ENDPOINT to any S3 service instead"

. /etc/os-release
case ${ID:-} in
  debian) archive='/debian/?$' components='main' suite=${2:-trixie} keyring=/usr/share/keyrings/debian-archive-keyring.gpg ;;
  ubuntu) archive='/ubuntu(-ports)?/?$' components='main universe' suite=${2:-$VERSION_CODENAME} keyring=/usr/share/keyrings/ubuntu-archive-keyring.gpg ;;
  *) fail "knows Debian and Ubuntu, not ${ID:-this system}; set LIFEBOAT_TEST_S3_ENDPOINT to any S3 service instead" ;;
esac
mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Identifier: Packages' | grep -m1 -E "$archive") ||
  fail "apt knows no $ID archive here (apt-get update first?)"

# Everything happens in a folder beside DEST, which gets its name at the very end: DEST is complete or absent.
mkdir -p "$(dirname "$dest")"
work=$(mktemp -d "$(dirname "$dest")/.get-ceph-XXXXXX")
trap 'rm -rf "$work"' EXIT
root=$work/root apt=$work/apt
mkdir -p "$root" "$apt"/{lists/partial,archives/partial,sources}
: >"$apt/status"
printf 'Types: deb\nURIs: %s\nSuites: %s\nComponents: %s\nSigned-By: %s\n' \
  "$mirror" "$suite" "$components" "$keyring" >"$apt/sources/archive.sources"

# An apt of its own: other sources, and a package state in which nothing is installed, so that it resolves everything.
options=(
  -o Dir::Etc::sourcelist=/dev/null -o "Dir::Etc::sourceparts=$apt/sources" -o Dir::Etc::preferencesparts=/dev/null
  -o "Dir::State::lists=$apt/lists" -o "Dir::State::status=$apt/status"
  -o "Dir::Cache=$apt" -o "Dir::Cache::archives=$apt/archives"
  -o "APT::Sandbox::User=$(id -un)" -o APT::Install-Recommends=false -o Acquire::Languages=none -o Acquire::Retries=3
)
apt-get "${options[@]}" -qq update

# What the daemons never touch: service managers, disk tools, package tools, compilers.
unneeded='^(systemd.*|libsystemd-shared|udev|dbus.*|sudo|adduser|passwd|login.*|libpam.*|init-system-helpers|debconf'
unneeded+='|lvm2|dmsetup|cryptsetup.*|ceph-volume|smartmontools|nvme-cli|hdparm|gdisk|fdisk|parted|dosfstools|e2fsprogs|xfsprogs'
unneeded+='|apt.*|dpkg|perl.*|libperl.*|binutils.*|gcc-[0-9]+-base.*|ntp.*|chrony|tzdata|media-types|kmod|mount|util-linux.*'
unneeded+='|procps|psmisc|iproute2|uuid-runtime|python3-(setuptools|pkg-resources|cherrypy3|openssl|cryptography|bcrypt))$'
packages=$(apt-get "${options[@]}" -s install radosgw ceph-mon ceph-osd ceph-common base-files libc-bin dash coreutils |
  awk '/^Inst/ { print $2 }' | grep -vE "$unneeded") || fail "$ID $suite has no Ceph packages"
# Word splitting is wanted: one argument per package.
# shellcheck disable=SC2086
(cd "$apt/archives" && apt-get "${options[@]}" -qq download $packages)

# /bin, /sbin and /lib are links into /usr before the first package arrives.
mkdir -p "$root"/usr/{bin,sbin,lib,lib64}
for name in bin sbin lib lib64; do ln -s "usr/$name" "$root/$name"; done
for package in "$apt"/archives/*.deb; do
  dpkg-deb --fsys-tarfile "$package" | tar -x -C "$root" --no-same-owner --keep-directory-symlink \
    --exclude=./usr/share/doc --exclude=./usr/share/man --exclude=./usr/share/locale --exclude=./usr/lib/debug
done
mkdir -p "$root"/{proc,dev,tmp,etc,run,srv,root,var/lib/ceph}
echo 'root:x:0:0:root:/root:/bin/sh' >"$root/etc/passwd"
echo 'root:x:0:' >"$root/etc/group"
echo '127.0.0.1 localhost' >"$root/etc/hosts"
# The package scripts, which would have made this link, never ran.
python=$(basename "$(ls "$root"/usr/bin/python3.?* | head -1)")
[ -e "$root/usr/bin/python3" ] || ln -s "$python" "$root/usr/bin/python3"

as_root=()
[ "$(id -u)" = 0 ] || as_root=(unshare -Ur)
"${as_root[@]}" chroot "$root" radosgw --version >&2
# Whoever was faster has made the same thing.
mv -T "$root" "$dest" 2>/dev/null || [ -x "$dest/usr/bin/radosgw" ] || fail "could not name the result $dest"
