// Both sides together: what the Sentry sees of a host tree.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <set>
#include <thread>

#include "gofer/gofer_fixture.h"

namespace ukrun::gofer {
namespace {

std::string ReadAll(int fd) {
  std::string text(4096, '\0');
  ssize_t size = pread(fd, text.data(), text.size(), 0);
  text.resize(size > 0 ? static_cast<size_t>(size) : 0);
  return text;
}

class GoferTest : public GoferFixture {};

TEST_F(GoferTest, WalkGivesAttributesOfEveryStep) {
  WriteFile("a/b/file", "hello");
  Start();
  std::array<std::string_view, 3> names{"a", "b", "file"};
  Result<GoferWalk> walk = client().Walk(root(), names);
  ASSERT_TRUE(walk.ok());
  ASSERT_EQ(walk->nodes.size(), 3u);
  EXPECT_EQ(walk->error, 0);
  struct stat status;
  ASSERT_EQ(stat(path("a/b/file").c_str(), &status), 0);
  const GoferAttributes& a = walk->nodes[2].attributes;
  EXPECT_EQ(a.ino, status.st_ino);
  EXPECT_EQ(a.dev, status.st_dev);
  EXPECT_EQ(a.mode, status.st_mode);
  EXPECT_EQ(a.size, 5u);
  EXPECT_EQ(a.nlink, 1u);
  EXPECT_EQ(a.mtime_ns, status.st_mtim.tv_sec * 1'000'000'000 + status.st_mtim.tv_nsec);
  EXPECT_TRUE(S_ISDIR(walk->nodes[0].attributes.mode));
}

TEST_F(GoferTest, WalkStopsAtWhatIsMissing) {
  MakeDirectories("a");
  Start();
  std::array<std::string_view, 3> names{"a", "b", "c"};
  Result<GoferWalk> walk = client().Walk(root(), names);
  ASSERT_TRUE(walk.ok());
  EXPECT_EQ(walk->nodes.size(), 1u);
  EXPECT_EQ(walk->error, ENOENT);
}

TEST_F(GoferTest, WalkStopsAtASymlinkAndTellsItsTarget) {
  MakeDirectories("a");
  MakeSymlink("/etc", "a/link");
  Start();
  std::array<std::string_view, 3> names{"a", "link", "passwd"};
  Result<GoferWalk> walk = client().Walk(root(), names);
  ASSERT_TRUE(walk.ok());
  ASSERT_EQ(walk->nodes.size(), 2u);
  EXPECT_EQ(walk->error, 0);
  EXPECT_TRUE(S_ISLNK(walk->nodes[1].attributes.mode));
  EXPECT_EQ(walk->link_target, "/etc");
  Result<std::string> target = client().ReadLink(walk->nodes[1].handle);
  ASSERT_TRUE(target.ok());
  EXPECT_EQ(*target, "/etc");
  EXPECT_EQ(client().Open(walk->nodes[1].handle, {}).error(), ELOOP);
}

TEST_F(GoferTest, WalkFromAFileIsRefused) {
  WriteFile("file", "x");
  Start();
  Result<GoferNode> file = WalkTo(root(), "file");
  ASSERT_TRUE(file.ok());
  std::array<std::string_view, 1> names{"x"};
  EXPECT_EQ(client().Walk(file->handle, names).error(), ENOTDIR);
}

TEST_F(GoferTest, NamesThatAreNoNamesAreRefused) {
  MakeDirectories("a/b");
  Start();
  Result<GoferNode> a = WalkTo(root(), "a");
  ASSERT_TRUE(a.ok());
  for (std::string_view name :
       {std::string_view(".."), std::string_view("."), std::string_view(""),
        std::string_view("b/.."), std::string_view("/"), std::string_view("b\0c", 3)}) {
    std::array<std::string_view, 1> names{name};
    Result<GoferWalk> walk = client().Walk(a->handle, names);
    ASSERT_TRUE(walk.ok());
    EXPECT_TRUE(walk->nodes.empty());
    EXPECT_EQ(walk->error, EINVAL) << name;
    EXPECT_EQ(client().MakeDirectory(a->handle, name, 0755).error(), EINVAL) << name;
    EXPECT_EQ(client().RemoveDirectory(a->handle, name).error(), EINVAL) << name;
  }
  std::string long_name(256, 'x');
  std::array<std::string_view, 1> names{long_name};
  Result<GoferWalk> walk = client().Walk(a->handle, names);
  ASSERT_TRUE(walk.ok());
  EXPECT_EQ(walk->error, ENAMETOOLONG);
}

TEST_F(GoferTest, OpenDonatesADescriptorOfTheFile) {
  WriteFile("file", "contents");
  Start();
  Result<GoferNode> file = WalkTo(root(), "file");
  ASSERT_TRUE(file.ok());
  Result<GoferOpened> opened = client().Open(file->handle, {});
  ASSERT_TRUE(opened.ok()) << opened.error();
  EXPECT_EQ(ReadAll(opened->fd.get()), "contents");
  EXPECT_EQ(opened->attributes.size, 8u);
  int flags = fcntl(opened->fd.get(), F_GETFL);
  EXPECT_EQ(flags & O_ACCMODE, O_RDONLY);
  EXPECT_EQ(flags & O_DIRECT, 0);
  EXPECT_NE(fcntl(opened->fd.get(), F_GETFD) & FD_CLOEXEC, 0);
}

TEST_F(GoferTest, WalkCanOpenTheLastFile) {
  WriteFile("a/file", "contents");
  Start();
  std::array<std::string_view, 2> names{"a", "file"};
  Result<GoferWalk> walk = client().Walk(root(), names, GoferClient::OpenLast::kForReading);
  ASSERT_TRUE(walk.ok());
  ASSERT_TRUE(walk->fd.valid());
  EXPECT_EQ(ReadAll(walk->fd.get()), "contents");
}

TEST_F(GoferTest, FifosSocketsAndDirectoriesAreNotOpened) {
  MakeDirectories("directory");
  ASSERT_EQ(mkfifo(path("fifo").c_str(), 0644), 0);
  Start();
  EXPECT_EQ(client().Open(WalkTo(root(), "directory")->handle, {}).error(), EISDIR);
  EXPECT_EQ(client().Open(WalkTo(root(), "fifo")->handle, {}).error(), ENXIO);
}

TEST_F(GoferTest, BatchedOpensAnswerEachForItself) {
  WriteFile("one", "1");
  WriteFile("two", "2");
  MakeDirectories("directory");
  Start();
  std::array<GoferOpenRequest, 4> requests{
      GoferOpenRequest{WalkTo(root(), "one")->handle, {}},
      GoferOpenRequest{WalkTo(root(), "directory")->handle, {}},
      GoferOpenRequest{WalkTo(root(), "two")->handle, {}},
      GoferOpenRequest{GoferHandle{12345}, {}}};
  auto answers = client().OpenMany(requests);
  ASSERT_TRUE(answers.ok()) << answers.error();
  ASSERT_EQ(answers->size(), 4u);
  EXPECT_EQ(ReadAll((*answers)[0].fd.get()), "1");
  EXPECT_EQ((*answers)[1].error, EISDIR);
  EXPECT_EQ(ReadAll((*answers)[2].fd.get()), "2");
  EXPECT_EQ((*answers)[3].error, EBADF);
}

TEST_F(GoferTest, LargeDirectoryIsReadPageByPage) {
  constexpr int kCount = 100'000;
  MakeDirectories("large");
  for (int i = 0; i < kCount; ++i) {
    ASSERT_EQ(mknod(path("large/" + std::to_string(i)).c_str(), S_IFREG | 0600, 0), 0);
  }
  Start();
  Result<GoferNode> large = WalkTo(root(), "large");
  ASSERT_TRUE(large.ok());
  std::vector<std::string> names = List(large->handle);
  EXPECT_EQ(names.size(), size_t{kCount});
  EXPECT_EQ(std::set<std::string>(names.begin(), names.end()).size(), size_t{kCount});
  Result<GoferNode> last = WalkTo(large->handle, "99999");
  EXPECT_TRUE(last.ok());
}

TEST_F(GoferTest, DirectoryEntriesHaveAttributesAndHandles) {
  WriteFile("directory/file", "12345");
  Start();
  Result<GoferNode> directory = WalkTo(root(), "directory");
  ASSERT_TRUE(directory.ok());
  auto page = client().ReadDirectory(directory->handle, 0, GoferClient::WithHandles::kYes);
  ASSERT_TRUE(page.ok());
  ASSERT_EQ(page->entries.size(), 1u);
  EXPECT_EQ(page->entries[0].name, "file");
  EXPECT_EQ(page->entries[0].node.attributes.size, 5u);
  Result<GoferOpened> opened = client().Open(page->entries[0].node.handle, {});
  ASSERT_TRUE(opened.ok());
  EXPECT_EQ(ReadAll(opened->fd.get()), "12345");
}

TEST_F(GoferTest, ManyThreadsCallAtOnce) {
  for (int i = 0; i < 50; ++i) {
    WriteFile("d" + std::to_string(i) + "/file", std::to_string(i));
  }
  Start({.hide = {}, .homes = {}, .descriptors = 8});
  std::vector<std::thread> threads;
  std::atomic<int> wrong{0};
  for (int t = 0; t < 48; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 200; ++i) {
        int which = (t * 7 + i) % 50;
        std::array<std::string, 2> parts{"d" + std::to_string(which), "file"};
        std::array<std::string_view, 2> names{parts[0], parts[1]};
        auto walk = client().Walk(root(), names, GoferClient::OpenLast::kForReading);
        if (!walk.ok() || !walk->fd.valid() || ReadAll(walk->fd.get()) != std::to_string(which)) {
          wrong.fetch_add(1);
          continue;
        }
        for (const GoferNode& node : walk->nodes) {
          client().Release(node.handle);
        }
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(wrong.load(), 0);
  EXPECT_FALSE(client().broken());
}

TEST_F(GoferTest, StatFsTellsTheHostsFileSystem) {
  Start();
  Result<GoferStatFs> statfs = client().StatFs(root());
  ASSERT_TRUE(statfs.ok());
  EXPECT_GT(statfs->blocks, 0u);
  EXPECT_EQ(statfs->name_max, 255u);
}

}  // namespace
}  // namespace ukrun::gofer
