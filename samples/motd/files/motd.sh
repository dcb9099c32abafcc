#!/bin/sh
# A single-file installer: puts a message of the day in place, and takes it away again.
# Usage: motd.sh install|remove
set -eu
PATH=/usr/sbin:/usr/bin:/sbin:/bin
umask 022
message=/etc/motd.d/10-vmpack-sample

case ${1:-} in
install)
    mkdir -p /etc/motd.d
    printf 'This machine is looked after.\n' >"$message.new"
    chmod 0644 "$message.new"
    mv -f "$message.new" "$message"
    mkdir -p /usr/local/lib/vmpack-sample-motd
    cp "$0" /usr/local/lib/vmpack-sample-motd/motd.sh
    chmod 0755 /usr/local/lib/vmpack-sample-motd/motd.sh
    ;;
remove)
    rm -f "$message" "$message.new"
    rmdir /etc/motd.d 2>/dev/null || true
    rm -rf /usr/local/lib/vmpack-sample-motd
    ;;
*)
    echo "usage: motd.sh install|remove" >&2
    exit 64
    ;;
esac
