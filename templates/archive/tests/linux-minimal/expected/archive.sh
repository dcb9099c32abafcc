# shellcheck shell=sh disable=SC2034
# The parameters of the installer "archive", and its steps.

DESTINATION='/opt/hello'
OWNER='root'
GROUP='root'
KEEP_RELEASES=1

install_archive() {
    find_decoder
    persist_lifecycle
    check_destination
    begin_change
    unpack_release
    switch_release
    run_checks || fail 32 "a check failed"
    commit
    drop_releases "$KEEP_RELEASES"
    free_old_downloads
}
