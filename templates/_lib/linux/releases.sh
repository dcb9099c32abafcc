# shellcheck shell=sh disable=SC2034
# Releases side by side, and one link that names the current one.
#
# DESTINATION is a link into DESTINATION.releases/, which holds VERSION-1, VERSION-2 … Switching is one rename.

HISTORY=$VMPACK_STATE_DIR/history
APP_LINK=$VMPACK_STATE_DIR/app
RELEASES=$DESTINATION.releases
RELEASE=
APP_DIR=$DESTINATION

# check_destination: fail before anything is changed.
check_destination() {
    if [ -L "$DESTINATION" ]; then
        case $(readlink "$DESTINATION") in
            "${RELEASES##*/}"/*) ;;
            *) fail 24 "$DESTINATION is a link that leads elsewhere; move it away, or choose another destination" ;;
        esac
    elif [ -e "$DESTINATION" ]; then
        fail 24 "$DESTINATION exists and was not made by vmpack; move it away, or choose another destination"
    fi
    if [ -e "$RELEASES" ] && ! owns tree "$RELEASES"; then
        fail 24 "$RELEASES exists and was not made by vmpack; move it away, or choose another destination"
    fi
    require_writable "$DESTINATION"
    _folder=$(nearest_existing "${DESTINATION%/*}")
    is_ours_alone "$_folder" ||
        say "warning: others than root can write to $_folder, and put their own programs in the place of $DESTINATION"
    drop_releases "$KEEP_RELEASES"
    require_space "$RELEASES"
}

# unpack_release: the payload into a folder of its own, out of sight until it is complete.
unpack_release() {
    make_folder "${DESTINATION%/*}"
    own tree "$RELEASES"
    _n=1
    while [ -e "$RELEASES/$VMPACK_APP_VERSION-$_n" ]; do
        _n=$((_n + 1))
    done
    RELEASE=$VMPACK_APP_VERSION-$_n
    _partial=$RELEASES/.partial
    rm -rf "$_partial"
    say "unpacking into $RELEASES/$RELEASE"
    unpack_payload "$_partial" || fail 30 "the payload could not be unpacked"
    chmod 0755 "$_partial"
    # A power cut after the switch must not find empty files behind the link.
    sync -f "$_partial" 2>/dev/null || sync
    rename "$_partial" "$RELEASES/$RELEASE" || fail 25 "$RELEASES/$RELEASE cannot be made"
}

# set_owner FOLDER: as the parameters say.
set_owner() {
    [ "$OWNER:$GROUP" = root:root ] || chown -R -h "$OWNER:$GROUP" "$1" || fail 31 "$OWNER:$GROUP cannot own the files"
}

# switch_release: the destination now means the new release.
switch_release() {
    own tree "$RELEASES"
    set_owner "$RELEASES/$RELEASE"
    put_link "${RELEASES##*/}/$RELEASE" "$DESTINATION" || fail 25 "$DESTINATION cannot be switched"
    say "$DESTINATION is now $RELEASE"
    # Where the application is, for whoever wants to run its checks later.
    save_for_undo "$APP_LINK"
    point "$DESTINATION" "$APP_LINK"
    save_for_undo "$HISTORY"
    { grep -Fxv -e "$RELEASE" "$HISTORY" 2>/dev/null || :; echo "$RELEASE"; } >"$HISTORY.new"
    mv -f "$HISTORY.new" "$HISTORY"
}

# drop_releases KEEP: delete all but the current release, the one a roll-back needs, and the KEEP before them.
drop_releases() {
    _keep=" $(current_release) $(good_release) $(tail -n "$(($1 + 1))" "$HISTORY" 2>/dev/null | tr '\n' ' ') "
    for _release in "$RELEASES"/* "$RELEASES"/.partial; do
        case $_keep in
            *" ${_release##*/} "*) ;;
            *) if [ -e "$_release" ]; then rm -rf "$_release"; fi ;;
        esac
    done
}

current_release() {
    _target=$(readlink "$DESTINATION" 2>/dev/null) || return 0
    printf '%s' "${_target##*/}"
}

# good_release: what the destination meant before the change that is open.
good_release() {
    [ -e "$UNDO/log" ] || return 0
    while IFS= read -r _line; do
        if [ "${_line#* }" = "$DESTINATION" ]; then
            _target=$(readlink "$UNDO/${_line%% *}") || return 0
            printf '%s' "${_target##*/}"
            return 0
        fi
    done <"$UNDO/log"
}

after_roll_back() {
    drop_releases "$KEEP_RELEASES"
}

# check_link PATH: fail before anything is changed.
check_link() {
    if [ -d "$1" ] && [ ! -L "$1" ]; then
        fail 24 "$1 is a folder, no link can be put there"
    elif { [ -e "$1" ] || [ -L "$1" ]; } && ! owns link "$1"; then
        fail 24 "$1 exists and was not made by vmpack"
    fi
}

# install_link PATH TARGET: the target is relative to the destination.
install_link() {
    put_link "$DESTINATION/$2" "$1" || fail 25 "the link $1 cannot be made"
}
