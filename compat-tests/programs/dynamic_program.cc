// A dynamic C++ program: exceptions, iostreams, threads, dlopen, unwinding through signal frames.
// build: g++ -std=c++20 -O1 -pthread -rdynamic -o %o %s -ldl

#include <cxxabi.h>
#include <dlfcn.h>
#include <execinfo.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <csetjmp>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <locale>
#include <memory>
#include <mutex>
#include <random>
#include <regex>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace {

struct Noisy {
  ~Noisy() { std::cout << "destroyed while unwinding" << std::endl; }
};

void Exceptions() {
  try {
    Noisy noisy;
    throw std::out_of_range("thrown");
  } catch (const std::exception& error) {
    std::cout << "caught " << error.what() << std::endl;
  }
  std::exception_ptr carried;
  std::thread([&] {
    try {
      throw 42;
    } catch (...) {
      carried = std::current_exception();
    }
  }).join();
  try {
    std::rethrow_exception(carried);
  } catch (int value) {
    std::cout << "carried between threads: " << value << std::endl;
  }
}

void Files() {
  namespace fs = std::filesystem;
  fs::create_directories("made/by/cxx");
  std::ofstream("made/file") << "text " << 1.5 << '\n';
  std::string first;
  double second = 0;
  std::ifstream("made/file") >> first >> second;
  std::cout << first << ' ' << second << ' ' << fs::file_size("made/file") << std::endl;
  fs::copy("made", "copied", fs::copy_options::recursive);
  std::set<std::string> names;
  for (const auto& entry : fs::recursive_directory_iterator("copied")) {
    names.insert(entry.path().string());
  }
  for (const auto& name : names) std::cout << name << ' ';
  std::cout << fs::remove_all("copied") << std::endl;
}

void Threads() {
  std::mutex mutex;
  std::condition_variable changed;
  int turns = 0;
  auto take_turns = [&](int me) {
    for (int i = 0; i < 300; ++i) {
      std::unique_lock lock(mutex);
      changed.wait(lock, [&] { return turns % 3 == me; });
      ++turns;
      changed.notify_all();
    }
  };
  std::thread threads[] = {std::thread(take_turns, 0), std::thread(take_turns, 1),
                           std::thread(take_turns, 2)};
  for (auto& thread : threads) thread.join();
  std::cout << "turns: " << turns << std::endl;

  std::atomic<int> flag = 0;
  std::thread waker([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    flag = 1;
    flag.notify_one();
  });
  flag.wait(0);
  waker.join();
  std::unique_lock lock(mutex);
  bool in_time = changed.wait_for(lock, std::chrono::milliseconds(30), [] { return false; });
  std::cout << "flag " << flag << ", waited in vain " << !in_time << std::endl;
}

sigjmp_buf back;
std::atomic<int> frames = 0;

void OnFault(int) {
  void* addresses[64];
  frames = backtrace(addresses, 64);
  siglongjmp(back, 1);
}

void Faults() {
  stack_t stack = {.ss_sp = malloc(1 << 16), .ss_flags = 0, .ss_size = 1 << 16};
  sigaltstack(&stack, nullptr);
  struct sigaction action = {};
  action.sa_handler = OnFault;
  action.sa_flags = SA_ONSTACK;
  sigaction(SIGSEGV, &action, nullptr);
  if (sigsetjmp(back, 1) == 0) {
    *static_cast<volatile int*>(nullptr) = 1;
  }
  std::cout << "a fault was unwound: " << (frames > 2) << std::endl;
}

void Libraries() {
  void* library = dlopen("libm.so.6", RTLD_NOW);
  auto* cosine = reinterpret_cast<double (*)(double)>(dlsym(library, "cos"));
  std::cout << "cos 0 = " << cosine(0) << ", " << dlclose(library) << std::endl;
  std::cout << "missing: " << (dlopen("/nonexistent.so", RTLD_NOW) == nullptr) << std::endl;
  Dl_info information;
  dladdr(reinterpret_cast<void*>(&puts), &information);
  std::cout << "puts is in " << std::filesystem::path(information.dli_fname).filename().string()
            << std::endl;
}

}  // namespace

int main() {
  Exceptions();
  Files();
  Threads();
  Faults();
  Libraries();
  std::cout << std::regex_replace("a-b-c", std::regex("-"), "+") << std::endl;
  std::cout << "entropy: " << (std::random_device()() != std::random_device()()) << std::endl;
  std::cerr << "done" << std::endl;
  return 0;
}
