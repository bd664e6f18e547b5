#include "ukrun/paths.h"

#include <gtest/gtest.h>

namespace ukrun {
namespace {

TEST(CleanPathTest, DotsAndSlashesGo) {
  EXPECT_EQ(CleanPath("/", "/x"), "/");
  EXPECT_EQ(CleanPath("//a///b/", "/x"), "/a/b");
  EXPECT_EQ(CleanPath("/a/./b/../c", "/x"), "/a/c");
  EXPECT_EQ(CleanPath("/../../a", "/x"), "/a");
  EXPECT_EQ(CleanPath(".", "/x/y"), "/x/y");
  EXPECT_EQ(CleanPath("../z", "/x/y"), "/x/z");
  EXPECT_EQ(CleanPath("", "/x"), "/x");
}

TEST(IsBelowTest, WholeNamesCount) {
  EXPECT_TRUE(IsBelow("/tmp/a", "/tmp"));
  EXPECT_TRUE(IsBelow("/a", "/"));
  EXPECT_FALSE(IsBelow("/tmp", "/tmp"));
  EXPECT_FALSE(IsBelow("/tmpfiles", "/tmp"));
  EXPECT_FALSE(IsBelow("/", "/"));
}

TEST(LookAtHostPathTest, FilesAndFoldersOnly) {
  EXPECT_TRUE(LookAtHostPath("/proc")->folder);
  EXPECT_FALSE(LookAtHostPath("/etc/passwd")->folder);
  EXPECT_EQ(LookAtHostPath("/nonexistent").status().message(), "No such file or directory");
  EXPECT_EQ(LookAtHostPath("/dev/null").status().message(),
            "it is neither a regular file nor a folder");
}

}  // namespace
}  // namespace ukrun
