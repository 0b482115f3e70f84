#!/bin/sh
# The first installation starts nothing, for its configuration is an example. An
# upgrade restarts the service if it runs. Arguments of dpkg: configure and, for an
# upgrade, the version before; of rpm: the number of versions that are installed.
set -e
user=iam_session_exporter
unit=$user.service
secrets=/etc/$user/secrets

# Where systemd does not answer, as in a container that sees the host's /run, the
# package is installed nevertheless.
reload() { [ ! -d /run/systemd/system ] || systemctl daemon-reload || true; }

# Debian's way to reach systemd respects the administrator's policy-rc.d.
invoke() {
	if command -v deb-systemd-invoke >/dev/null; then deb-systemd-invoke "$@"; else systemctl "$@"; fi
}

first() {
	reload
	cat <<-'END'
		iam_session_exporter is installed, but not started. Next:
		  1. Edit /etc/iam_session_exporter/iam_session_exporter.yml, and put its keys and passwords into the directory secrets beside it, readable by the user iam_session_exporter.
		  2. runuser -u iam_session_exporter -- iam_session_exporter check-config --online /etc/iam_session_exporter/iam_session_exporter.yml
		  3. systemctl enable --now iam_session_exporter
	END
	[ ! -f "/etc/systemd/system/$unit" ] || echo "Remove /etc/systemd/system/$unit: it hides the unit of this package."
	# dpkg leaves a directory as it finds it, that of an installation without a package, too.
	[ "$(stat -c %U "$secrets")" = "$user" ] || echo "The user $user has to read the files in $secrets: chown $user: $secrets $secrets/*"
}

upgraded() {
	reload
	[ ! -d /run/systemd/system ] || ! systemctl --quiet is-active "$unit" || invoke try-restart "$unit" ||
		echo "iam_session_exporter does not run after the upgrade. See: systemctl status $unit" >&2
}

case "$1" in
configure)
	if [ -z "$2" ]; then first; else upgraded; fi ;;
1)
	# Unless the administrator or distribution has a preset, it stays disabled.
	! command -v systemctl >/dev/null || systemctl --no-reload preset "$unit" || true
	first ;;
[2-9]*)
	upgraded ;;
esac
