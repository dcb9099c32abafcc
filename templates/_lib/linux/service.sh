# shellcheck shell=sh disable=SC2034
# A systemd service: its account, its unit, and whether it really runs. The service is always started by systemd,
# never from here: it would inherit what the agent needs for itself.

UNIT_FOLDER=/etc/systemd/system
PAUSES=0

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
        has_line "$TOUCHED" "unit $_unit" || quiet systemctl stop "${_unit##*/}" || :
    done
}

# stays_up: active, and not restarted, for STABLE_SECONDS; it may take START_TIMEOUT to get there.
stays_up() {
    _since=$(uptime_seconds)
    _deadline=$((_since + START_TIMEOUT + STABLE_SECONDS))
    _last=
    while :; do
        _state=$(systemctl is-active "$UNIT" 2>/dev/null </dev/null) || :
        _restarts=$(systemctl show -p NRestarts "$UNIT" 2>/dev/null </dev/null) || :
        case $_state in
            failed) return 1 ;;
            inactive) [ "$SERVICE_TYPE" != oneshot ] || return 0 ;;
        esac
        _now=$(uptime_seconds)
        if [ "$_state" != active ] || [ "$_restarts" != "${_last:-$_restarts}" ]; then
            _since=$_now
        elif [ "$((_now - _since))" -ge "$STABLE_SECONDS" ]; then
            return 0
        fi
        _last=$_restarts
        [ "$_now" -lt "$_deadline" ] || return 1
        pause
    done
}

# A service that is up may still need a moment before it answers.
wait_healthy() {
    _deadline=$(($(uptime_seconds) + START_TIMEOUT))
    until run_checks; do
        [ "$(uptime_seconds)" -lt "$_deadline" ] || return 1
        ! system_stops || return 1
        pause
    done
    [ "$(systemctl is-active "$UNIT" 2>/dev/null </dev/null)" != failed ]
}

# The clock of a machine that has just booted may still be set.
uptime_seconds() {
    cut -d . -f 1 /proc/uptime
}

# Short at first, then a second at a time.
pause() {
    PAUSES=$((PAUSES + 1))
    if [ "$PAUSES" -gt 10 ] || ! sleep 0.2 2>/dev/null; then
        sleep 1
    fi
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
