# Runs as PID 1 of fresh mount, pid, ipc, uts (and net) namespaces and builds a machine to ruin: an overlay over
# the lower root and over every file system mounted beneath it, all writes on one tmpfs, nothing of the host in reach.
#
# $1 lower root     $2 an existing folder to stage in (only this namespace sees what is mounted there)
# $3 tmpfs size     $4 overlay options to add     $5 network: 0 or 1
# $6 watch: 1 ends the sandbox with whoever holds the other end of stdin, 0 leaves it running
# $7... mount points beneath the lower root that get overlays of their own
set -eu
umask 022
lower=$1 stage=$2 size=$3 options=$4 network=$5 watch=$6 helpers=${0%/*}
shift 6

mount --make-rprivate /
mount -t tmpfs -o "mode=0755,size=$size" vmpack "$stage"
mkdir "$stage/root" "$stage/fresh" "$stage/keep"
cp "$helpers/systemctl.sh" "$stage/keep/systemctl"
chmod 0755 "$stage/keep/systemctl"
[ "$network" = 0 ] || cat /etc/resolv.conf >"$stage/keep/resolv.conf"

number=0
overlay() {
    mkdir "$stage/upper$number" "$stage/work$number"
    chown --reference="$2" "$stage/upper$number"
    chmod --reference="$2" "$stage/upper$number"
    mount -t overlay vmpack \
        -o "lowerdir=$1,upperdir=$stage/upper$number,workdir=$stage/work$number$options" "$3"
    number=$((number + 1))
}
root=$stage/root
overlay "$lower" "$lower" "$root"
for below do
    overlay "$below" "$below" "$root$below"
done

# What is the user's (home folders, sockets in /run) or the machine's own agent's is hidden by empty folders; they
# lie on the stage so that what a script leaves there is seen.
fresh() {
    mkdir -p "$stage/fresh$1" "$root$1"
    chmod "$2" "$stage/fresh$1"
    mount --bind "$stage/fresh$1" "$root$1"
}
fresh /tmp 1777
fresh /var/tmp 1777
fresh /run 0755
fresh /root 0700
fresh /home 0755
fresh /var/lib/waagent 0755
fresh /var/log/azure 0755
mkdir "$root/run/lock" "$root/run/systemd" "$root/run/systemd/system" \
    "$root/run/vmpack" "$root/run/vmpack/real" "$root/run/vmpack/active"
cp "$helpers/service.sh" "$root/run/vmpack/service"

mkdir -p "$root/proc" "$root/sys" "$root/dev"
mount -t proc -o nosuid,nodev,noexec proc "$root/proc"
mount -t sysfs -o ro,nosuid,nodev,noexec sysfs "$root/sys" 2>/dev/null || true
mount -t tmpfs -o mode=0755,size=1m vmpack "$root/dev"
for node in null zero full random urandom tty; do
    : >"$root/dev/$node"
    mount --bind "/dev/$node" "$root/dev/$node"
done
mkdir "$root/dev/shm" "$root/dev/pts"
chmod 1777 "$root/dev/shm"
mount -t devpts -o newinstance,ptmxmode=0666,mode=0620 devpts "$root/dev/pts" 2>/dev/null || true
ln -s pts/ptmx "$root/dev/ptmx"
ln -s /proc/self/fd "$root/dev/fd"
ln -s /proc/self/fd/0 "$root/dev/stdin"
ln -s /proc/self/fd/1 "$root/dev/stdout"
ln -s /proc/self/fd/2 "$root/dev/stderr"
for place in sys sysrq-trigger irq bus; do
    if [ -e "$root/proc/$place" ]; then
        mount --bind "$root/proc/$place" "$root/proc/$place"
        mount -o remount,bind,ro "$root/proc/$place"
    fi
done

# Without systemd as PID 1 the real systemctl refuses everything; see systemctl.sh for what stands in for it.
if [ ! -e "$root/usr/bin/systemctl" ]; then
    mkdir -p "$root/usr/bin"
    : >"$root/usr/bin/systemctl"
else
    : >"$stage/keep/systemctl.real"
    mount --bind "$root/usr/bin/systemctl" "$stage/keep/systemctl.real"
fi
mount --bind "$stage/keep/systemctl" "$root/usr/bin/systemctl"
if [ -e "$stage/keep/systemctl.real" ]; then
    : >"$root/run/vmpack/real/systemctl"
    mount --bind "$stage/keep/systemctl.real" "$root/run/vmpack/real/systemctl"
fi
for name in reboot shutdown poweroff halt; do
    place=$(chroot "$root" /bin/sh -c "command -v $name" || true)
    [ -n "$place" ] || place=/usr/sbin/$name
    if [ ! -e "$root$place" ] && [ ! -L "$root$place" ]; then
        ln -s /usr/bin/systemctl "$root$place"
    fi
done
if [ "$network" = 1 ]; then
    place=$(chroot "$root" readlink -m /etc/resolv.conf || echo /etc/resolv.conf)
    mkdir -p "$root${place%/*}"
    [ -e "$root$place" ] || : >"$root$place"
    mount --bind "$stage/keep/resolv.conf" "$root$place"
elif command -v ip >/dev/null 2>&1; then
    ip link set lo up 2>/dev/null || true
fi

# The stage stays open as descriptor 7: vmpack reads the upper layers through it, no path leads there any more.
exec 7<"$stage"
cd "$root"
pivot_root . .
umount -l .
cd /

# Descriptor 0 is a pipe that vmpack holds open. When vmpack is gone, for whatever reason, cat ends, PID 1 exits,
# and the kernel kills whatever still runs in here. Meanwhile "wait" reaps orphans as an init must.
exec 8<&0 0</dev/null
if [ "$watch" = 1 ]; then
    cat <&8 >/dev/null 2>&1 7<&- &
else
    sleep infinity >/dev/null 2>&1 7<&- 8<&- &
fi
exec 8<&-
echo ready
exec >/dev/null 2>&1
wait "$!"
