// The host file system, the overlay over it and --keep, against a real gofer.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <set>
#include <string>
#include <thread>

#include "gofer/gofer_fixture.h"
#include "sentry/fs/host/host_directory.h"
#include "sentry/fs/host/host_file.h"
#include "sentry/fs/host/host_file_system.h"
#include "sentry/fs/overlay/keep.h"
#include "sentry/fs/overlay/overlay.h"
#include "sentry/mm/page_pool.h"

namespace ukrun {
namespace {

class HostTest : public gofer::GoferFixture {
 protected:
  void SetUp() override {
    GoferFixture::SetUp();
    PagePoolInitialize();
    MakeDirectories("dir/sub");
    WriteFile("file", "contents of file");
    WriteFile("dir/sub/deep", "deep");
    MakeSymlink("dir/sub", "link");
    identity_ = HostIdentity{getuid(), getgid(), 1000, 1000};
  }
  RefPtr<FileSystem> Mount(bool writable) {
    uint32_t attach = writable ? kWritable : kReadOnly;
    return *HostFileSystem::Create(client(), attach, identity_, writable);
  }
  static RefPtr<Inode> Find(FileSystem& file_system, std::string_view path) {
    RefPtr<Inode> inode = file_system.root();
    while (inode && !path.empty()) {
      size_t slash = std::min(path.find('/'), path.size());
      std::string_view name = path.substr(0, slash);
      path.remove_prefix(std::min(slash + 1, path.size()));
      Result<RefPtr<Inode>> found = inode->Lookup(name, path);
      inode = found.ok() ? *found : nullptr;
    }
    return inode;
  }
  static RefPtr<File> Open(const RefPtr<Inode>& inode, bool write) {
    alignas(16) static char no_task[sizeof(void*) * 512];
    Path path;
    path.dentry = Dentry::CreateDetached("test", inode);
    OpenOptions options;
    options.read = true;
    options.write = write;
    return *inode->Open(*reinterpret_cast<Task*>(no_task), path, options);
  }
  static std::string Read(File& file) {
    std::string text(100, 'x');
    GuestIo io(std::as_writable_bytes(std::span(text.data(), text.size())));
    text.resize(file.ReadAt(io, 0).value_or(0));
    return text;
  }
  static Result<size_t> Write(File& file, std::string text, int64_t offset) {
    GuestIo io(std::as_writable_bytes(std::span(text.data(), text.size())));
    return file.WriteAt(io, offset);
  }
  static std::set<std::string> Names(Inode& directory) {
    std::set<std::string> names;
    uint64_t position = ListedDirectory::kFirstPosition;
    ListedDirectory& list = *static_cast<HostInode&>(directory).listing();
    for (;;) {
      std::vector<ListedEntry> entries = *list.List(position);
      if (entries.empty()) {
        return names;
      }
      for (ListedEntry& entry : entries) {
        position = entry.next;
        EXPECT_TRUE(names.insert(entry.name).second);
      }
    }
  }
  HostIdentity identity_;
};

TEST_F(HostTest, ReadsFilesLinksAndDirectories) {
  Start();
  RefPtr<FileSystem> host = Mount(false);
  EXPECT_EQ(Read(*Open(Find(*host, "dir/sub/deep"), false)), "deep");
  EXPECT_EQ(*Find(*host, "link")->ReadLink(), "dir/sub");
  EXPECT_EQ(Find(*host, "missing/x").get(), nullptr);
  EXPECT_EQ(Names(*host->root()), (std::set<std::string>{"dir", "file", "link"}));
  // Again, from what is remembered; and with inodes that the listing brought along.
  EXPECT_EQ(Names(*host->root()), (std::set<std::string>{"dir", "file", "link"}));
  Attributes attributes = *Find(*host, "file")->GetAttributes();
  EXPECT_EQ(attributes.size, 16u);
  EXPECT_EQ(attributes.uid, 1000u);
}

TEST_F(HostTest, OneFileWithSeveralNamesIsOneInode) {
  ASSERT_EQ(link(path("file").c_str(), path("dir/alias").c_str()), 0);
  Start();
  for (bool writable : {false, true}) {
    RefPtr<FileSystem> host = Mount(writable);
    RefPtr<Inode> one = Find(*host, "file");
    EXPECT_EQ(one.get(), Find(*host, "dir/alias").get());
    EXPECT_EQ(one.get(), Find(*host, "file").get());
  }
}

TEST_F(HostTest, BigDirectoriesAreListedWhole) {
  MakeDirectories("big");
  std::set<std::string> expected;
  for (int i = 0; i < 1500; ++i) {
    std::string name = "some-longer-name-" + std::to_string(i);
    ASSERT_EQ(mkdir(path("big/" + name).c_str(), 0700), 0);
    expected.insert(name);
  }
  Start();
  for (bool writable : {false, true}) {
    RefPtr<FileSystem> host = Mount(writable);
    RefPtr<Inode> big = Find(*host, "big");
    EXPECT_EQ(Names(*big), expected);
    EXPECT_TRUE((*big->Lookup("some-longer-name-1499", ""))->GetAttributes().ok());
  }
}

TEST_F(HostTest, ChangesReachTheHost) {
  Start();
  RefPtr<FileSystem> host = Mount(true);
  RefPtr<Inode> root = host->root();
  RefPtr<Inode> made =
      *root->Make("new", NewInode{.mode = S_IFREG | 0640, .uid = 1000, .gid = 1000});
  RefPtr<File> file = Open(made, true);
  EXPECT_EQ(*Write(*file, "hello", 0), 5u);
  EXPECT_EQ(*Write(*file, " world", SeekableFile::kAppend), 6u);
  EXPECT_EQ(ReadFile("new"), "hello world");
  EXPECT_EQ(made->GetAttributes()->size, 11u);
  AttributeChange change;
  change.permissions = 0600;
  change.size = 3;
  change.modify_time_ns = 1'000'000'000;
  ASSERT_TRUE(made->SetAttributes(change).ok());
  struct stat now {};
  ASSERT_EQ(stat(path("new").c_str(), &now), 0);
  EXPECT_EQ(now.st_mode & 07777, 0600u);
  EXPECT_EQ(now.st_size, 3);
  EXPECT_EQ(now.st_mtime, 1);
  RefPtr<Inode> directory = *root->Make("newdir", NewInode{.mode = S_IFDIR | 0755});
  ASSERT_TRUE(directory->Link("second", *made).ok());
  EXPECT_EQ(made->GetAttributes()->link_count, 2u);
  ASSERT_TRUE(
      root->Rename("new", *made, *directory, "third", nullptr, RenameMode::kNoReplace).ok());
  EXPECT_EQ(ReadFile("newdir/third"), "hel");
  EXPECT_TRUE(root->Lookup("new", "").Is(ENOENT));
  ASSERT_TRUE(root->Make("sym", NewInode{.mode = S_IFLNK | 0777, .symlink_target = "x"}).ok());
  EXPECT_EQ(*Find(*host, "sym")->ReadLink(), "x");
  EXPECT_TRUE(root->Remove("newdir", *directory).Is(ENOTEMPTY));
}

TEST_F(HostTest, OpenFileSurvivesItsNames) {
  Start();
  RefPtr<FileSystem> host = Mount(true);
  RefPtr<Inode> inode = Find(*host, "file");
  RefPtr<File> file = Open(inode, true);
  ASSERT_TRUE(host->root()->Remove("file", *inode).ok());
  EXPECT_EQ(Read(*file), "contents of file");
  EXPECT_EQ(inode->GetAttributes()->link_count, 0u);
  EXPECT_EQ(*Write(*file, "x", 0), 1u);
}

TEST_F(HostTest, WhatTheHostChangesShowsAfterAMoment) {
  Start();
  RefPtr<FileSystem> host = Mount(true);
  EXPECT_EQ(Find(*host, "late").get(), nullptr);
  EXPECT_EQ(Find(*host, "file")->GetAttributes()->size, 16u);
  WriteFile("late", "1");
  WriteFile("file", "longer contents than before");
  std::this_thread::sleep_for(std::chrono::milliseconds(120));
  EXPECT_NE(Find(*host, "late").get(), nullptr);
  EXPECT_EQ(Find(*host, "file")->GetAttributes()->size, 27u);
}

TEST_F(HostTest, ReadOnlyTreeRefusesChanges) {
  Start();
  RefPtr<FileSystem> host = Mount(false);
  EXPECT_TRUE(host->root()->Make("new", NewInode{.mode = S_IFREG | 0600}).Is(EROFS));
}

TEST_F(HostTest, ManyOpenFilesNeedFewDescriptors) {
  MakeDirectories("many");
  for (int i = 0; i < 4200; ++i) {
    WriteFile("many/" + std::to_string(i), std::to_string(i));
  }
  Start();
  RefPtr<FileSystem> host = Mount(false);
  std::vector<RefPtr<File>> files;
  for (int i = 0; i < 4200; ++i) {
    files.push_back(Open(Find(*host, "many/" + std::to_string(i)), false));
  }
  for (int i = 0; i < 4200; ++i) {
    ASSERT_EQ(Read(*files[static_cast<size_t>(i)]), std::to_string(i));
  }
}

TEST_F(HostTest, NamesThatTheHostMustNotGetAreInMemory) {
  WriteFile("dir/.env", "TOKEN=1");
  Start({.hide = {"file:**/.env*"}});
  MemoryBudget budget(uint64_t{16} << 20);
  RefPtr<FileSystem> host = *HostFileSystem::Create(client(), kWritable, identity_, true, &budget);
  RefPtr<Inode> dir = Find(*host, "dir");
  ASSERT_TRUE(dir->Make("visible", NewInode{.mode = S_IFREG | 0600}).ok());
  for (int i = 0; i < 300; ++i) {
    std::string name = ".env." + std::to_string(i);
    ASSERT_TRUE(dir->Make(name, NewInode{.mode = S_IFREG | 0600}).ok());
  }
  RefPtr<Inode> secret = *dir->Make(".env", NewInode{.mode = S_IFREG | 0600});
  ASSERT_TRUE(Write(*Open(secret, true), "mine", 0).ok());
  EXPECT_EQ(Read(*Open(Find(*host, "dir/.env"), false)), "mine");
  EXPECT_EQ(secret->GetAttributes()->device, dir->GetAttributes()->device);
  EXPECT_EQ(ReadFile("dir/.env"), "TOKEN=1");

  std::multiset<std::string> names;
  auto& listed = static_cast<HostDirectory&>(*dir);
  uint64_t position = ListedDirectory::kFirstPosition;
  for (;;) {
    std::vector<ListedEntry> entries = *listed.List(position);
    if (entries.empty()) {
      break;
    }
    position = entries.back().next;
    for (const ListedEntry& entry : entries) {
      names.insert(entry.name);
    }
  }
  EXPECT_EQ(names.size(), 303u);  // with "sub"
  EXPECT_EQ(names.count("visible"), 1u);
  EXPECT_EQ(names.count(".env.299"), 1u);

  RefPtr<Inode> root = host->root();
  EXPECT_TRUE(
      dir->Rename(".env", *secret, *root, "shown", nullptr, RenameMode::kReplace).Is(EXDEV));
  EXPECT_TRUE(dir->Rename(".env", *secret, *root, ".env", nullptr, RenameMode::kReplace).ok());
  RefPtr<Inode> visible = Find(*host, "dir/visible");
  EXPECT_TRUE(
      dir->Rename("visible", *visible, *dir, ".env", nullptr, RenameMode::kReplace).Is(EXDEV));
  EXPECT_TRUE(root->Remove(".env", *secret).ok());
  EXPECT_EQ(Find(*host, ".env"), nullptr);
}

TEST_F(HostTest, KeepWritesWhatTheOverlayHas) {
  MakeDirectories("kept");
  WriteFile("kept/file", "left by an earlier run");
  WriteFile("dir/bye", "");
  Start();
  MemoryBudget budget(uint64_t{16} << 20);
  RefPtr<OverlayFileSystem> overlay = OverlayFileSystem::Create(Mount(false), budget);
  RefPtr<Inode> root = overlay->root();
  ASSERT_TRUE(Write(*Open(Find(*overlay, "file"), true), "CONTENTS", 0).ok());
  RefPtr<Inode> directory = *root->Make("new", NewInode{.mode = S_IFDIR | 0555});
  RefPtr<Inode> file = *directory->Make("a", NewInode{.mode = S_IFREG | 0751});
  ASSERT_TRUE(Write(*Open(file, true), "new", 1'000'000).ok());
  ASSERT_TRUE(root->Link("b\nc", *file).ok());
  ASSERT_TRUE(root->Make("l", NewInode{.mode = S_IFLNK | 0777, .symlink_target = "to"}).ok());
  ASSERT_TRUE(root->Make("s", NewInode{.mode = S_IFSOCK | 0777}).ok());
  RefPtr<Inode> dir = Find(*overlay, "dir");
  ASSERT_TRUE(dir->Remove("bye", *Find(*overlay, "dir/bye")).ok());
  RefPtr<Inode> sub = Find(*overlay, "dir/sub");
  ASSERT_TRUE(dir->Rename("sub", *sub, *root, "moved", nullptr, RenameMode::kReplace).ok());
  AttributeChange change;
  change.modify_time_ns = 5'000'000'000;
  ASSERT_TRUE(file->SetAttributes(change).ok());

  // The folder is an attach point of its own in life.
  RefPtr<FileSystem> writable = Mount(true);
  Result<KeepReport> report = KeepChanges(*CollectChanges(*overlay), client(), kWritable);
  ASSERT_TRUE(report.ok()) << report.error();
  EXPECT_EQ(report->skipped, 1u);
  EXPECT_EQ(ReadFile("file"), "CONTENTS of file");
  EXPECT_EQ(ReadFile("moved/deep"), "deep");
  EXPECT_EQ(ReadFile(".ukrun-deleted"), "/dir/bye\n/dir/sub\n");
  struct stat now {};
  ASSERT_EQ(stat(path("new/a").c_str(), &now), 0);
  EXPECT_EQ(now.st_mode & 07777, 0751u);
  EXPECT_EQ(now.st_size, 1'000'003);
  EXPECT_EQ(now.st_nlink, 2u);
  EXPECT_EQ(now.st_mtime, 5);
  ASSERT_EQ(stat(path("new").c_str(), &now), 0);
  EXPECT_EQ(now.st_mode & 07777, 0555u);
  EXPECT_EQ(access(path("b\nc").c_str(), F_OK), 0);
}

}  // namespace
}  // namespace ukrun
