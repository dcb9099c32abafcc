# Runs as PID 1 of fresh mount and pid namespaces, mounts an overlay over a root file system, and boots its systemd.
# The arguments are root.sh's (lower root, stage, size, overlay options, network, watch), and the machine's name.
set -eu
umask 022
lower=$1 stage=$2 size=$3 options=$4 network=$5 watch=$6 name=$7

mount --make-rprivate /
mount -t proc proc /proc
mount -t tmpfs -o "mode=0755,size=$size" vmpack "$stage"
mkdir "$stage/root" "$stage/upper0" "$stage/work0"
mount -t overlay vmpack -o "lowerdir=$lower,upperdir=$stage/upper0,workdir=$stage/work0$options" "$stage/root"
exec 7<"$stage"

set -- --quiet --boot --directory="$stage/root" --register=no --console=passive --timezone=off --link-journal=no \
    --machine="$name"
[ "$network" = 1 ] || set -- "$@" --private-network

# Without systemd around us nobody makes a scope for nspawn, so it gets control groups of its own by hand.
groups=
if [ ! -d /run/systemd/system ]; then
    set -- "$@" --keep-unit
    for hierarchy in /sys/fs/cgroup /sys/fs/cgroup/unified /sys/fs/cgroup/systemd; do
        if [ -e "$hierarchy/cgroup.procs" ] && mkdir "$hierarchy/$name" 2>/dev/null; then
            groups="$groups $hierarchy/$name"
        fi
    done
fi

exec 8<&0 0</dev/null
(
    for group in $groups; do echo 0 >"$group/cgroup.procs"; done
    exec systemd-nspawn "$@"
) >"$stage/console" 2>&1 7<&- 8<&- &
spawn=$!
if [ "$watch" = 1 ]; then
    cat <&8 >/dev/null 2>&1 7<&- &
else
    sleep infinity >/dev/null 2>&1 7<&- 8<&- &
fi
watcher=$!
exec 8<&-
echo ready
exec >/dev/null 2>&1
wait "$watcher" || true
# Ended in order, so that no control group stays behind.
read -r leader _ <"/proc/$spawn/task/$spawn/children" || true
kill -KILL "$leader" || true
wait "$spawn" || true
for group in $groups; do find "$group" -depth -type d -exec rmdir {} \; ; done
