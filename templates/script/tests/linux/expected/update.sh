#!/bin/sh
# update of hello 1.2.0, written by vmpack.
# shellcheck disable=SC1090,SC1091
set -eu
LIFECYCLE=$(CDPATH='' cd "$(dirname "$0")" && pwd -P)
. "$LIFECYCLE/app.sh"
. "$LIFECYCLE/script.sh"
. "$LIFECYCLE/core.sh"
close_descriptors "$@"
for part in unpack kinds change config releases; do
    . "$LIFECYCLE/$part.sh"
done

begin update "$@"
install_script
exit 0
