#!/bin/bash
# make -j with its jobserver: many compilations at once, an incremental build, a failing one.
# needs: make gcc
# time limit: 180

mkdir src
for i in $(seq 30); do
  printf '#include "common.h"\nint F%d(int x) { return x + COMMON * %d; }\n' "$i" "$i" >"src/f$i.c"
done
echo '#define COMMON 2' >src/common.h
{
  echo '#include <stdio.h>'
  for i in $(seq 30); do echo "int F$i(int x);"; done
  echo 'int main(void) { int sum = 0;'
  for i in $(seq 30); do echo "sum = F$i(sum);"; done
  echo 'printf("%d\n", sum); return 0; }'
} >src/main.c
cat >Makefile <<'END'
SOURCES := $(wildcard src/*.c)
OBJECTS := $(SOURCES:src/%.c=build/%.o)
program: $(OBJECTS)
	@$(CC) -o $@ $^
	@echo linked
build/%.o: src/%.c | build
	@$(CC) -MMD -c -o $@ $<
build:
	@mkdir -p $@
recurse:
	@+$(MAKE) --no-print-directory -C sub all
fail:
	@exit 3
.PHONY: recurse fail
-include $(OBJECTS:.o=.d)
END
mkdir sub
printf 'all: a b c d\na b c d:\n\t@sleep 0.1; touch $@\n' >sub/Makefile

make -j4 && ./program
find build -name '*.o' | wc -l
make -j4
sleep 1.1
echo '#define COMMON 3' >src/common.h
make -j4 && ./program
sleep 1.1
touch src/f7.c
make -n program | grep -c f7.c
make -j3 recurse && ls sub
make -j3 fail 2>/dev/null; echo "make: $?"
make -j8 -k fail program >/dev/null 2>&1; echo "make -k: $?"
make nothing 2>/dev/null; echo "make: $?"
make -j2 -O -B program | tail -n 1
