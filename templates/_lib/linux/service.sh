# shellcheck shell=sh disable=SC2034
# A systemd service: its account, its unit, and whether it really runs. The service is always started by systemd,
# never from here: it would inherit what the agent needs for itself.

UNIT_FOLDER=/etc/systemd/system

# create_group NAME, create_user NAME GROUP: system accounts; one that exists is used and stays after remove.
create_group() {
    if ! grep -q "^$1:" /etc/group || owns group "$1"; then
        own group "$1"
        grep -q "^$1:" /etc/group || quiet groupadd --system "$1" || fail 31 "the group $1 cannot be created"
    fi
}

create_user() {
    if id -u "$1" >/dev/null 2>&1 && ! owns user "$1"; then
        return 0
    fi
    own user "$1"
    ! id -u "$1" >/dev/null 2>&1 || return 0
    _nologin=$(command -v nologin || echo /bin/false)
    quiet useradd --system --gid "$2" --no-create-home --home-dir /nonexistent --shell "$_nologin" "$1" ||
        fail 31 "the user $1 cannot be created"
}

# own_data PURGE PATH…: systemd makes these folders; remove deletes or keeps them.
own_data() {
    _kind=kept
    [ "$1" = false ] || _kind=data
    shift
    for _folder in "$@"; do
        own "$_kind" "$_folder"
    done
}

# check_unit: fail before anything is changed.
check_unit() {
    if [ -e "$UNIT_FOLDER/$UNIT" ] && ! owns unit "$UNIT_FOLDER/$UNIT"; then
        fail 24 "$UNIT_FOLDER/$UNIT exists and was not made by vmpack"
    fi
}

# install_unit WANTED_BY: what systemctl enable does, but in the undo log.
install_unit() {
    say "unit: $UNIT_FOLDER/$UNIT"
    put_file "$LIFECYCLE/app.service" "$UNIT_FOLDER/$UNIT" 0644 root root unit || fail 25 "$UNIT cannot be written"
    put_link "$UNIT_FOLDER/$UNIT" "$UNIT_FOLDER/$1.wants/$UNIT" || fail 25 "$UNIT cannot be enabled"
}

# start_service: start it, see it stay up, and hold it against the manifest's checks; else fail and roll back.
start_service() {
    if ! systemd_runs; then
        say "warning: systemd does not run here; $UNIT is enabled and starts with the next boot, checks are skipped"
        return 0
    fi
    stop_obsolete_units
    quiet systemctl daemon-reload || going_down || fail 33 "systemd does not read $UNIT"
    systemctl reset-failed "$UNIT" >/dev/null 2>&1 || :
    say "starting $UNIT"
    if quiet systemctl restart "$UNIT" && stays_up; then
        wait_healthy || going_down || fail 32 "a check failed"
    elif ! going_down; then
        show_journal
        fail 33 "$UNIT does not run"
    fi
}

going_down() {
    system_stops && say "the system is shutting down; $UNIT starts with the next boot"
}

# A unit that the last version had under another name may hold the port.
stop_obsolete_units() {
    sed -n 's/^unit //p' "$OWNED" | while IFS= read -r _unit; do
        grep -Fxq -e "unit $_unit" "$TOUCHED" || quiet systemctl stop "${_unit##*/}" || :
    done
}

# stays_up: active, and not restarted, for STABLE_SECONDS in a row; START_TIMEOUT bounds the whole wait.
stays_up() {
    _stable=0
    _left=$((START_TIMEOUT + STABLE_SECONDS))
    _last=
    while [ "$_stable" -lt "$STABLE_SECONDS" ]; do
        _state=$(systemctl is-active "$UNIT" 2>/dev/null </dev/null) || :
        _restarts=$(systemctl show -p NRestarts "$UNIT" 2>/dev/null </dev/null) || :
        case $_state in
            failed) return 1 ;;
            inactive) [ "$SERVICE_TYPE" != oneshot ] || return 0 ;;
        esac
        if [ "$_state" = active ] && [ "$_restarts" = "$_last" ]; then
            _stable=$((_stable + 1))
        else
            _stable=0
        fi
        _last=$_restarts
        [ "$_left" -gt 0 ] || return 1
        _left=$((_left - 1))
        sleep 1
    done
}

# A service that is up may still need a moment before it answers.
wait_healthy() {
    _tries=0
    until run_checks; do
        _tries=$((_tries + 1))
        [ "$_tries" -lt "$START_TIMEOUT" ] || return 1
        ! system_stops || return 1
        sleep 1
    done
}

show_journal() {
    have journalctl || return 0
    say "the last lines of its journal:"
    say "$(journalctl -u "$UNIT" -n 20 --no-pager -o cat 2>/dev/null </dev/null)"
}

after_roll_back() {
    drop_releases "$KEEP_RELEASES"
    if systemd_runs && ! system_stops; then
        quiet systemctl daemon-reload || :
        sed -n 's/^unit //p' "$OWNED" | while IFS= read -r _unit; do
            quiet systemctl restart "${_unit##*/}" || exit 1
        done
    fi
}
