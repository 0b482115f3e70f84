#!/bin/sh
# Runs the systemd of a Debian in namespaces: boot.sh ROOT. `boot.sh --clean ROOT`
# removes what stays of one that was killed: its control groups.
set -eu

# Control groups of version 2, also where the machine has those of version 1, too.
groups=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/self/mounts)
[ "$groups" ] || { echo "boot.sh: no control groups of version 2 are mounted" >&2; exit 1; }
name() { echo "$groups/$(echo "$1" | tr / _)"; }

if [ "$1" = --clean ]; then
	group=$(name "$2")
	[ -d "$group" ] || exit 0
	tries=0
	until find "$group" -depth -type d -exec rmdir {} + 2>/dev/null; do
		tries=$((tries + 1)); [ $tries -le 100 ] || { echo "boot.sh: $group is in use" >&2; exit 1; }
		sleep 0.1
	done
	exit 0
fi

root=$1
group=$(name "$root")
mkdir -p "$group"
echo $$ >"$group/cgroup.procs"
# shellcheck disable=SC2016 # for the inner shell
exec unshare --mount --propagation private --pid --fork --kill-child --uts --ipc --net --cgroup sh -euc '
mount --bind "$1" "$1"
cd "$1"
mount -t proc proc proc
mount --bind proc/sys proc/sys
mount -o remount,bind,ro proc/sys # the settings of the kernel are not only ours
mount -t sysfs -o ro sysfs sys
mount -t cgroup2 cgroup2 sys/fs/cgroup
mount -t tmpfs -o mode=755 tmpfs run
mount -t tmpfs -o mode=755 tmpfs dev
mkdir dev/pts dev/shm
for d in null zero full random urandom tty; do
	touch dev/$d
	mount --bind /dev/$d dev/$d
done
ln -s /proc/self/fd dev/fd
ln -s pts/ptmx dev/ptmx
pivot_root . mnt
umount -l /mnt
exec env -i container=test PATH=/usr/sbin:/usr/bin:/sbin:/bin /lib/systemd/systemd
' sh "$root"
