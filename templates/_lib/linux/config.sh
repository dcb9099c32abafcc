# shellcheck shell=sh
# The config file: what was deployed wins, what somebody edited on the machine is never lost.

# install_config DESTINATION MODE OWNER GROUP DEFAULT REQUIRED: DEFAULT is a file of the new release, or empty. Call it
# before switch_release, which gives the files away: root reads nothing that somebody else could have exchanged.
install_config() {
    _source=$VMPACK_CONFIG
    if [ -z "$_source" ] && [ ! -e "$1" ] && [ -n "$5" ]; then
        _source=$RELEASES/$RELEASE/$5
        [ -f "$_source" ] || fail 26 "the payload has no default config $5"
        say "no config file was deployed, installing the default $5"
    fi
    if [ -z "$_source" ]; then
        [ -e "$1" ] || [ "$6" = false ] || fail 26 "the config file $CONFIG_NAME is missing, and nothing can run without it"
        say "no config file was deployed, $1 stays as it is"
        ! owns config "$1" || own config "$1"
        return 0
    fi
    set_config_aside "$1" "$_source"
    say "config: $1"
    # Both sums count while the file is exchanged: a kill in between must not look like somebody's edit.
    save_for_undo "$CONFIG_SUM"
    cksum <"$_source" >>"$CONFIG_SUM"
    put_file "$_source" "$1" "$2" "$3" "$4" config || fail 25 "$1 cannot be written"
    cksum <"$_source" >"$CONFIG_SUM.new"
    mv -f "$CONFIG_SUM.new" "$CONFIG_SUM"
}

# A file that is not ours is kept aside and put back by remove; an edited one is kept beside the new one.
set_config_aside() {
    if ! owns config "$1"; then
        [ -e "$1" ] || [ -L "$1" ] || return 0
        [ ! -d "$1" ] || fail 24 "$1 is a folder, the config file cannot go there"
        own aside "$1.before-vmpack"
        [ -e "$1.before-vmpack" ] || put_copy "$1" "$1.before-vmpack" || fail 25 "$1.before-vmpack cannot be written"
        say "keeping the file that was there as $1.before-vmpack"
    elif config_was_edited "$1" && ! cmp -s "$1" "$2"; then
        put_copy "$1" "$1.saved" || fail 25 "$1.saved cannot be written"
        say "warning: $1 was edited here; keeping the edited one as $1.saved"
    elif owns aside "$1.before-vmpack"; then
        own aside "$1.before-vmpack"
    fi
}
