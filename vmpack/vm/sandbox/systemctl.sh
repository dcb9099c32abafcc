#!/bin/sh
# systemctl for a sandbox without systemd. It does what can be done for real (enable, disable, mask: links in /etc),
# starts and stops the main process of simple services, and refuses units that do not exist, as the real one does.
# Also answers to reboot, shutdown, poweroff and halt: the request is written down for vmpack, nothing else happens.
state=/run/vmpack
real=$state/real/systemctl
mkdir -p "$state/active"

say() { printf '%s\n' "$*" >&2; }

case ${0##*/} in
reboot | shutdown | poweroff | halt)
    for word do
        case $word in -c | --help | --version | -w | --wtmp-only | -k) exit 0 ;; esac
    done
    printf '%s\n' "${0##*/} $*" >>"$state/reboot"
    exit 0
    ;;
esac

now=0 verb='' units='' offline='' quiet=0 property='' value=0
while [ $# -gt 0 ]; do
    case $1 in
    --now) now=1 ;;
    -q | --quiet) quiet=1 ;;
    -p | --property) property=$2; shift ;;
    -p?*) property=${1#-p} ;;
    --property=*) property=${1#*=} ;;
    --value) value=1 ;;
    -t | --type | -n | --lines | -s | --signal | --kill-who | -M | -H | --root) shift ;;
    --user | --version) exec "$real" "$@" ;;
    -*) offline="$offline $1" ;;
    *) if [ -z "$verb" ]; then verb=$1; else units="$units $1"; fi ;;
    esac
    shift
done

full_name() { case $1 in *.*) printf '%s' "$1" ;; *) printf '%s.service' "$1" ;; esac; }

# A unit's file, of the unit itself or of the template it is an instance of.
unit_file() {
    name=$(full_name "$1")
    template=$name
    case $name in *@*.*) template="${name%%@*}@.${name##*.}" ;; esac
    for folder in /etc/systemd/system /run/systemd/system /usr/local/lib/systemd/system /lib/systemd/system \
        /usr/lib/systemd/system; do
        for candidate in "$name" "$template"; do
            if [ -e "$folder/$candidate" ] || [ -L "$folder/$candidate" ]; then
                printf '%s' "$folder/$candidate"
                return 0
            fi
        done
    done
    return 1
}

setting() { sed -n "s/^$2[[:space:]]*=[[:space:]]*//p" "$1" | tail -n 1; }

# Whether a unit is active; sets $pid, empty for one without a process. A mark whose process is gone: it failed.
pid_of() {
    mark=$state/active/$(full_name "$1") pid=
    [ -e "$mark" ] || return 1
    read -r pid <"$mark"
    [ -z "$pid" ] || {
        [ "$pid" != 0 ] && kill -0 "$pid" 2>/dev/null && ! grep -q '^State:.Z' "/proc/$pid/status" 2>/dev/null
    }
}

state_of() {
    if pid_of "$1"; then
        echo active
    elif [ -e "$mark" ]; then
        echo failed
    else
        echo inactive
    fi
}

start() {
    unit=$(full_name "$1")
    if ! file=$(unit_file "$unit"); then
        say "Failed to start $unit: Unit $unit not found."
        return 5
    fi
    if [ "$(readlink -f "$file")" = /dev/null ]; then
        say "Failed to start $unit: Unit $unit is masked."
        return 1
    fi
    pid_of "$unit" && return 0
    case $unit in
    *.service) /bin/sh "$state/service" "$unit" "$file" || return ;;
    *) : >"$state/active/$unit" ;;
    esac
}

stop() {
    unit=$(full_name "$1")
    if pid_of "$unit"; then
        pid=$(cat "$state/active/$unit")
        if [ -n "$pid" ]; then
            kill -TERM "-$pid" 2>/dev/null || kill -TERM "$pid" 2>/dev/null
            for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
                pid_of "$unit" || break
                sleep 0.05
            done
            kill -KILL "-$pid" 2>/dev/null
        fi
    elif [ ! -e "$state/active/$unit" ] && ! unit_file "$unit" >/dev/null; then
        say "Failed to stop $unit: Unit $unit not loaded."
        return 5
    fi
    rm -f "$state/active/$unit"
}

each() {
    action=$1 code=0
    for each_unit in $units; do "$action" "$each_unit" || code=$?; done
    return "$code"
}

on_disk() { # the part of systemctl that only edits links in /etc
    if [ -x "$real" ]; then
        # shellcheck disable=SC2086
        SYSTEMD_OFFLINE=1 "$real" $offline "$@"
    else
        # shellcheck disable=SC2086
        each "by_hand_$(printf '%s' "$verb" | tr - _)"
    fi
}

# The same where systemd is not installed at all, as in most images: what matters of [Install].
by_hand_enable() {
    unit=$(full_name "$1")
    file=$(unit_file "$unit") || { say "Failed to enable unit: Unit file $unit does not exist."; return 1; }
    for pair in WantedBy:wants RequiredBy:requires; do
        # shellcheck disable=SC2013 # several units on one line are several words
        for target in $(sed -n "s/^${pair%%:*}[[:space:]]*=//p" "$file"); do
            mkdir -p "/etc/systemd/system/$target.${pair#*:}"
            ln -sf "$file" "/etc/systemd/system/$target.${pair#*:}/$unit"
        done
    done
}
links_of() { find /etc/systemd/system -mindepth 2 -name "$(full_name "$1")" -type l 2>/dev/null; }
by_hand_disable() { for link in $(links_of "$1"); do rm -f "$link"; rmdir "${link%/*}" 2>/dev/null; done; true; }
by_hand_reenable() { by_hand_disable "$1"; by_hand_enable "$1"; }
by_hand_mask() { ln -sfn /dev/null "/etc/systemd/system/$(full_name "$1")"; }
by_hand_unmask() { [ ! -L "/etc/systemd/system/$(full_name "$1")" ] || rm -f "/etc/systemd/system/$(full_name "$1")"; }
by_hand_is_enabled() {
    if [ -n "$(links_of "$1")" ]; then answer=enabled; else answer=disabled; fi
    [ "$quiet" = 1 ] || echo "$answer"
    [ "$answer" = enabled ]
}
by_hand_cat() { cat "$(unit_file "$1")"; }

is_active() { state_of "$1"; pid_of "$1" || return 3; }
is_failed() { [ "$(state_of "$1")" = failed ]; }
forget_failure() { ! is_failed "$1" || rm -f "$state/active/$(full_name "$1")"; }

# shellcheck disable=SC2086
case $verb in
start | restart | reload | try-restart | reload-or-restart | try-reload-or-restart | condrestart)
    code=0
    for one in $units; do
        case $verb in
        restart | reload-or-restart) stop "$one" 2>/dev/null; start "$one" ;;
        try-* | condrestart) if pid_of "$one"; then stop "$one"; start "$one"; fi ;;
        reload) pid_of "$one" && kill -HUP "$pid" ;;
        *) start "$one" ;;
        esac || code=$?
    done
    exit "$code"
    ;;
stop) each stop ;;
kill) for one in $units; do pid_of "$one" && kill -TERM "$pid"; done ;;
is-active)
    if [ "$quiet" = 1 ]; then each is_active >/dev/null; else each is_active; fi ;;
is-failed)
    code=0
    for one in $units; do
        [ "$quiet" = 1 ] || state_of "$one"
        is_failed "$one" || code=1
    done
    exit "$code"
    ;;
reset-failed) each forget_failure ;;
status)
    code=0
    for one in $units; do
        unit_file "$one" >/dev/null || { say "Unit $(full_name "$one") could not be found."; code=4; continue; }
        printf '%s - %s\n' "$(full_name "$one")" "$(is_active "$one")"
        pid_of "$one" || code=3
    done
    exit "$code"
    ;;
enable | disable | mask | unmask | reenable | is-enabled | cat)
    [ "$quiet" = 0 ] || offline="$offline -q"
    on_disk "$verb" $units || exit
    if [ "$now" = 1 ]; then
        case $verb in enable | reenable) each start ;; disable | mask) each stop ;; esac
    fi
    ;;
show)
    for one in $units; do
        active=$(state_of "$one") loaded=not-found main=0
        if file=$(unit_file "$one"); then loaded=loaded; fi
        if pid_of "$one"; then main=${pid:-0}; fi
        for each_property in $(printf '%s' "${property:-LoadState,ActiveState,MainPID}" | tr ',' ' '); do
            case $each_property in
            ActiveState) answer=$active ;;
            LoadState) answer=$loaded ;;
            SubState) case $active in active) answer=running ;; failed) answer=failed ;; *) answer=dead ;; esac ;;
            NRestarts) answer=0 ;;
            MainPID) answer=$main ;;
            FragmentPath) answer=${file:-} ;;
            *) answer='' ;;
            esac
            if [ "$value" = 1 ]; then echo "$answer"; else echo "$each_property=$answer"; fi
        done
    done
    ;;
is-system-running) echo running ;;
reboot | poweroff | halt | kexec | soft-reboot) printf '%s\n' "systemctl $verb" >>"$state/reboot" ;;
*) exit 0 ;;
esac
