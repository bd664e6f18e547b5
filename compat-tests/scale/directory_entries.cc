// Fills a directory with 20,000 entries, and compares what names cost.
//
//   directory_entries [COUNT] [--exact]     20,000 unless told

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <memory>
#include <set>
#include <string>

#include "growth.h"

namespace {

using scale::Check;
using scale::Require;

constexpr long kSmall = 200;

std::string NameOf(long index) { return "entry-" + std::to_string(index); }

struct CloseDirectory {
  void operator()(DIR* directory) const { closedir(directory); }
};
using Directory = std::unique_ptr<DIR, CloseDirectory>;

// Creates entries of several kinds until there are so many.
void FillUpTo(long count, long& filled) {
  for (; filled < count; ++filled) {
    const std::string name = NameOf(filled);
    if (filled % 50 == 1) {
      Check(mkdir(name.c_str(), 0700), "mkdir");
    } else if (filled % 50 == 2) {
      Check(symlink("entry-0", name.c_str()), "symlink");
    } else {
      close(Check(open(name.c_str(), O_CREAT | O_EXCL | O_WRONLY, 0600), "open"));
    }
  }
}

// Reads the directory; every entry comes once.
void CheckListing(long count) {
  const Directory directory(opendir("."));
  Require(directory != nullptr, "the directory can be opened");
  std::set<std::string> seen;
  while (const dirent* entry = readdir(directory.get())) {
    Require(seen.insert(entry->d_name).second, "no entry comes twice");
  }
  Require(static_cast<long>(seen.size()) == count + 2, "every entry comes");
  for (long index = 0; index < count; ++index) {
    Require(seen.count(NameOf(index)) == 1, "each name comes");
  }
}

// The cost of one entry when all are listed, the cheapest of some attempts.
double ListingNs(long count) {
  double cheapest = 0;
  for (int attempt = 0; attempt < 5; ++attempt) {
    const auto start = std::chrono::steady_clock::now();
    const Directory directory(opendir("."));
    long entries = 0;
    while (readdir(directory.get()) != nullptr) {
      ++entries;
    }
    const std::chrono::duration<double, std::nano> took = std::chrono::steady_clock::now() - start;
    Require(entries == count + 2, "every entry comes");
    const double cost = took.count() / static_cast<double>(entries);
    cheapest = attempt == 0 ? cost : std::min(cheapest, cost);
  }
  return cheapest;
}

// Deleting while reading, as rm does: what wasn't deleted still comes, and nothing comes twice.
void DeleteWhileReading(long count) {
  const Directory directory(opendir("."));
  long deleted = 0;
  while (const dirent* entry = readdir(directory.get())) {
    const std::string name = entry->d_name;
    if (name != "." && name != "..") {
      Check(unlinkat(AT_FDCWD, name.c_str(), entry->d_type == DT_DIR ? AT_REMOVEDIR : 0),
            "unlinkat");
      ++deleted;
    }
  }
  Require(deleted == count, "every entry was there to be deleted");
  CheckListing(0);
}

void AddOperations(scale::Growth& growth, const long& filled) {
  growth.Add("create and unlink", 30, [] {
    close(Check(open("new", O_CREAT | O_EXCL | O_WRONLY, 0600), "open"));
    Check(unlink("new"), "unlink");
  });
  growth.Add("stat of the last", 50, [&] {
    struct stat about = {};
    Check(lstat(NameOf(filled - 1).c_str(), &about), "lstat");
  });
  growth.Add("stat of what is missing", 50, [] {
    struct stat about = {};
    Require(lstat("missing", &about) == -1 && errno == ENOENT, "it is missing");
  });
  growth.Add("stat of what was never asked for", 50, [next = 0L]() mutable {
    struct stat about = {};
    const std::string name = "missing-" + std::to_string(next++);
    Require(lstat(name.c_str(), &about) == -1 && errno == ENOENT, "it is missing");
  });
  growth.Add("open and close the first", 50,
             [] { close(Check(open("entry-0", O_RDONLY), "open")); });
  growth.Add("rename there and back", 30, [] {
    Check(rename("entry-0", "renamed"), "rename");
    Check(rename("renamed", "entry-0"), "rename");
  });
  growth.Add("link and unlink", 30, [] {
    Check(link("entry-0", "linked"), "link");
    Check(unlink("linked"), "unlink");
  });
  growth.Add("mkdir and rmdir", 30, [] {
    Check(mkdir("made", 0700), "mkdir");
    Check(rmdir("made"), "rmdir");
  });
}

}  // namespace

int main(int argc, char** argv) {
  const long count = scale::CountFromArguments(argc, argv, 20'000);

  char directory[] = "scale-entries-XXXXXX";
  Require(mkdtemp(directory) != nullptr, "a directory could be made");
  Check(chdir(directory), "chdir");

  long filled = 0;
  scale::Growth growth("entries");
  AddOperations(growth, filled);
  FillUpTo(kSmall, filled);
  growth.MeasureSmall(kSmall);
  const double small_ns = ListingNs(kSmall);
  FillUpTo(count, filled);
  int status = growth.MeasureLarge(count);

  const double large_ns = ListingNs(count);
  const bool grown = scale::Growth::HasGrown(small_ns, large_ns);
  std::printf("%-34s %12.0f %12.0f %7.2fx%s\n", "listing, for one entry", small_ns, large_ns,
              large_ns / small_ns, grown ? "  TOO MUCH" : "");
  status = grown ? scale::kFailed : status;

  CheckListing(count);
  DeleteWhileReading(count);
  Check(chdir(".."), "chdir");
  Check(rmdir(directory), "rmdir");
  return status;
}
