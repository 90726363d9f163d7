#!/usr/bin/env bash
# ceph-down.sh STATE
#
# Stops exactly the processes that ceph-up.sh started with this STATE folder.
set -euo pipefail

state=${1:?usage: ceph-down.sh STATE}
[ -f "$state/pids" ] || exit 0

# The start time tells a process from a later one that got the same id.
is_ours() { [ "$(awk '{ print $22 }' "/proc/$1/stat" 2>/dev/null)" = "$2" ]; }

tac "$state/pids" | while read -r pid started; do
  is_ours "$pid" "$started" || continue
  kill "$pid" 2>/dev/null || true
  for _ in $(seq 20); do
    is_ours "$pid" "$started" || break
    sleep 0.1
  done
  # The data is in memory and worthless: nothing is lost by force.
  if is_ours "$pid" "$started"; then kill -KILL "$pid" 2>/dev/null || true; fi
done
rm -f "$state/pids"
