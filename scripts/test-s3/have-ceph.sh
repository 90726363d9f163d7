#!/usr/bin/env bash
# have-ceph.sh DEST
#
# Fetches Ceph into DEST beside other work, where it is not there yet and no other S3 service is named. It says nothing
# and never fails: the suite that needs the service tries again, and tells what is wrong.
set -uo pipefail

dest=${1:?usage: have-ceph.sh DEST}
[ -n "${LIFEBOAT_TEST_S3_ENDPOINT:-}" ] || [ -e "$dest" ] ||
  nice "$(dirname "$0")/get-ceph.sh" "$dest" >/dev/null 2>&1
exit 0
