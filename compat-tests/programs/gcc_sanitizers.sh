#!/bin/bash
# Programs that are built with each sanitizer run, and find what they are made to find. Their
# shadow memory claims terabytes of address space, and ends up beside what the sandbox keeps.
# needs: gcc clang
# stderr: ignored
# time limit: 180

cat >clean.c <<'END'
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static int counter;
static void* Work(void* unused) {
  char* memory = malloc(1000);
  memset(memory, 1, 1000);
  pthread_mutex_lock(&mutex);
  counter += memory[999];
  pthread_mutex_unlock(&mutex);
  free(memory);
  return unused;
}
int main(void) {
  pthread_t threads[4];
  for (int i = 0; i < 4; i++) pthread_create(&threads[i], NULL, Work, NULL);
  for (int i = 0; i < 4; i++) pthread_join(threads[i], NULL);
  printf("%d threads\n", counter);
}
END
cat >freed.c <<'END'
#include <stdlib.h>
int main(void) { char* p = malloc(10); free(p); return p[3]; }
END
cat >race.c <<'END'
#include <pthread.h>
int shared;
void* Work(void* unused) { for (int i = 0; i < 1000; i++) shared++; return unused; }
int main(void) {
  pthread_t other;
  pthread_create(&other, 0, Work, 0);
  Work(0);
  pthread_join(other, 0);
}
END
cat >uninitialized.c <<'END'
#include <stdlib.h>
#include <stdio.h>
int main(void) { int* p = malloc(4); if (*p) puts("x"); free(p); return 0; }
END

# Sanitizers may need to run without a random layout on a kernel with much randomness.
run() { setarch -R "$@"; }

# LeakSanitizer needs ptrace, which not every sandbox has; it isn't what is tested here.
export ASAN_OPTIONS=detect_leaks=0

build() {
  local compiler=$1 sanitizer=$2 source=$3
  "$compiler" -g -fsanitize="$sanitizer" -pthread -o program "$source" || echo "can't build"
}

for compiler in gcc clang; do
  for sanitizer in address undefined thread; do
    build $compiler $sanitizer clean.c
    echo "$compiler $sanitizer: $(run ./program)"
  done
  build $compiler address freed.c
  run ./program 2>&1 | grep -o -m 1 'heap-use-after-free' | head -n 1
  build $compiler thread race.c
  run ./program 2>&1 | grep -o -m 1 'data race' | head -n 1
done
build clang memory clean.c
echo "clang memory: $(run ./program)"
build clang memory uninitialized.c
run ./program 2>&1 | grep -o -m 1 'use-of-uninitialized-value' | head -n 1
