// A static program that may lie anywhere: it relocates itself, so its pointers have to come right.
// build: gcc -O2 -static-pie -fPIE -o %o %s

#define _GNU_SOURCE
#include <inttypes.h>
#include <link.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

static int target = 5;
static int* pointer = &target;
static const char* const kWords[] = {"relocated", "pointers", "to", "words"};
static int (*functions[])(const char*) = {puts};
static __thread int local[100] = {[99] = 9};

static int Count(struct dl_phdr_info* information, size_t size, void* data) {
  (void)size;
  *(int*)data += information->dlpi_phnum > 0;
  return 0;
}

int main(void) {
  printf("%d %s %s %d\n", *pointer, kWords[0], kWords[3], local[99]);
  functions[0]("through a relocated function pointer");
  printf("entry inside the program: %d\n",
         getauxval(AT_ENTRY) > getauxval(AT_PHDR) &&
             getauxval(AT_ENTRY) - getauxval(AT_PHDR) < (64 << 20));
  int objects = 0;
  dl_iterate_phdr(Count, &objects);
  printf("objects: %d\n", objects > 0);
  char path[4096];
  ssize_t length = readlink("/proc/self/exe", path, sizeof path - 1);
  path[length > 0 ? length : 0] = '\0';
  const char* slash = strrchr(path, '/');
  printf("exe: %s\n", slash != NULL ? slash + 1 : "unknown");
  return 0;
}
