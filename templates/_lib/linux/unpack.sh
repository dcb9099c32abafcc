# shellcheck shell=sh
# From the package to a folder: the payload is streamed out of the package, decoded and unpacked in one go.

DECODER=

# find_decoder: choose how to decompress, or fail before anything is changed.
find_decoder() {
    case $PAYLOAD_FORMAT in
        tar) DECODER=none ;;
        tar.gz) if have gzip; then DECODER=gzip; fi ;;
        tar.zst) if have zstd; then DECODER=zstd; fi ;;
        *) fail 22 "a payload of the format $PAYLOAD_FORMAT cannot be unpacked" ;;
    esac
    have tar || fail 22 "tar is missing"
    [ -z "$DECODER" ] || return 0
    for PYTHON in python3 /usr/libexec/platform-python /usr/share/oem/python/bin/python3; do
        if have "$PYTHON" && "$PYTHON" -I "$LIFECYCLE/decode.py" --probe "$PAYLOAD_FORMAT" >/dev/null 2>&1; then
            DECODER=python
            return 0
        fi
    done
    fail 22 "nothing here can decompress $PAYLOAD_FORMAT: install ${PAYLOAD_FORMAT#tar.}, or build with another format"
}

decode() {
    case $DECODER in
        none) cat ;;
        gzip) gzip -dc ;;
        zstd) zstd -dcq ;;
        python) "$PYTHON" -I "$LIFECYCLE/decode.py" "$PAYLOAD_FORMAT" ;;
    esac
}

# require_space FOLDER: the payload's size was measured at build time; a tenth more for the file system's own needs.
require_space() {
    _need=$((PAYLOAD_KB + PAYLOAD_KB / 10 + 4096))
    _free=$(free_kilobytes "$1")
    [ -n "$_free" ] || return 0
    [ "$_free" -ge "$_need" ] || fail 23 "not enough space for $1: $_need KiB are needed, $_free KiB are free"
}

# unpack_payload FOLDER: sh has no pipefail, so each stage leaves its own word of success.
unpack_payload() {
    _ok=$VMPACK_STATE_DIR/unpack.$$
    mkdir -p "$1" || fail 25 "$1 cannot be created"
    rm -f "$_ok".*
    {
        tar -xOf "$VMPACK_PACKAGE" "$PAYLOAD_ARCHIVE" 2>"$_ok.err1" && echo ok >"$_ok.1"
    } | {
        decode 2>"$_ok.err2" && echo ok >"$_ok.2"
    } | {
        tar -xpf - -C "$1" 2>"$_ok.err3" && cat >/dev/null && echo ok >"$_ok.3"
    } || :
    _status=0
    for _stage in 1 2 3; do
        [ -s "$_ok.$_stage" ] || _status=30
        [ ! -s "$_ok.err$_stage" ] || say "$(head -n 5 "$_ok.err$_stage")"
    done
    rm -f "$_ok".*
    return "$_status"
}
