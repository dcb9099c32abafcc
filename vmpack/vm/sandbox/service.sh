# Starts the main process of a unit in a sandbox without systemd: what ExecStart, User, Group, WorkingDirectory,
# Environment, EnvironmentFile and the state folders say. No restart, no dependencies, no confinement.
# $1 the unit's name   $2 its file
state=/run/vmpack
unit=$1 file=$2
instance=${unit%.*}
case $instance in *@*) instance=${instance#*@} ;; *) instance= ;; esac

# One "Key=value" line for each setting, drop-ins last: continued lines joined, comments dropped, specifiers replaced.
# An empty value clears what stood before, as in systemd.
lines=$state/$unit.settings
for part in "$file" "/etc/systemd/system/$unit.d"/*.conf; do [ ! -f "$part" ] || cat "$part"; done | awk \
    -v instance="$instance" -v unit="$unit" -v name="${unit%.*}" '
    /^[ \t]*[#;]/ { next }
    /\\$/ { held = held substr($0, 1, length($0) - 1) " "; next }
    { line = held $0; held = ""; at = index(line, "="); if (!at) next
      key = substr(line, 1, at - 1); value = substr(line, at + 1)
      gsub(/^[ \t]+|[ \t]+$/, "", key); gsub(/^[ \t]+|[ \t]+$/, "", value)
      gsub(/%i/, instance, value); gsub(/%n/, unit, value); gsub(/%N/, name, value); gsub(/%%/, "%", value)
      if (value == "") delete all[key]; else all[key] = all[key] key "=" value "\n" }
    END { for (key in all) printf "%s", all[key] }' >"$lines"
settings() { sed -n "s/^$1=//p" "$lines"; }
newline='
'
setting() { # the last value of a key
    last=$(settings "$1")
    printf '%s' "${last##*"$newline"}"
}

user=$(setting User)
group=$(setting Group)
folder=$(setting WorkingDirectory)
kind=$(setting Type)
if [ -n "$user" ] && ! id "$user" >/dev/null 2>&1 && [ "$(setting DynamicUser)" != yes ]; then
    printf '%s\n' "$unit: Failed to determine user credentials: no user $user" >&2
    exit 1
fi
for pair in StateDirectory:/var/lib RuntimeDirectory:/run LogsDirectory:/var/log CacheDirectory:/var/cache; do
    for name in $(setting "${pair%%:*}"); do
        mkdir -p "${pair#*:}/$name"
        [ -z "$user" ] || chown "$user${group:+:$group}" "${pair#*:}/$name"
    done
done

plain() { # ExecStart's prefixes
    printf '%s' "$1" | sed -e 's/^[-@:+!]*//'
}
switch=''
if [ -n "$user" ] && [ "$user" != root ]; then
    switch="setpriv --reuid $user --regid ${group:-$(id -g "$user")} --init-groups"
fi
# A script that ignores SIGTERM hands that on, and sh cannot take it back; systemd starts services with all at default.
if env --default-signal true 2>/dev/null; then switch="env --default-signal $switch"; fi
prepare() { # writes a script that runs "$1" with the unit's environment, and gives its path
    {
        settings EnvironmentFile | while IFS= read -r line; do
            [ ! -r "${line#-}" ] || printf 'set -a\n. "%s"\nset +a\n' "${line#-}"
        done
        settings Environment | sed -e 's/^/export /'
        printf 'cd %s || exit 200\n%s\n' "${folder:-/}" "$1"
    } >"$state/$unit.run"
    chmod 0644 "$state/$unit.run"
}

exec </dev/null
for descriptor in 3 4 5 6 7 8 9; do eval "exec $descriptor>&-"; done
settings ExecStartPre >"$state/$unit.pre"
while IFS= read -r command; do
    prepare "$(plain "$command")"
    # shellcheck disable=SC2086
    $switch /bin/sh "$state/$unit.run" </dev/null >>"$state/$unit.log" 2>&1 || case $command in
    -*) ;;
    *)
        printf '%s\n' "$unit: ExecStartPre failed: $command" >&2
        tail -n 5 "$state/$unit.log" >&2
        exit 1
        ;;
    esac
done <"$state/$unit.pre"

command=$(plain "$(setting ExecStart)")
if [ "$kind" = oneshot ]; then
    prepare "$command"
    # shellcheck disable=SC2086
    $switch /bin/sh "$state/$unit.run" >>"$state/$unit.log" 2>&1 || {
        printf '%s\n' "Job for $unit failed because the control process exited with error code." >&2
        tail -n 5 "$state/$unit.log" >&2
        exit 1
    }
    [ "$(setting RemainAfterExit)" != yes ] || : >"$state/active/$unit"  # active without a process
    exit 0
fi
# The mark says who runs; one whose process is gone says that the service failed.
mark=$state/active/$unit
: >"$mark.starting"
chmod 0666 "$mark.starting"
prepare "echo \$\$ >'$mark.starting'; exec $command"
# shellcheck disable=SC2086
setsid $switch /bin/sh "$state/$unit.run" >>"$state/$unit.log" 2>&1 &
launcher=$!
while [ ! -s "$mark.starting" ] && kill -0 "$launcher" 2>/dev/null; do sleep 0.01; done
sleep 0.05
pid=$(cat "$mark.starting")
rm -f "$mark.starting"
echo "${pid:-0}" >"$mark"
if [ -z "$pid" ] || ! kill -0 "$pid" 2>/dev/null || grep -q '^State:.Z' "/proc/$pid/status" 2>/dev/null; then
    printf '%s\n' "$unit: the main process ended at once" >&2
    tail -n 5 "$state/$unit.log" >&2
    # Type=simple counts as started all the same, as with systemd.
    [ "$kind" = simple ] || [ -z "$kind" ] || exit 1
fi
