# Starts one command as the agent's command handler does (platform: pkg/commandhandler/cmd.go, cmd_linux.go):
# /bin/sh -c with the string as one argument, the download folder as working directory, nothing on stdin, plain files
# for stdout and stderr that are cut to nothing first, and the agent's lock open on a descriptor that is passed on.
# $1 folder   $2 command   $3 lock file   $4 umask
# Says on stdout why the command could not be started; says nothing when it was.
exec 3>&1
mkdir -p "$1" 2>/dev/null
cd "$1" 2>/dev/null || { echo "chdir $1: no such file or directory" >&3; exit 0; }
for stream in stdout stderr; do
    if [ -d "$stream" ]; then
        echo "failed to open $stream file: open $1/$stream: is a directory" >&3
        exit 0
    fi
    if [ ! -e "$stream" ]; then
        (umask 077 && : >"$stream") 2>/dev/null || { echo "failed to open $stream file: open $1/$stream" >&3; exit 0; }
    fi
done
umask "$4"
exec 6<>"$3" </dev/null >stdout 2>stderr 3>&-
exec /bin/sh -c "$2"
