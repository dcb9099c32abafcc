# shellcheck shell=sh disable=SC2034
# The ground of every lifecycle script: environment, descriptors, log, lock, errors, checks.
#
# Globals are in capitals; those called VMPACK_* are exported to the author's own scripts and checks.

STATE_ROOT=/var/lib/vmpack
VMPACK_STATE_DIR=$STATE_ROOT/$VMPACK_APP_NAME
VMPACK_LOG=/var/log/vmpack/$VMPACK_APP_NAME.log
LOG_LIMIT=1048576
LOCK_FOLDER=/run/vmpack
LOCK_WAIT=${VMPACK_LOCK_WAIT:-600}

ACTION=
VMPACK_PACKAGE=
VMPACK_CONFIG=
LOG_OPEN=
LOCK_LINK=
EXIT_HOOK=

# begin ACTION [PACKAGE]: everything that must hold before the first step. Call it once, at the top.
begin() {
    ACTION=$1
    set_environment
    # A reboot sends SIGTERM to the whole group. A script that dies of it is reported as failed and is never run
    # again; one that goes on is reported as interrupted by a reboot.
    trap '' HUP INT TERM
    [ "$(id -u)" = 0 ] || fail 20 "must run as root"
    open_log
    AGENT_DIR=$(pwd -P)
    case ${2:-$PACKAGE_FILE} in
        /*) VMPACK_PACKAGE=${2:-$PACKAGE_FILE} ;;
        *) VMPACK_PACKAGE=$AGENT_DIR/${2:-$PACKAGE_FILE} ;;
    esac
    # The agent leaves an empty file behind when a download fails.
    [ ! -s "$AGENT_DIR/$CONFIG_NAME" ] || VMPACK_CONFIG=$AGENT_DIR/$CONFIG_NAME
    trap on_exit EXIT
    take_lock
    say "begins, version $VMPACK_APP_VERSION, in $AGENT_DIR"
}

# The agent hands over PATH, LANG and PWD only.
set_environment() {
    PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin${PATH:+:$PATH}
    HOME=/root
    LC_ALL=C
    DEBIAN_FRONTEND=noninteractive
    NEEDRESTART_MODE=l
    export PATH HOME LC_ALL DEBIAN_FRONTEND NEEDRESTART_MODE
    unset CDPATH ENV IFS VMPACK_CLOSED
    umask 022
}

# close_descriptors "$@": the agent's own lock is inherited by everything a command starts; a daemon that keeps it
# blocks every later VM application. sh can close 3 to 9; bash is asked for help with the rare higher ones.
close_descriptors() {
    exec 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&-
    [ -z "${VMPACK_CLOSED-}" ] && [ -d /proc/self/fd ] || return 0
    # A glob would show the shell's own descriptors, ls shows what a child inherits.
    # shellcheck disable=SC2045
    for _fd in $(ls /proc/self/fd); do
        if [ "$_fd" -gt 9 ] && have bash; then
            VMPACK_CLOSED=1
            export VMPACK_CLOSED
            # shellcheck disable=SC2016
            exec bash -c 'for f in /proc/$$/fd/*; do n=${f##*/}; (( n > 2 && n != 255 )) && eval "exec $n>&-"; done
exec /bin/sh "$@"' bash "$0" "$@"
        fi
    done
}

# say TEXT…: one line to stdout and to the log. A full disk must not stop a script that only wants to speak.
say() {
    _line="$(date -u +%Y-%m-%dT%H:%M:%SZ) ${ACTION}[$$] $*"
    printf '%s\n' "$_line" 2>/dev/null || :
    [ -z "$LOG_OPEN" ] || printf '%s\n' "$_line" 2>/dev/null >>"$VMPACK_LOG" || :
}

# fail CODE TEXT…: say why and end.
fail() {
    _code=$1
    shift
    say "error: $*"
    exit "$_code"
}

# quiet COMMAND…: run it, and show what it printed only when it fails.
quiet() {
    _status=0
    _output=$("$@" 2>&1 </dev/null 9>&-) || _status=$?
    [ "$_status" = 0 ] || [ -z "$_output" ] || say "$1: $_output"
    return "$_status"
}

have() {
    command -v "$1" >/dev/null 2>&1
}

# is_ours_alone FOLDER: a real folder in which nobody but root can put a link in our way.
is_ours_alone() (
    [ -d "$1" ] && [ ! -L "$1" ] || exit 1
    # shellcheck disable=SC2012,SC2046
    set -- $(ls -ldn "$1")
    case $1 in
        d????-??-*) [ "$3" = 0 ] ;;
        *) exit 1 ;;
    esac
)

# make_private FOLDER: for root's eyes only.
make_private() {
    mkdir -p "$1" 2>/dev/null && chmod 0700 "$1" 2>/dev/null && is_ours_alone "$1"
}

# On Ubuntu others may write to /var/log: a link that waits there must not lead root's pen.
open_log() {
    LOG_OPEN=yes
    if ! { mkdir -p "${VMPACK_LOG%/*}" && is_ours_alone "${VMPACK_LOG%/*}" && (umask 077 && : >>"$VMPACK_LOG"); } 2>/dev/null; then
        LOG_OPEN=
        say "warning: $VMPACK_LOG cannot be written safely, logging to stdout only"
    elif [ "$(wc -c <"$VMPACK_LOG")" -gt "$LOG_LIMIT" ]; then
        mv -f "$VMPACK_LOG" "$VMPACK_LOG.1"
    fi
}

# One run per application at a time. flock ends with its process; without it a link that names the process does.
# The folder is closed to others: whoever can read a lock file can hold its lock.
take_lock() {
    if ! make_private "$LOCK_FOLDER"; then
        LOCK_FOLDER=$STATE_ROOT/.locks
        make_private "$LOCK_FOLDER" || fail 25 "$LOCK_FOLDER cannot be written"
    fi
    _lock=$LOCK_FOLDER/$VMPACK_APP_NAME
    if have flock; then
        # A failing exec ends the shell at once, without a word.
        (: >>"$_lock.lock") 2>/dev/null || fail 25 "$_lock.lock cannot be written"
        exec 9>"$_lock.lock"
        flock -w "$LOCK_WAIT" 9 || fail 21 "another run for $VMPACK_APP_NAME is still busy"
        return 0
    fi
    _me="$$:$(started_at "$$")"
    _waited=0
    until ln -s "$_me" "$_lock.pid" 2>/dev/null; do
        _owner=$(readlink "$_lock.pid") || continue
        if [ "$(started_at "${_owner%%:*}")" != "${_owner#*:}" ]; then
            rm -f "$_lock.pid"
        elif [ "$_waited" -ge "$LOCK_WAIT" ]; then
            fail 21 "another run for $VMPACK_APP_NAME is still busy (process ${_owner%%:*})"
        else
            sleep 1
            _waited=$((_waited + 1))
        fi
    done
    LOCK_LINK=$_lock.pid
}

# started_at PID: when the process began, in ticks since boot; nothing when it is gone. A pid alone is reused.
started_at() {
    [ -r "/proc/$1/stat" ] || return 0
    sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | cut -d ' ' -f 20
}

on_exit() {
    _exit=$?
    trap - EXIT
    if [ -n "$EXIT_HOOK" ]; then
        "$EXIT_HOOK" "$_exit" || _exit=$?
    fi
    [ -z "$LOCK_LINK" ] || rm -f "$LOCK_LINK"
    if [ "$_exit" = 0 ]; then
        say "done"
    else
        say "ends with exit code $_exit, see $VMPACK_LOG"
    fi
    remove_unpacked
    exit "$_exit"
}

# The scripts that the command unpacked beside the package are not needed once they have run.
remove_unpacked() {
    case $LIFECYCLE in
        */vmpack-unpacked/lifecycle) rm -rf "${LIFECYCLE%/lifecycle}" ;;
    esac
}

# free_old_downloads: the agent keeps every version it ever downloaded. Delete the siblings of this one, but only
# where the place looks like the agent's own: <application>/<version>, all of it numbers.
free_old_downloads() {
    _version=${AGENT_DIR##*/}
    _parent=${AGENT_DIR%/*}
    [ "${_parent##*/}" = "$VMPACK_APP_NAME" ] && is_version "$_version" || return 0
    for _folder in "$_parent"/*; do
        if [ -d "$_folder" ] && [ ! -L "$_folder" ] && [ "$_folder" != "$AGENT_DIR" ] && is_version "${_folder##*/}"; then
            say "deleting the old download $_folder"
            rm -rf "$_folder" || say "warning: $_folder could not be deleted"
        fi
    done
}

is_version() {
    case $1 in
        *[!0-9.]* | .* | *. | *..* | *.*.*.*) return 1 ;;
        *.*.*) return 0 ;;
        *) return 1 ;;
    esac
}

# free_kilobytes PATH: what is free on the file system that holds PATH or its nearest existing parent.
free_kilobytes() {
    df -P -k "$(nearest_existing "$1")" 2>/dev/null | sed -n '2{s/^.* \([0-9][0-9]*\)  *[0-9]*% .*$/\1/p;}'
}

nearest_existing() {
    _path=$1
    while [ ! -d "$_path" ]; do
        _path=${_path%/*}
        _path=${_path:-/}
    done
    printf '%s\n' "$_path"
}

# require_writable FOLDER: fail clearly before anything is changed.
require_writable() {
    _at=$(nearest_existing "$1")
    _probe=$_at/.vmpack-probe-$VMPACK_APP_NAME
    remove_probe "$1"
    # A folder, not a file: no link that somebody put there is followed.
    mkdir "$_probe" 2>/dev/null || fail 25 "$_at cannot be written: is the file system read-only or full?"
    rmdir "$_probe"
}

# remove_probe FOLDER: a run that was killed in between left it; only one run at a time has this name.
remove_probe() {
    rmdir "$(nearest_existing "$1")/.vmpack-probe-$VMPACK_APP_NAME" 2>/dev/null || :
}

# in_app COMMAND…: run the author's own words in the installed tree, without our lock and without a terminal.
in_app() (
    cd "${APP_DIR:-/}" || exit 1
    export VMPACK_APP_NAME VMPACK_APP_VERSION VMPACK_STATE_DIR VMPACK_LOG VMPACK_CONFIG VMPACK_PACKAGE
    export VMPACK_PREVIOUS_VERSION VMPACK_PAYLOAD_DIR VMPACK_ACTION="$ACTION"
    exec "$@" </dev/null 9>&-
)

# run_check NAME SECONDS COMMAND: TERM is ignored here, so a check that hangs needs KILL. timeout lets its child die
# of a TERM again, which a reboot sends to the whole group: ignore it once more.
run_check() {
    say "check: $1"
    _status=0
    if have timeout; then
        # shellcheck disable=SC2016
        _output=$(in_app timeout -s KILL "$2" sh -c 'trap "" HUP INT TERM; exec sh -c "$1"' sh "$3" 2>&1) || _status=$?
    else
        _output=$(in_app sh -c "$3" 2>&1) || _status=$?
    fi
    [ -z "$_output" ] || say "$_output"
    [ "$_status" = 0 ] || say "check failed with exit code $_status: $1"
    return "$_status"
}
