// A static program: what the kernel hands over at start, and the calls that a C library makes.
// build: gcc -O2 -static -pthread -o %o %s
// status: 11

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int constructed;
static __thread int thread_local_value = 7;
static char zeroes[1 << 20];

__attribute__((constructor)) static void Construct(void) { constructed = 1; }

static void AtExit(void) { puts("at exit"); }

static void PrintStart(int argc, char** argv) {
  printf("arguments: %d %s\n", argc, argv[0]);
  printf("constructed %d, initialized %d\n", constructed, thread_local_value);
  long sum = 0;
  for (size_t i = 0; i < sizeof zeroes; i++) sum += zeroes[i];
  printf("zeroes: %ld\n", sum);
  printf("page size: %lu\n", getauxval(AT_PAGESZ));
  printf("clock ticks: %lu\n", getauxval(AT_CLKTCK));
  printf("ids: %d\n", getauxval(AT_UID) == getuid() && getauxval(AT_EGID) == getegid());
  printf("secure: %lu\n", getauxval(AT_SECURE));
  printf("platform: %s\n", (const char*)getauxval(AT_PLATFORM));
  printf("name: %s\n", (const char*)getauxval(AT_EXECFN));
  printf("random: %d\n", getauxval(AT_RANDOM) != 0);
  printf("vdso: %d\n", getauxval(AT_SYSINFO_EHDR) != 0);
  printf("interpreter: %lu\n", getauxval(AT_BASE));
  printf("headers: %lu of %lu\n", getauxval(AT_PHNUM) > 0, getauxval(AT_PHENT));
  printf("stack aligned: %d\n", (uintptr_t)__builtin_frame_address(0) % 16 == 0);
}

static void* Add(void* argument) {
  thread_local_value += (int)(intptr_t)argument;
  return (void*)(intptr_t)thread_local_value;
}

static void RunThreads(void) {
  pthread_t threads[10];
  for (intptr_t i = 0; i < 10; i++) pthread_create(&threads[i], NULL, Add, (void*)i);
  for (int i = 0; i < 10; i++) {
    void* result;
    pthread_join(threads[i], &result);
    printf("%d ", (int)(intptr_t)result);
  }
  printf("and still %d\n", thread_local_value);
}

static volatile sig_atomic_t caught;
static void Catch(int number, siginfo_t* information, void* context) {
  (void)context;
  caught = number == SIGUSR1 && information->si_pid == getpid();
}

static void UseTheKernel(void) {
  struct sigaction action = {.sa_sigaction = Catch, .sa_flags = SA_SIGINFO};
  sigaction(SIGUSR1, &action, NULL);
  kill(getpid(), SIGUSR1);
  printf("caught: %d\n", caught);

  void* old_break = sbrk(1 << 20);
  memset(old_break, 1, 1 << 20);
  printf("brk: %d\n", sbrk(0) == (char*)old_break + (1 << 20));
  char* page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  printf("mmap: %d\n", page[4095]);
  char* big = malloc(64 << 20);
  big[(64 << 20) - 1] = 3;
  free(big);

  fflush(stdout);
  pid_t child = fork();
  if (child == 0) _exit(page[0] + 21);
  int status = 0;
  waitpid(child, &status, 0);
  printf("child: %d\n", WEXITSTATUS(status));

  struct timespec before, after;
  clock_gettime(CLOCK_MONOTONIC, &before);
  for (int i = 0; i < 1000; i++) clock_gettime(CLOCK_MONOTONIC, &after);
  printf("time goes on: %d\n", after.tv_sec > before.tv_sec || after.tv_nsec >= before.tv_nsec);
  struct stat about;
  int result = stat("/nonexistent", &about);
  printf("stat: %d %s\n", result, strerror(errno));
}

int main(int argc, char** argv) {
  atexit(AtExit);
  PrintStart(argc, argv);
  RunThreads();
  UseTheKernel();
  fprintf(stderr, "a line on standard error\n");
  return 11;
}
