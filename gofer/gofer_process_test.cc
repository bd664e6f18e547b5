// The gofer as a process: what it has given up, and that it works nevertheless.
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <thread>

#include "gofer/gofer_fixture.h"

namespace ukrun::gofer {
namespace {

class GoferProcessTest : public GoferFixture {
 protected:
  void SetUp() override {
    if (!kCanRunProgram) {
      GTEST_SKIP() << "the gofer's filter does not allow what a sanitizer's runtime does";
    }
    GoferFixture::SetUp();
  }
  std::string StatusLine(const std::string& key) const {
    std::ifstream status("/proc/" + std::to_string(gofer_pid()) + "/status");
    for (std::string line; std::getline(status, line);) {
      if (line.starts_with(key + ":")) {
        return line.substr(line.find_first_not_of(" \t", key.size() + 1));
      }
    }
    return "";
  }
};

TEST_F(GoferProcessTest, GivesUpItsRights) {
  Start({.hide = {}, .homes = {}, .descriptors = 4096, .program = true});
  EXPECT_EQ(StatusLine("Seccomp"), "2");
  EXPECT_EQ(StatusLine("NoNewPrivs"), "1");
  // CHOWN, DAC_OVERRIDE, DAC_READ_SEARCH, FOWNER, FSETID at most.
  uint64_t capabilities = std::stoull(StatusLine("CapPrm"), nullptr, 16);
  EXPECT_EQ(capabilities & ~uint64_t{0x1f}, 0u);
  for (const auto& task :
       std::filesystem::directory_iterator("/proc/" + std::to_string(gofer_pid()) + "/task")) {
    std::ifstream status(task.path() / "status");
    std::string text((std::istreambuf_iterator<char>(status)), {});
    EXPECT_NE(text.find("Seccomp:\t2"), std::string::npos) << task.path();
  }
}

TEST_F(GoferProcessTest, HoldsNoDescriptorsButItsOwn) {
  int stray = open("/etc/passwd", O_RDONLY);  // without O_CLOEXEC
  Start({.hide = {}, .homes = {}, .descriptors = 4096, .program = true});
  close(stray);
  for (const auto& fd :
       std::filesystem::directory_iterator("/proc/" + std::to_string(gofer_pid()) + "/fd")) {
    std::string target = std::filesystem::read_symlink(fd.path());
    EXPECT_NE(target, "/etc/passwd");
  }
}

TEST_F(GoferProcessTest, EverythingWorksUnderTheFilter) {
  WriteFile("directory/file", "contents");
  MakeSymlink("target", "link");
  WriteFile("hidden/secret", "secret");
  ASSERT_EQ(link(path("hidden/secret").c_str(), path("other_name").c_str()), 0);
  Start({.hide = {path("hidden")}, .homes = {}, .descriptors = 4096, .program = true});
  EXPECT_EQ(WalkTo(root(), "hidden/secret").error(), ENOENT);
  EXPECT_EQ(WalkTo(root(), "other_name").error(), ENOENT);

  Result<GoferNode> file = WalkTo(root(), "directory/file");
  ASSERT_TRUE(file.ok());
  EXPECT_TRUE(client().Open(file->handle, {.access = GoferAccess::kReadWrite}).ok());
  EXPECT_TRUE(client().GetAttributes(file->handle).ok());
  EXPECT_TRUE(client().StatFs(file->handle).ok());
  EXPECT_TRUE(client().ReadLink(WalkTo(root(), "link")->handle).ok());
  GoferSetAttributes change;
  change.size = 3;
  change.mode = 0600;
  change.owner = {getuid(), getgid()};
  change.mtime = {GoferTimeChange::Kind::kNow, 0};
  EXPECT_TRUE(client().SetAttributes(file->handle, change).ok());
  Result<GoferNode> directory = client().MakeDirectory(root(), "made", 0755);
  ASSERT_TRUE(directory.ok());
  auto created = client().Create(directory->handle, "new", 0644, {.access = GoferAccess::kWrite},
                                 {getuid(), getgid()});
  ASSERT_TRUE(created.ok()) << created.error();
  EXPECT_TRUE(client().MakeLink(created->node.handle, root(), "hard").ok());
  EXPECT_TRUE(client().MakeSymlink(root(), "soft", "made").ok());
  EXPECT_TRUE(client().MakeFifo(root(), "fifo", 0644).ok());
  EXPECT_TRUE(client().Rename(root(), "hard", directory->handle, "moved", 0).ok());
  EXPECT_TRUE(client().Unlink(directory->handle, "moved").ok());
  EXPECT_TRUE(client().Unlink(directory->handle, "new").ok());
  EXPECT_TRUE(client().RemoveDirectory(root(), "made").ok());
  EXPECT_TRUE(client().ListXattr(file->handle).ok());
  client().GetXattr(file->handle, "user.x").ok();
  client().SetXattr(file->handle, "user.x", "y", 0).ok();
  client().RemoveXattr(file->handle, "user.x").ok();
  std::array<GoferOpenRequest, 1> batch{GoferOpenRequest{file->handle, {}}};
  EXPECT_TRUE(client().OpenMany(batch).ok());
  EXPECT_FALSE(List(root()).empty());
  EXPECT_FALSE(client().broken());
}

TEST_F(GoferProcessTest, SingleFileCanBeAttached) {
  WriteFile("file", "contents");
  StartUnattached({.program = true, .tree = path("file")});
  Result<GoferNode> file = client().Attach(kWritable);
  ASSERT_TRUE(file.ok()) << file.error();
  EXPECT_TRUE(S_ISREG(file->attributes.mode));
  EXPECT_TRUE(client().Open(file->handle, {.access = GoferAccess::kReadWrite}).ok());
  std::array<std::string_view, 1> names{"x"};
  EXPECT_EQ(client().Walk(file->handle, names).error(), ENOTDIR);
  EXPECT_EQ(client().ReadDirectory(file->handle, 0).error(), ENOTDIR);
  GoferSetAttributes change;
  change.size = 2;
  EXPECT_TRUE(client().SetAttributes(file->handle, change).ok());
  EXPECT_EQ(ReadFile("file"), "co");
}

TEST_F(GoferProcessTest, EndsWithTheSentry) {
  Start({.hide = {}, .homes = {}, .descriptors = 4096, .program = true});
  pid_t pid = gofer_pid();
  DropClient();
  int status = 0;
  ASSERT_EQ(waitpid(pid, &status, 0), pid);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
}

std::atomic<int> g_broken_calls{0};

TEST_F(GoferProcessTest, ItsDeathEndsPendingAndLaterCalls) {
  WriteFile("file", "x");
  Start({.hide = {}, .homes = {}, .descriptors = 4096, .program = true, .on_broken = [](auto) {
           g_broken_calls.fetch_add(1);
         }});
  // The signal takes effect some time later; until then walks would still be answered.
  kill(gofer_pid(), SIGSTOP);
  int status = 0;
  ASSERT_EQ(waitpid(gofer_pid(), &status, WUNTRACED), gofer_pid());
  ASSERT_TRUE(WIFSTOPPED(status));
  std::vector<std::thread> threads;
  std::atomic<int> failed{0};
  for (int i = 0; i < 40; ++i) {  // more than there are slots
    threads.emplace_back([&] { failed += WalkTo(root(), "file").Is(EIO) ? 1 : 0; });
  }
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  KillGofer();
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(failed.load(), 40);
  EXPECT_TRUE(client().broken());
  EXPECT_EQ(client().GetAttributes(root()).error(), EIO);
  EXPECT_EQ(g_broken_calls.load(), 1);
}

}  // namespace
}  // namespace ukrun::gofer
