# shellcheck shell=sh disable=SC2034
# Changes that can be taken back: an undo log for a run that fails, a list of what is ours for remove.
#
# In $VMPACK_STATE_DIR lie
#   lifecycle   a link to the scripts of the version that ran last, for remove
#   app         a link to the application's folder
#   owned       what this application put on the machine: "KIND PATH" lines, parents before children
#   installed   the version that was installed last and passed its checks
#   undo/       there while a change is open: copies of what was replaced. Renaming it away is the commit.
#   touched     what the open change has put in place; the rest of "owned" is obsolete after it
# A run that was killed leaves undo/ behind. The next one goes on from there, and still knows the last good state.

OWNED=$VMPACK_STATE_DIR/owned
TOUCHED=$VMPACK_STATE_DIR/touched
UNDO=$VMPACK_STATE_DIR/undo
INSTALLED=$VMPACK_STATE_DIR/installed
UNDO_HOOK=
VMPACK_PREVIOUS_VERSION=

# persist_lifecycle: keep these scripts, so that remove needs neither the package nor the download folder.
persist_lifecycle() {
    make_state_folder
    _copy=$VMPACK_STATE_DIR/lifecycle.$VMPACK_APP_VERSION.$$
    rm -rf "$_copy"
    if ! cp -R "$LIFECYCLE" "$_copy" || ! point "${_copy##*/}" "$VMPACK_STATE_DIR/lifecycle"; then
        fail 25 "the lifecycle scripts cannot be kept in $VMPACK_STATE_DIR"
    fi
    for _old in "$VMPACK_STATE_DIR"/lifecycle.*; do
        [ "$_old" = "$_copy" ] || rm -rf "$_old"
    done
}

make_state_folder() {
    mkdir -p "$STATE_ROOT" || fail 25 "$STATE_ROOT cannot be created"
    is_ours_alone "$STATE_ROOT" || fail 24 "$STATE_ROOT must belong to root, and nobody else may write there"
    make_private "$VMPACK_STATE_DIR" || fail 25 "$VMPACK_STATE_DIR cannot be created"
    read_previous_version
}

# A version that did not pass its checks was never installed.
read_previous_version() {
    if [ -e "$UNDO/installed" ]; then
        VMPACK_PREVIOUS_VERSION=$(cat "$UNDO/installed")
    elif [ ! -d "$UNDO" ] && [ -e "$INSTALLED" ]; then
        VMPACK_PREVIOUS_VERSION=$(cat "$INSTALLED")
    fi
}

# begin_change: from here on every step is in the undo log, and a failing exit rolls back.
begin_change() {
    rm -rf "$UNDO.new" "$UNDO.done"
    if [ -d "$UNDO" ]; then
        say "the run before did not finish; its last good state is kept for a roll-back"
    else
        mkdir "$UNDO.new"
        : >"$UNDO.new/log"
        : >>"$OWNED"
        cp "$OWNED" "$UNDO.new/owned"
        [ ! -e "$INSTALLED" ] || cp "$INSTALLED" "$UNDO.new/installed"
        mv "$UNDO.new" "$UNDO"
    fi
    : >"$TOUCHED"
    EXIT_HOOK=end_change
}

# commit: the new state is the good one. What the older version owned and this one does not is removed.
commit() {
    printf '%s\n' "$VMPACK_APP_VERSION" >"$INSTALLED"
    mv "$UNDO" "$UNDO.done"
    EXIT_HOOK=
    reversed "$OWNED" >"$OWNED.reversed"
    while IFS= read -r _entry; do
        has_line "$TOUCHED" "$_entry" || disown_entry "$_entry"
    done <"$OWNED.reversed"
    mv -f "$TOUCHED" "$OWNED"
    rm -rf "$UNDO.done" "$OWNED.reversed"
}

end_change() {
    [ "$1" != 0 ] || return 0
    [ -z "$UNDO_HOOK" ] || "$UNDO_HOOK"
    say "rolling back${VMPACK_PREVIOUS_VERSION:+ to $VMPACK_PREVIOUS_VERSION}"
    if roll_back; then
        say "rolled back"
    else
        say "error: the roll-back is incomplete"
        return 34
    fi
}

# roll_back: put back what was replaced, then remove what the good state did not own.
roll_back() {
    _failed=0
    reversed "$UNDO/log" >"$UNDO/log.reversed"
    while IFS= read -r _entry; do
        _number=${_entry%% *}
        _saved=${_entry#* }
        if [ -e "$UNDO/$_number" ] || [ -L "$UNDO/$_number" ]; then
            put_copy "$UNDO/$_number" "$_saved" || _failed=1
        else
            rm -rf "$_saved.vmpack-new"
            rm -f "$_saved" || _failed=1
        fi
    done <"$UNDO/log.reversed"
    reversed "$OWNED" >"$OWNED.reversed"
    while IFS= read -r _entry; do
        has_line "$UNDO/owned" "$_entry" || disown_entry "$_entry" || _failed=1
    done <"$OWNED.reversed"
    cp "$UNDO/owned" "$OWNED"
    rm -f "$OWNED.reversed" "$TOUCHED" "$INSTALLED"
    [ ! -e "$UNDO/installed" ] || cp "$UNDO/installed" "$INSTALLED"
    mv "$UNDO" "$UNDO.done" && rm -rf "$UNDO.done"
    after_roll_back || _failed=1
    return "$_failed"
}

# Templates that run something define this anew, or name a function in UNDO_HOOK to be called first.
after_roll_back() { :; }

# undo_everything: remove all that is ours, children before parents; then the state itself.
undo_everything() {
    read_previous_version
    _failed=0
    if [ -e "$OWNED" ]; then
        reversed "$OWNED" >"$OWNED.reversed"
        while IFS= read -r _entry; do
            disown_entry "$_entry" || _failed=1
        done <"$OWNED.reversed"
    fi
    [ "$_failed" = 0 ] || fail 41 "not everything could be removed; run it again: sh $VMPACK_STATE_DIR/lifecycle/remove.sh"
    rm -rf "$VMPACK_STATE_DIR" "$AGENT_DIR/vmpack-unpacked"
    rmdir "$STATE_ROOT" 2>/dev/null || :
    [ -z "${DESTINATION-}" ] || remove_probe "$DESTINATION"
}

# own KIND PATH: write down that it is ours, before it is made.
own() {
    has_line "$OWNED" "$1 $2" || printf '%s %s\n' "$1" "$2" >>"$OWNED"
    has_line "$TOUCHED" "$1 $2" || printf '%s %s\n' "$1" "$2" >>"$TOUCHED"
}

owns() {
    has_line "$OWNED" "$1 $2"
}

# has_line FILE LINE: without a process of its own; these files are short, and asked often.
has_line() {
    [ -e "$1" ] || return 1
    while IFS= read -r _line; do
        [ "$_line" != "$2" ] || return 0
    done <"$1"
    return 1
}

# save_for_undo PATH: once per change, copy what is there now; a path without a copy did not exist.
save_for_undo() {
    _number=1
    while IFS= read -r _line; do
        [ "${_line#* }" != "$1" ] || return 0
        _number=$((_number + 1))
    done <"$UNDO/log"
    rm -rf "${UNDO:?}/$_number"
    if [ -e "$1" ] || [ -L "$1" ]; then
        cp -RPp "$1" "$UNDO/$_number" || return 1
    fi
    printf '%s %s\n' "$_number" "$1" >>"$UNDO/log"
}

reversed() {
    sed -n '1!G;h;$p' "$1"
}

# make_folder PATH: with its parents; those that were missing are ours and are removed when they are empty.
make_folder() {
    [ "$1" != / ] && [ -n "$1" ] || return 0
    if [ ! -d "$1" ] || owns dir "$1"; then
        make_folder "${1%/*}"
        own dir "$1"
        [ -d "$1" ] || mkdir "$1"
    fi
}

# put_link TARGET PATH: atomically.
put_link() {
    save_for_undo "$2" && make_folder "${2%/*}" && own link "$2" && point "$1" "$2"
}

# put_file SOURCE PATH MODE OWNER GROUP [KIND]: atomically, and never readable by others on its way.
put_file() {
    save_for_undo "$2" && make_folder "${2%/*}" && own "${6:-file}" "$2" && put_copy "$@"
}

# put_copy SOURCE PATH [MODE OWNER GROUP]: with none given, all of it as it is, a link too. The copy is made in a folder
# that only root can write: elsewhere a link could wait under any name, and root would write, chown or chmod what it
# leads to.
put_copy() (
    umask 077
    rm -rf "$2.vmpack-new"
    mkdir "$2.vmpack-new" && cd -P "$2.vmpack-new" && is_ours_alone . || exit 1
    if [ $# -gt 2 ]; then
        cat "$1" >it && chown "$4:$5" it && chmod "$3" it || exit 1
    else
        cp -RPp "$1" it || exit 1
    fi
    rename it "$2" && rmdir "$2.vmpack-new"
)

# point TARGET PATH: make PATH a link to TARGET in one step.
point() {
    rm -rf "$2.vmpack-new"
    ln -s "$1" "$2.vmpack-new" && rename "$2.vmpack-new" "$2"
}

# rename FROM TO: over a link to a folder, not into that folder.
rename() {
    mv -fT "$1" "$2"
}
