// Opens very many files of the upper layer, and compares what descriptors cost.
//
//   descriptors [COUNT] [--exact]     100,000 unless told
//
// Natively a host limits descriptors (root can't always raise it), so fewer do there.

#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "growth.h"

namespace {

using scale::Check;
using scale::Require;

constexpr long kFilesInOneDirectory = 1000;
constexpr long kSmall = 100;
// Descriptors that the program needs besides those that it counts.
constexpr long kSpare = 64;

std::string PathOf(long index) {
  return "files/" + std::to_string(index / kFilesInOneDirectory) + "/" + std::to_string(index);
}

// Raises the limit as far as it goes, and returns how many descriptors may be opened.
long RaiseLimit(long wanted) {
  rlimit limit = {};
  Check(getrlimit(RLIMIT_NOFILE, &limit), "getrlimit");
  const auto needed = static_cast<rlim_t>(wanted + kSpare);
  if (limit.rlim_cur < needed) {
    rlimit raised = {needed, std::max(limit.rlim_max, needed)};
    if (setrlimit(RLIMIT_NOFILE, &raised) != 0) {
      raised = {limit.rlim_max, limit.rlim_max};
      Check(setrlimit(RLIMIT_NOFILE, &raised), "setrlimit");
    }
  }
  Check(getrlimit(RLIMIT_NOFILE, &limit), "getrlimit");
  return static_cast<long>(limit.rlim_cur) - kSpare;
}

// Creates files and keeps them open until `opened` holds so many.
void OpenUpTo(long count, std::vector<int>& opened) {
  while (static_cast<long>(opened.size()) < count) {
    const long index = static_cast<long>(opened.size());
    if (index % kFilesInOneDirectory == 0) {
      std::filesystem::create_directories(std::filesystem::path(PathOf(index)).parent_path());
    }
    opened.push_back(Check(open(PathOf(index).c_str(), O_RDWR | O_CREAT | O_EXCL, 0600), "open"));
    if (index % 97 == 0) {
      Check(write(opened.back(), &index, sizeof index), "write");
    }
  }
}

// Each descriptor still names its own file.
void CheckContents(const std::vector<int>& opened) {
  for (long index = 0; index < static_cast<long>(opened.size()); index += 97) {
    long content = -1;
    Check(pread(opened[static_cast<size_t>(index)], &content, sizeof content, 0), "pread");
    Require(content == index, "a descriptor reads its own file");
  }
}

// A descriptor that was given back is the next one to be used, wherever it lies.
void CheckLowestIsReused(std::vector<int>& opened) {
  for (const size_t place : {size_t{0}, opened.size() / 2, opened.size() - 1}) {
    const int number = opened[place];
    Check(close(number), "close");
    opened[place] = Check(open(PathOf(static_cast<long>(place)).c_str(), O_RDWR), "open");
    Require(opened[place] == number, "the lowest free descriptor is taken");
  }
}

// Many watched descriptors, one of them ready.
class Watched {
 public:
  explicit Watched(long count) : epoll_(Check(epoll_create1(0), "epoll_create1")) {
    for (long i = 0; i < count; ++i) {
      events_.push_back(Check(eventfd(0, EFD_NONBLOCK), "eventfd"));
      epoll_event event = {.events = EPOLLIN, .data = {.fd = events_.back()}};
      Check(epoll_ctl(epoll_, EPOLL_CTL_ADD, events_.back(), &event), "epoll_ctl");
    }
  }
  Watched(const Watched&) = delete;
  Watched& operator=(const Watched&) = delete;
  ~Watched() {
    for (const int event : events_) {
      close(event);
    }
    close(epoll_);
  }

  void WakeOne() {
    const int chosen = events_[events_.size() / 2];
    Check(eventfd_write(chosen, 1), "eventfd_write");
    epoll_event ready = {};
    Require(epoll_wait(epoll_, &ready, 1, 1000) == 1 && ready.data.fd == chosen, "one is ready");
    eventfd_t value = 0;
    Check(eventfd_read(chosen, &value), "eventfd_read");
  }

 private:
  int epoll_;
  std::vector<int> events_;
};

int CompareWatching(long many) {
  scale::Growth growth("watched");
  auto watched = std::make_unique<Watched>(10);
  growth.Add("write, epoll_wait, read", 50, [&] { watched->WakeOne(); });
  growth.MeasureSmall(10);
  watched = std::make_unique<Watched>(many);
  return growth.MeasureLarge(many);
}

void AddOperations(scale::Growth& growth, const std::vector<int>& opened) {
  growth.Add("open and close", 50, [] { close(Check(open("files/0/1", O_RDONLY), "open")); });
  growth.Add("create, close, unlink", 30, [] {
    close(Check(open("new", O_CREAT | O_EXCL | O_WRONLY, 0600), "open"));
    Check(unlink("new"), "unlink");
  });
  growth.Add("dup and close", 100, [&] { close(Check(dup(opened.front()), "dup")); });
  growth.Add("dup2 over the last", 100,
             [&] { Check(dup2(opened.front(), opened.back() + 1), "dup2"); });
  growth.Add("fstat of the last", 100, [&] {
    struct stat about = {};
    Check(fstat(opened.back(), &about), "fstat");
  });
  growth.Add("pread of the last", 100, [&] {
    char byte = 0;
    Check(pread(opened.back(), &byte, 1, 0), "pread");
  });
  growth.Add("write to the first", 100, [&] { Check(pwrite(opened[1], "x", 1, 0), "pwrite"); });
  growth.Add("poll of the last", 100, [&] {
    pollfd polled = {.fd = opened.back(), .events = POLLIN, .revents = 0};
    Check(poll(&polled, 1, 0), "poll");
  });
  growth.Add("fcntl of the last", 100, [&] { Check(fcntl(opened.back(), F_GETFD), "fcntl"); });
}

}  // namespace

int main(int argc, char** argv) {
  const bool exact = scale::MustBeExact(argc, argv);
  const long wanted = scale::CountFromArguments(argc, argv, 100'000);
  const long count = scale::LimitCount(wanted, RaiseLimit(wanted), exact, "descriptors");

  char directory[] = "scale-descriptors-XXXXXX";
  Require(mkdtemp(directory) != nullptr, "a directory could be made");
  Check(chdir(directory), "chdir");

  int status = CompareWatching(std::min(count, 4000L));
  std::vector<int> opened;
  scale::Growth growth("open");
  AddOperations(growth, opened);
  OpenUpTo(kSmall, opened);
  growth.MeasureSmall(kSmall);
  close(opened.back() + 1);  // What dup2 made.
  OpenUpTo(count, opened);
  status = std::max(status, growth.MeasureLarge(count));
  CheckContents(opened);
  CheckLowestIsReused(opened);

  Check(chdir(".."), "chdir");
  std::filesystem::remove_all(directory);
  return status;
}
