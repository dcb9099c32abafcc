#!/bin/sh
# install of hello 1.2.0, written by vmpack.
# shellcheck disable=SC1090,SC1091
set -eu
LIFECYCLE=$(CDPATH='' cd "$(dirname "$0")" && pwd -P)
. "$LIFECYCLE/app.sh"
. "$LIFECYCLE/archive.sh"
. "$LIFECYCLE/core.sh"
close_descriptors "$@"
for part in unpack kinds change config releases; do
    . "$LIFECYCLE/$part.sh"
done

begin install "$@"
install_archive
exit 0
