# shellcheck shell=sh disable=SC2034
# The parameters of the installer "systemd-service", and its steps.

DESTINATION='/srv/hello'
OWNER=root
GROUP=root
KEEP_RELEASES=1
UNIT='hello-web.service'
SERVICE_TYPE='notify'
STABLE_SECONDS=0
START_TIMEOUT=30

install_service() {
    find_decoder
    persist_lifecycle
    check_destination
    check_unit
    check_link '/usr/local/bin/hello'
    begin_change
    create_group 'web'
    create_user 'hello' 'web'
    unpack_release
    install_config '/etc/hello/hello.json' '0640' 'root' 'web' 'share/hello.json' false
    switch_release
    install_link '/usr/local/bin/hello' 'bin/hello'
    own_data true '/var/lib/hello' '/var/lib/private/hello'
    own_data true '/var/log/hello' '/var/log/private/hello'
    own_data true '/var/cache/hello' '/var/cache/private/hello'
    install_unit 'multi-user.target'
    start_service
    commit
    drop_releases "$KEEP_RELEASES"
    free_old_downloads
}
