#!/bin/sh
# Makes the user that the service runs as, and that owns the directory of secrets.
set -e
user=iam_session_exporter

# The unit for installations without a package runs as a dynamic user, which has
# this name only while it runs.
uid=$(getent passwd "$user" | cut -d: -f3)
if [ "${uid:-0}" -ge 61184 ] && [ "$uid" -le 65519 ]; then
	echo "$user is a dynamic user of a running unit. First: systemctl disable --now $user, and remove /etc/systemd/system/$user.service" >&2
	exit 1
fi
getent group "$user" >/dev/null || groupadd --system "$user"
[ -n "$uid" ] || useradd --system --gid "$user" --no-create-home --home-dir /nonexistent \
	--shell /usr/sbin/nologin --comment "Prometheus exporter of login sessions" "$user"
