#!/bin/sh
# Stops and disables the service before its files are removed; not before an
# upgrade. Arguments of dpkg: remove; of rpm: 0, as no version stays installed.
set -e
unit=iam_session_exporter.service

case "$1" in
remove | 0) ;;
*) exit 0 ;;
esac
! command -v systemctl >/dev/null || systemctl --no-reload --quiet disable "$unit" || true
[ -d /run/systemd/system ] || exit 0
# Only what runs on keeps the package.
if command -v deb-systemd-invoke >/dev/null; then deb-systemd-invoke stop "$unit"; else systemctl stop "$unit"; fi ||
	! systemctl --quiet is-active "$unit"
