#!/bin/sh
# dpkg and rpm remove what they installed. What the administrator put into the
# directory of secrets stays, also after dpkg's purge, and so does the user, who
# may own files elsewhere.
set -e
secrets=/etc/iam_session_exporter/secrets

if [ -d /run/systemd/system ]; then
	systemctl daemon-reload || true
	case "$1" in
	remove | 0) systemctl reset-failed iam_session_exporter.service 2>/dev/null || true ;;
	esac
fi
case "$1" in
purge | 0)
	[ -z "$(ls -A "$secrets" 2>/dev/null)" ] || echo "Secrets stay in $secrets. To remove them: rm -r $secrets" ;;
esac
