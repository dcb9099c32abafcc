# shellcheck shell=sh disable=SC2034
# The parameters of the installer "archive", and its steps.

DESTINATION='/opt/it'"'"'s hello'
OWNER='daemon'
GROUP='daemon'
KEEP_RELEASES=2

install_archive() {
    find_decoder
    persist_lifecycle
    check_destination
    check_link '/usr/local/bin/hello'
    begin_change
    unpack_release
    install_config '/etc/hello/hello.json' '0640' 'root' 'root' 'share/hello.json' false
    switch_release
    install_link '/usr/local/bin/hello' 'bin/hello'
    make_data_folder '/var/lib/hello'
    run_checks || fail 32 "a check failed"
    commit
    drop_releases "$KEEP_RELEASES"
    free_old_downloads
}

# Data outlives the application unless the manifest says otherwise.
make_data_folder() {
    make_folder "${1%/*}"
    own data "$1"
    [ -d "$1" ] || mkdir "$1"
    [ -L "$1" ] || chown -h "$OWNER:$GROUP" "$1"
}
