# shellcheck shell=sh disable=SC2034
# The parameters of the installer "script", and its steps.

DESTINATION='/opt/hello'
OWNER=root
GROUP=root
KEEP_RELEASES=1
AUTHOR_TIMEOUT=3600
AUTHOR_INSTALL='setup/it'"'"'s install.sh'
AUTHOR_UPDATE='setup/it'"'"'s install.sh'
AUTHOR_CHECK='check.sh'

# A first install that fails half-way leaves things behind that only the author's own remove knows of.
clean_up_first_install() {
    if [ -z "$(good_release)" ] && owns script "$DESTINATION"; then
        disown_script "$DESTINATION" || :
    fi
}

install_script() {
    UNDO_HOOK=clean_up_first_install
    find_decoder
    persist_lifecycle
    check_destination
    begin_change
    unpack_release
    switch_release
    save_for_undo "$AUTHOR_REMOVE"
    printf '%s\n' 'setup/remove.sh' >"$AUTHOR_REMOVE"
    own script "$DESTINATION"
    if [ "$ACTION" = update ]; then
        run_author "$AUTHOR_UPDATE" || fail 40 "the application's update script failed"
    else
        run_author "$AUTHOR_INSTALL" || fail 40 "the application's install script failed"
    fi
    if [ -n "$AUTHOR_CHECK" ]; then
        run_author "$AUTHOR_CHECK" || fail 32 "the application's check script failed"
    fi
    run_checks || fail 32 "a check failed"
    commit
    drop_releases "$KEEP_RELEASES"
    free_old_downloads
}
