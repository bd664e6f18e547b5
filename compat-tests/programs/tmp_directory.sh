#!/bin/bash
# A working directory below /tmp stays visible, and the rest of /tmp works as usual.
# directory: tmp

case $PWD in /tmp/*) echo "below /tmp" ;; *) echo "$PWD is elsewhere" ;; esac
[ -f tmp_directory.sh ] && echo "the host's file is here"
echo made >file && cat file
mkdir -p sub/dir && mv file sub/dir && ls sub/dir
[ "$(realpath .)" = "$PWD" ] && [ "$(pwd -P)" = "$PWD" ] && echo "one name"
cd .. && cd - >/dev/null && [ -d sub ] && echo "up and down"
ls -d "$PWD" >/dev/null && ls /tmp | grep -qxF "$(cut -d / -f 3 <<<"$PWD")" && echo "listed in /tmp"
file=$(mktemp) && echo temporary >"$file" && cat "$file" && rm "$file"
directory=$(mktemp -d) && cp tmp_directory.sh "$directory/copy"
cmp tmp_directory.sh "$directory/copy"
mv "$directory/copy" moved && cmp moved tmp_directory.sh && rmdir "$directory" && echo "moved"
stat -c '%a %F' /tmp && [ "$TMPDIR" = "" ] && stat -c '%a %F' /dev/shm
echo shared >/dev/shm/ukrun-test-$$ && cat /dev/shm/ukrun-test-$$ && rm /dev/shm/ukrun-test-$$
python3 -c 'import tempfile; print(tempfile.gettempdir())'
