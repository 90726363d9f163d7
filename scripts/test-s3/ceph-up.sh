#!/usr/bin/env bash
# ceph-up.sh [--attached] ROOT STATE S3_PORT MON_PORT
#
# Starts a Ceph of one node (monitor, storage daemon in memory, S3 gateway) on 127.0.0.1, from the file system that
# get-ceph.sh made in ROOT. STATE is a new folder for its configuration, logs and process ids; one ROOT serves any
# number of them. Prints "READY http://127.0.0.1:S3_PORT" when S3 answers; ceph-down.sh STATE stops it.
#
# With --attached it stays, and stops everything when its standard input closes: when whoever started it ends, however.
#
# The user's keys are LIFEBOAT_CEPH_ACCESS_KEY and LIFEBOAT_CEPH_SECRET_KEY. LIFEBOAT_CEPH_GUEST_ACCESS_KEY and
# LIFEBOAT_CEPH_GUEST_SECRET_KEY make a second user, `guest`, who may do what policies of buckets say.
set -euo pipefail

here=$(dirname "$(readlink -f "$0")")
attached=no
if [ "${1:-}" = --attached ]; then attached=yes && shift; fi
usage='usage: ceph-up.sh [--attached] ROOT STATE S3_PORT MON_PORT'
root=$(readlink -f "${1:?$usage}") state=$(readlink -m "${2:?$usage}") s3_port=${3:?$usage} mon_port=${4:?$usage}
access_key=${LIFEBOAT_CEPH_ACCESS_KEY:-lifeboat} secret_key=${LIFEBOAT_CEPH_SECRET_KEY:-lifeboat-secret}

# Mounts live in a namespace of their own and vanish with the daemons. Without root, a user namespace gives the right.
if [ "${IN_OWN_NAMESPACE:-}" != yes ]; then
  mkdir "$state"
  : >"$state/pids"
  as_root=()
  [ "$(id -u)" = 0 ] || as_root=(-Ur)
  again=("$0")
  [ $attached = no ] || again+=(--attached)
  IN_OWN_NAMESPACE=yes exec unshare "${as_root[@]}" --mount --propagation private \
    "${again[@]}" "$root" "$state" "$s3_port" "$mon_port"
fi

ready=no
down_unless_ready() { [ $ready = yes ] || "$here/ceph-down.sh" "$state"; }
trap down_unless_ready EXIT

mount --rbind /proc "$root/proc"
mount -t tmpfs none "$root/dev"
for device in null zero random urandom full; do
  : >"$root/dev/$device"
  mount --bind "/dev/$device" "$root/dev/$device"
done
# Inside, the state is always /srv.
mount --bind "$state" "$root/srv"
mkdir "$state"/{mon,osd,run,rgw}

fsid=$(cat /proc/sys/kernel/random/uuid) osd_id=$(cat /proc/sys/kernel/random/uuid)
cat >"$state/ceph.conf" <<CONF
[global]
fsid = $fsid
keyring = /srv/keyring
mon host = [v2:127.0.0.1:$mon_port]
ms bind msgr1 = false
ms bind ipv6 = false
public addr = 127.0.0.1
cluster addr = 127.0.0.1
auth cluster required = cephx
auth service required = cephx
auth client required = cephx
# One copy of everything, in memory, and a monitor that does not pause between decisions.
osd objectstore = memstore
memstore device bytes = 4294967296
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 1
osd pool default pgp num = 1
osd pool default pg autoscale mode = off
osd crush chooseleaf type = 0
mon allow pool size one = true
mon max pg per osd = 1000
mon tick interval = 1
paxos propose interval = 0.02
paxos min wait = 0.01
mon data = /srv/mon
osd data = /srv/osd
rgw data = /srv/rgw
run dir = /srv/run
admin socket = /srv/run/\$name.asok
log to file = false
log to stderr = true
err to stderr = true
rgw enable usage log = false
[mon]
keyring = /srv/mon.keyring
[osd]
keyring = /srv/osd/keyring
CONF

inside() { chroot "$root" "$@"; }
# A process id can be given out again; with its start time it means one process for ever.
start() {
  local log=$1
  shift
  chroot "$root" "$@" </dev/null >"$state/$log.log" 2>&1 &
  echo "$! $(awk '{ print $22 }' "/proc/$!/stat")" >>"$state/pids"
}
wait_until() {
  local what=$1
  shift
  for _ in $(seq 300); do
    if "$@" >/dev/null 2>&1; then return; fi
    sleep 0.1
  done
  echo "ceph-up: $what did not come up; see the logs in $state" >&2
  tail -n 5 "$state"/*.log >&2 || true
  exit 1
}

inside monmaptool -c /srv/ceph.conf --create --fsid "$fsid" --addv a "[v2:127.0.0.1:$mon_port]" /srv/monmap >/dev/null
inside ceph-authtool --create-keyring /srv/mon.keyring --gen-key -n mon. --cap mon 'allow *' >/dev/null
inside ceph-authtool --create-keyring /srv/keyring --gen-key -n client.admin \
  --cap mon 'allow *' --cap osd 'allow *' --cap mgr 'allow *' >/dev/null
inside ceph-authtool /srv/mon.keyring --import-keyring /srv/keyring >/dev/null
inside ceph-mon -c /srv/ceph.conf -i a --mkfs --monmap /srv/monmap --keyring /srv/mon.keyring >"$state/mon-mkfs.log" 2>&1
start mon ceph-mon -c /srv/ceph.conf -f -i a
wait_until 'the monitor' timeout 10 chroot "$root" ceph -c /srv/ceph.conf -s

osd_key=$(inside ceph-authtool --gen-print-key)
echo "{\"cephx_secret\": \"$osd_key\"}" | inside ceph -c /srv/ceph.conf osd new "$osd_id" -i - >/dev/null
inside ceph-authtool --create-keyring /srv/osd/keyring --name osd.0 --add-key "$osd_key" >/dev/null
inside ceph-osd -c /srv/ceph.conf -i 0 --mkfs --osd-uuid "$osd_id" >"$state/osd-mkfs.log" 2>&1
start osd ceph-osd -c /srv/ceph.conf -f -i 0
osd_is_up() { inside ceph -c /srv/ceph.conf osd stat 2>/dev/null | grep -q '1 up'; }
wait_until 'the storage daemon' osd_is_up

admin() { inside radosgw-admin -c /srv/ceph.conf -n client.admin "$@" >>"$state/admin.log" 2>&1; }
admin user create --uid lifeboat --display-name Lifeboat --access-key "$access_key" --secret-key "$secret_key"
if [ -n "${LIFEBOAT_CEPH_GUEST_ACCESS_KEY:-}" ]; then
  admin user create --uid guest --display-name Guest \
    --access-key "$LIFEBOAT_CEPH_GUEST_ACCESS_KEY" --secret-key "$LIFEBOAT_CEPH_GUEST_SECRET_KEY"
fi
for class in STANDARD_IA GLACIER DEEP_ARCHIVE; do
  placement=(--placement-id default-placement --storage-class "$class")
  admin zonegroup placement add --rgw-zonegroup default "${placement[@]}"
  admin zone placement add --rgw-zone default "${placement[@]}" --data-pool default.rgw.buckets.data
done
start rgw radosgw -c /srv/ceph.conf -f -n client.admin --rgw-frontends "beast endpoint=127.0.0.1:$s3_port tcp_nodelay=1"
answers() { exec 3<>"/dev/tcp/127.0.0.1/$s3_port"; }
s3_answers() { (answers); }
wait_until 'the S3 gateway' s3_answers

[ $attached = yes ] || ready=yes
echo "READY http://127.0.0.1:$s3_port"
[ $attached = no ] || cat >/dev/null
