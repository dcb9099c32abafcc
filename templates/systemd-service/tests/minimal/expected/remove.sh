#!/bin/sh
# remove of hello 1.2.0, written by vmpack. It runs from the copy that install kept.
# shellcheck disable=SC1090,SC1091
set -eu
LIFECYCLE=$(CDPATH='' cd "$(dirname "$0")" && pwd -P)
. "$LIFECYCLE/app.sh"
. "$LIFECYCLE/core.sh"
close_descriptors "$@"
. "$LIFECYCLE/kinds.sh"
. "$LIFECYCLE/change.sh"

begin remove
undo_everything
free_old_downloads
exit 0
