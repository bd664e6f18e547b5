#!/bin/bash
# gcc and g++ compile programs with threads, a library and debugging information, and they run.
# needs: gcc g++
# time limit: 180

cat >threads.c <<'END'
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

static atomic_long total;
static pthread_barrier_t barrier;

static void* Count(void* argument) {
  pthread_barrier_wait(&barrier);
  for (long i = 0; i < 100000; i++) atomic_fetch_add(&total, (long)argument);
  return argument;
}

int main(void) {
  pthread_t threads[8];
  pthread_barrier_init(&barrier, NULL, 8);
  for (long i = 0; i < 8; i++) pthread_create(&threads[i], NULL, Count, (void*)i);
  long sum = 0;
  for (int i = 0; i < 8; i++) {
    void* result;
    pthread_join(threads[i], &result);
    sum += (long)result;
  }
  printf("%ld %ld\n", (long)total, sum);
  return 3;
}
END
gcc -O2 -Wall -Werror -pthread -o threads threads.c && ./threads
echo "status $?"

cat >modern.cc <<'END'
#include <algorithm>
#include <condition_variable>
#include <future>
#include <iostream>
#include <map>
#include <mutex>
#include <numeric>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

thread_local int mine = 5;

int Throwing(int x) {
  if (x > 3) throw std::runtime_error("thrown at " + std::to_string(x));
  return Throwing(x + 1);
}

int main() {
  std::vector<std::future<long>> parts;
  for (int i = 0; i < 6; i++) {
    parts.push_back(std::async(std::launch::async, [i] {
      std::vector<long> numbers(50000);
      std::iota(numbers.begin(), numbers.end(), i);
      mine = i;
      return std::accumulate(numbers.begin(), numbers.end(), 0L) + mine;
    }));
  }
  long sum = 0;
  for (auto& part : parts) sum += part.get();
  std::cout << sum << " " << mine << std::endl;

  std::mutex mutex;
  std::condition_variable ready;
  int turn = 0;
  std::thread other([&] {
    for (int i = 0; i < 1000; i++) {
      std::unique_lock lock(mutex);
      ready.wait(lock, [&] { return turn % 2 == 1; });
      turn++;
      ready.notify_one();
    }
  });
  for (int i = 0; i < 1000; i++) {
    std::unique_lock lock(mutex);
    ready.wait(lock, [&] { return turn % 2 == 0; });
    turn++;
    ready.notify_one();
  }
  other.join();
  std::cout << "turns " << turn << std::endl;

  auto failing = std::async(std::launch::async, [] { return Throwing(0); });
  try {
    failing.get();
  } catch (const std::exception& error) {
    std::cout << error.what() << std::endl;
  }
  std::map<std::string, int> words{{"b", 2}, {"a", 1}};
  for (auto& [word, count] : words) std::cout << word << count << " ";
  std::cout << std::endl;
}
END
g++ -std=c++20 -O1 -g -pthread -o modern modern.cc && ./modern
echo "status $?"

echo 'int Answer(void) { return 42; }' >answer.c
cat >use.c <<'END'
#include <stdio.h>
int Answer(void);
int main(void) { printf("%d\n", Answer()); }
END
gcc -shared -fPIC -o libanswer.so answer.c
gcc -o use use.c -L. -lanswer -Wl,-rpath,"$PWD" && ./use
gcc -c answer.c && ar rcs libanswer.a answer.o
gcc -o use_static use.c libanswer.a && ./use_static
gcc -O2 -flto -o lto use.c answer.c && ./lto
cat >plugin.c <<'END'
#include <dlfcn.h>
#include <stdio.h>
int main(void) {
  void* library = dlopen("./libanswer.so", RTLD_NOW);
  int (*answer)(void) = (int (*)(void))dlsym(library, "Answer");
  printf("dlopen %d\n", answer());
  return dlclose(library);
}
END
gcc -o plugin plugin.c && ./plugin

echo 'int main(void) { undeclared(); }' >wrong.c
gcc -Werror -c wrong.c 2>&1 | grep -c 'error:'
echo 'int main(void) { return *(volatile int*)0; }' >crash.c
gcc -o crash crash.c && bash -c 'ulimit -c 0; ./crash; exit $?' 2>/dev/null
echo "crash $?"
echo 'int main(int c, char** v) { int a[4] = {0}; return a[c + 3]; }' >overflow.c
gcc -fsanitize=undefined -o overflow overflow.c && ./overflow 2>&1 | grep -o 'out of bounds'
nm threads | grep -c ' T Count\| t Count' && objdump -d threads | grep -c '<main>:'
readelf -h threads | grep 'Type:' | sed 's/  */ /g' && size threads | wc -l
strip threads && ./threads
echo "status $?"
