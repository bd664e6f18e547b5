#include "ukrun/mounts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "absl/strings/str_cat.h"

namespace ukrun {
namespace {

using proto::Mount;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class MountsTest : public ::testing::Test {
 protected:
  MountsTest() {
    // Not below /tmp, which has rules of its own.
    char name[] = "/var/ukrun-mounts-XXXXXX";
    dir_ = mkdtemp(name) != nullptr ? name : "";
    std::ofstream(dir_ + "/file") << "x";
    std::filesystem::create_directory(dir_ + "/folder");
    std::filesystem::create_directory_symlink("folder", dir_ + "/link");
  }
  ~MountsTest() override { std::filesystem::remove_all(dir_); }

  void SetUp() override {
    if (dir_.empty()) {
      GTEST_SKIP() << "/var cannot be written here";
    }
  }

  // One line for each mount: kind, place, what of the host.
  static std::vector<std::string> Describe(const MountPlan& plan) {
    std::vector<std::string> lines;
    for (const Mount& mount : plan.mounts) {
      bool attached = mount.kind() == Mount::GOFER || mount.kind() == Mount::OVERLAY;
      lines.push_back(absl::StrCat(Mount::Kind_Name(mount.kind()), " ", mount.destination(),
                                   attached ? " " + plan.attach[mount.attach()].host_path() : "",
                                   mount.read_only() ? " ro" : "", mount.file() ? " file" : ""));
    }
    return lines;
  }

  std::string MessageFor(const Options& options) const {
    absl::StatusOr<MountPlan> plan = PlanMounts(options, dir_);
    return plan.ok() ? "no failure" : std::string(plan.status().message());
  }

  std::string dir_;
};

TEST_F(MountsTest, DefaultTree) {
  MountPlan plan = *PlanMounts(Options(), "/usr");
  EXPECT_THAT(Describe(plan),
              ElementsAre("OVERLAY / /", "DEV /dev", "TMPFS /dev/shm", "PROC /proc", "TMPFS /run",
                          "SYS /sys ro", "TMPFS /tmp", "TMPFS /var/tmp"));
  EXPECT_EQ(plan.cwd, "/usr");
  EXPECT_EQ(plan.keep_attach, -1);
  EXPECT_FALSE(plan.attach[0].writable());
  EXPECT_EQ(plan.mounts[0].size_bytes(), uint64_t{1} << 30);
  EXPECT_EQ(plan.mounts[4].mode(), 0755u);
  EXPECT_EQ(plan.mounts[6].mode(), 01777u);
}

TEST_F(MountsTest, WorkingDirectoryBelowAnEmptyFolderStaysVisible) {
  char name[] = "/tmp/ukrun-mounts-XXXXXX";
  ASSERT_NE(mkdtemp(name), nullptr);
  MountPlan plan = *PlanMounts(Options(), name);
  EXPECT_THAT(Describe(plan), ::testing::Contains(absl::StrCat("OVERLAY ", name, " ", name)));
  EXPECT_EQ(plan.cwd, name);
  rmdir(name);
  EXPECT_EQ(PlanMounts(Options(), "/tmp")->mounts.size(), 8u) << "/tmp itself is empty";
}

TEST_F(MountsTest, BindsStandWhereTheGuestWillLookThemUp) {
  Options options;
  options.binds = {{dir_ + "/link", Access::kReadWrite},
                   {dir_ + "/file:/a/../mnt/f", Access::kReadOnly},
                   {dir_ + "/folder:" + dir_ + "/link/below", Access::kReadOnly}};
  MountPlan plan = *PlanMounts(options, dir_);
  std::vector<std::string> lines = Describe(plan);
  EXPECT_THAT(lines, ::testing::Contains("GOFER " + dir_ + "/folder " + dir_ + "/folder"));
  EXPECT_THAT(lines, ::testing::Contains("GOFER /mnt/f " + dir_ + "/file ro file"));
  EXPECT_THAT(lines, ::testing::Contains("GOFER " + dir_ + "/folder/below " + dir_ + "/folder ro"));
}

TEST_F(MountsTest, ParentsComeBeforeChildrenInWhateverOrderTheyAreGiven) {
  Options options;
  options.binds = {{dir_ + "/folder:/data/x/y", Access::kReadWrite}};
  options.tmpfs = {TmpfsOption{.destination = "/data"}, TmpfsOption{.destination = "/data/x"}};
  MountPlan plan = *PlanMounts(options, "/");
  std::vector<std::string> places;
  for (const Mount& mount : plan.mounts) {
    if (mount.destination().rfind("/data", 0) == 0) {
      places.push_back(mount.destination());
    }
  }
  EXPECT_THAT(places, ElementsAre("/data", "/data/x", "/data/x/y"));
}

TEST_F(MountsTest, FlagsReplaceDefaultsButNotEachOther) {
  Options options;
  options.binds = {{dir_ + ":/tmp", Access::kReadWrite}};
  EXPECT_THAT(Describe(*PlanMounts(options, "/")), ::testing::Contains("GOFER /tmp " + dir_));
  options.tmpfs = {TmpfsOption{.destination = "/tmp"}};
  EXPECT_EQ(MessageFor(options), "--tmpfs=/tmp: --bind=" + dir_ + ":/tmp already stands for /tmp");
}

TEST_F(MountsTest, AnotherRootStartsInItsOwnDirectories) {
  std::filesystem::create_directories(dir_ + "/root/usr");
  Options options;
  options.rootfs = dir_ + "/root";
  EXPECT_EQ(PlanMounts(options, dir_)->cwd, "/");
  EXPECT_EQ(PlanMounts(options, "/usr")->cwd, "/usr");
  EXPECT_EQ(Describe(*PlanMounts(options, "/"))[0], "OVERLAY / " + dir_ + "/root");
  options.binds = {{dir_ + "/folder:/in", Access::kReadOnly}};
  EXPECT_EQ(PlanMounts(options, "/in")->cwd, "/in");
}

TEST_F(MountsTest, KeepTakesANewOrAnEmptyFolder) {
  Options options;
  options.keep_dir = dir_ + "/kept";
  MountPlan plan = *PlanMounts(options, dir_);
  ASSERT_GE(plan.keep_attach, 0);
  EXPECT_TRUE(plan.attach[static_cast<size_t>(plan.keep_attach)].writable());
  EXPECT_EQ(plan.attach[static_cast<size_t>(plan.keep_attach)].host_path(), dir_ + "/kept");
  EXPECT_TRUE(PlanMounts(options, dir_).ok()) << "it exists now, and is empty";
  std::ofstream(dir_ + "/kept/precious") << "mine";
  EXPECT_EQ(MessageFor(options), "--keep=" + dir_ + "/kept: it must be a new or an empty folder");
  options.keep_dir = dir_ + "/file";
  EXPECT_EQ(MessageFor(options), "--keep=" + dir_ + "/file: it must be a new or an empty folder");
  options.keep_dir = dir_ + "/file/below";
  EXPECT_EQ(MessageFor(options), "--keep=" + dir_ + "/file/below: Not a directory");
}

TEST_F(MountsTest, NothingIsMadeForAnInvocationThatFails) {
  Options options;
  options.keep_dir = dir_ + "/kept";
  options.binds = {{"/nonexistent", Access::kReadOnly}};
  EXPECT_EQ(MessageFor(options), "--ro-bind=/nonexistent: /nonexistent: No such file or directory");
  EXPECT_FALSE(std::filesystem::exists(dir_ + "/kept"));
}

TEST_F(MountsTest, WrongPathsAreNamed) {
  Options options;
  options.binds = {{dir_ + "/folder:relative", Access::kReadWrite}};
  EXPECT_THAT(MessageFor(options), HasSubstr("a path behind ':' must start with /"));
  options.binds = {{dir_ + "/file:/", Access::kReadWrite}};
  EXPECT_THAT(MessageFor(options), HasSubstr("a file cannot be the root folder"));
  options.binds = {{"/dev/null", Access::kReadWrite}};
  EXPECT_THAT(MessageFor(options), HasSubstr("neither a regular file nor a folder"));
  options.binds.clear();
  options.rootfs = dir_ + "/file";
  EXPECT_EQ(MessageFor(options), "--rootfs=" + dir_ + "/file: it is not a folder");
}

}  // namespace
}  // namespace ukrun
