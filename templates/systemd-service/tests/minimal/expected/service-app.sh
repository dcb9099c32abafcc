# shellcheck shell=sh disable=SC2034
# The parameters of the installer "systemd-service", and its steps.

DESTINATION='/opt/hello'
OWNER=root
GROUP=root
KEEP_RELEASES=1
UNIT='hello.service'
SERVICE_TYPE='simple'
STABLE_SECONDS=3
START_TIMEOUT=30

install_service() {
    find_decoder
    persist_lifecycle
    check_destination
    check_unit
    begin_change
    unpack_release
    switch_release
    install_unit 'multi-user.target'
    start_service
    commit
    drop_releases "$KEEP_RELEASES"
    free_old_downloads
}
