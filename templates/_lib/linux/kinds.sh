# shellcheck shell=sh disable=SC2034
# How each kind of thing that can be ours is removed. Every script knows every kind, so that an application may
# change its installer from one version to the next.

CONFIG_SUM=$VMPACK_STATE_DIR/config.sum
AUTHOR_REMOVE=$VMPACK_STATE_DIR/author-remove
AUTHOR_TIMEOUT=${AUTHOR_TIMEOUT-3600}

# disown_entry "KIND PATH": remove one thing; what is gone already is fine.
disown_entry() {
    _kind=${1%% *}
    _thing=${1#* }
    case $_kind in
        # Half of a rename that a kill cut short.
        link | file | config | unit | aside) rm -rf "$_thing.vmpack-new" ;;
    esac
    case $_kind in
        link | file) rm -f "$_thing" ;;
        tree) rm -rf "$_thing" ;;
        dir) rmdir "$_thing" 2>/dev/null || : ;;
        aside) disown_aside "$_thing" ;;
        config) disown_config "$_thing" ;;
        data) disown_data "$_thing" ;;
        kept) disown_kept "$_thing" ;;
        unit) disown_unit "$_thing" ;;
        user) disown_account user "$_thing" ;;
        group) disown_account group "$_thing" ;;
        script) disown_script "$_thing" ;;
        *) say "warning: nobody knows how to remove the $_kind $_thing" ;;
    esac
}

# What lay in the way of a config file comes back.
disown_aside() {
    if [ -e "$1" ] && [ ! -e "${1%.before-vmpack}" ]; then
        mv "$1" "${1%.before-vmpack}"
    fi
}

disown_config() {
    if config_was_edited "$1"; then
        say "warning: $1 was edited here, it stays"
    else
        rm -f "$1"
    fi
}

config_was_edited() {
    # A pipe in its place would be waited for.
    [ -f "$1" ] && [ -e "$CONFIG_SUM" ] && ! has_line "$CONFIG_SUM" "$(cksum <"$1")"
}

# Data goes only with the application, when the manifest says so: never in a roll-back or an update.
disown_data() {
    if [ "$ACTION" = remove ]; then
        rm -rf "$1"
    else
        rmdir "$1" 2>/dev/null || :
    fi
}

# Data that outlives the application must not fall to whoever is given the same number later.
disown_kept() {
    if [ "$ACTION" = remove ] && [ -d "$1" ]; then
        chown -R -h root:root "$1"
        say "$1 stays, as the manifest says"
    fi
}

disown_unit() {
    if systemd_runs; then
        quiet systemctl stop "${1##*/}" || :
    fi
    rm -f "$1"
    if systemd_runs; then
        quiet systemctl daemon-reload || :
        systemctl reset-failed "${1##*/}" >/dev/null 2>&1 || :
    fi
}

# disown_account user|group NAME
disown_account() {
    grep -q "^$2:" "/etc/$([ "$1" = user ] && echo passwd || echo group)" || return 0
    say "deleting the $1 $2"
    if have "${1}del"; then
        quiet "${1}del" "$2"
    else
        quiet "del$1" "$2"
    fi
}

# disown_script FOLDER: the author's own remove, from the release that is there.
disown_script() {
    [ -e "$AUTHOR_REMOVE" ] || return 0
    _author=$(cat "$AUTHOR_REMOVE")
    if [ -f "$1/$_author" ]; then
        APP_DIR=$1
        run_author "$_author"
    else
        say "warning: $1/$_author is gone, going on without it"
    fi
}

# systemd_runs: false in a chroot, a container or an image that is being built.
systemd_runs() {
    [ -d /run/systemd/system ] && have systemctl && [ "$(systemctl is-system-running 2>/dev/null)" != offline ]
}

# system_stops: during a shutdown nothing can be started, and nothing is wrong with what was installed.
system_stops() {
    systemd_runs && [ "$(systemctl is-system-running 2>/dev/null)" = stopping ]
}

# run_author FILE: a script of the author's, relative to $APP_DIR. Its output goes to a file, not to a pipe: a
# daemon that it starts would hold a pipe open.
run_author() {
    say "running $1"
    VMPACK_PAYLOAD_DIR=$APP_DIR
    _shell=
    [ -x "$APP_DIR/$1" ] || _shell=/bin/sh
    _log=$VMPACK_STATE_DIR/output
    _status=0
    if have timeout; then
        # shellcheck disable=SC2016,SC2086
        in_app timeout -s KILL "$AUTHOR_TIMEOUT" sh -c 'trap "" HUP INT TERM; exec "$@"' sh $_shell "./$1" >"$_log" 2>&1 || _status=$?
    else
        # shellcheck disable=SC2086
        in_app $_shell "./$1" >"$_log" 2>&1 || _status=$?
    fi
    cat "$_log" 2>/dev/null || :
    [ -z "$LOG_OPEN" ] || cat "$_log" >>"$VMPACK_LOG" 2>/dev/null || :
    [ "$_status" = 0 ] || say "$1 ended with exit code $_status"
    return "$_status"
}
