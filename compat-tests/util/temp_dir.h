// A fresh directory per test, below $TMPDIR or /tmp, removed with all it contains.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>

#include "compat-tests/util/errno_matchers.h"

namespace ukrun::compat_tests {

// A path that system calls take as it is: open(Path("a"), O_RDONLY).
class PathString : public std::string {
 public:
  explicit PathString(std::string text) : std::string(std::move(text)) {}
  operator const char*() const { return c_str(); }  // NOLINT(google-explicit-constructor)
};

class TempDir {
 public:
  TempDir() {
    const char* parent = getenv("TMPDIR");
    std::string name(parent != nullptr && *parent != '\0' ? parent : "/tmp");
    name += "/compat-XXXXXX";
    if (mkdtemp(name.data()) == nullptr) {
      ADD_FAILURE() << "mkdtemp(" << name << "): " << ErrnoName(errno);
      return;
    }
    // As the kernel spells it: tests compare it with getcwd and /proc links.
    path_ = std::filesystem::canonical(name).string();
    // Children that give up root must still be able to walk through it.
    EXPECT_OK(chmod(path_.c_str(), 0755));
  }
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;

  ~TempDir() {
    if (path_.empty()) {
      return;
    }
    std::error_code error;
    std::filesystem::remove_all(path_, error);
    EXPECT_FALSE(error) << path_ << " cannot be removed: " << error.message();
  }

  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// The base of fixtures whose tests work on files.
class TempDirTest : public testing::Test {
 protected:
  PathString Path(std::string_view name) const {
    return PathString(dir_.path() + "/" + std::string(name));
  }
  PathString Root() const { return PathString(dir_.path()); }

 private:
  TempDir dir_;
};

}  // namespace ukrun::compat_tests
