#!/bin/bash
# Scripts and what the kernel makes of their first line: arguments, nesting, loops, errors.

put() {
  cat >"$1"
  chmod +x "$1"
}

# Exactly one execve, unlike a shell, which reads a file that isn't a program as a script.
try() {
  /usr/bin/python3 -c '
import errno, os, sys
try:
    os.execv(sys.argv[1], sys.argv[1:])
except OSError as error:
    print(os.path.basename(sys.argv[1]), errno.errorcode[error.errno])
' "$@"
}

put plain <<'END'
#!/bin/sh
echo "plain: $0 $*"
END
./plain a 'b c'
(cd / && "$OLDPWD/plain" x | sed "s|$OLDPWD|HERE|")
PATH=$PWD:$PATH plain y | sed "s|$PWD|HERE|"

put argument <<'END'
#!/bin/sh -e -u
echo never
END
./argument 2>&1 | sed 's/.*: //'
put one_argument <<'END'
#!/usr/bin/env -S /bin/sh -eu
echo "options: $-" | tr -d hBs
END
./one_argument

put show_arguments <<'END'
#!/bin/sh
for word; do printf '[%s]' "$word"; done
echo
END
printf '#!%s/show_arguments   one two  \n' "$PWD" >nested && chmod +x nested
./nested three | sed "s|$PWD|HERE|"
printf '#!%s/nested\n' "$PWD" >nested2 && chmod +x nested2
./nested2 four | sed "s|$PWD|HERE|g"
printf '#! \t /bin/echo \t words\n' >spaces && chmod +x spaces && ./spaces

previous=/bin/echo
for i in 1 2 3 4 5 6 7; do
  printf '#!%s\n' "$previous" >"depth$i"
  chmod +x "depth$i"
  previous=$PWD/depth$i
  try "./depth$i" >out
  sed "s|$PWD|HERE|g; s/^/depth $i: /" out | cut -c 1-60
done
printf '#!%s/self\n' "$PWD" >self && chmod +x self
try ./self
printf '#!/nonexistent/sh\n' >missing && chmod +x missing
try ./missing
printf '#!%s\n' "$PWD" >directory && chmod +x directory
try ./directory
printf '#!\n' >empty && chmod +x empty
try ./empty
printf 'echo no first line\n' >none && chmod +x none
./none
try ./none
: >nothing && chmod +x nothing
try ./nothing
printf '\177ELF and no more' >elf && chmod +x elf
try ./elf
echo '#!/bin/sh' >not_executable
try ./not_executable
printf '#!/bin/sh -%0300d\n' 0 >long && chmod +x long
try ./long 2>/dev/null
echo "long: $?"
printf '#!/usr/bin/awk -f\nBEGIN { print "awk: " ARGV[1] }\n' >program.awk && chmod +x program.awk
./program.awk word
/lib64/ld-linux-x86-64.so.2 /bin/echo "the loader as a program"
perl -e '$0 = "x"; exec {"/bin/sh"} "-login", "-c", "echo named \$0"'
perl -e 'exec "/bin/echo", "x" x 200000 or print "$!\n"' | wc -c
perl -e 'exec "/bin/echo", map { "word" } 1 .. 100000 or print "$!\n"' | wc -w
perl -e '$ENV{HUGE} = "x" x 140000; exec "/bin/true" or print "environment: ", $!, "\n"'
