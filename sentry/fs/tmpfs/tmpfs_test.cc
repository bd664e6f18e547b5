#include "sentry/fs/tmpfs/tmpfs.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/falloc.h>

#include <string>
#include <vector>

#include "sentry/fs/tmpfs/tmpfs_directory.h"
#include "sentry/fs/tmpfs/tmpfs_regular.h"
#include "sentry/mm/page_pool.h"

namespace ukrun {
namespace {

class TmpfsTest : public testing::Test {
 protected:
  void SetUp() override {
    PagePoolInitialize();
    TmpfsOptions options;
    options.size_bytes = uint64_t{1} << 20;
    options.inode_limit = 2000;
    file_system_ = TmpfsFileSystem::Create(options);
    root_ = file_system_->root();
  }
  RefPtr<Inode> Make(Inode& directory, std::string_view name, uint32_t mode, uint32_t gid = 0) {
    NewInode what;
    what.mode = mode;
    what.gid = gid;
    return *directory.Make(name, what);
  }
  std::vector<std::string> Names(Inode& directory, uint64_t position = 2) {
    auto& list = static_cast<TmpfsDirectory&>(directory);
    std::vector<std::string> names;
    for (;;) {
      std::vector<ListedEntry> entries = *list.List(position);
      if (entries.empty()) {
        return names;
      }
      for (ListedEntry& entry : entries) {
        position = entry.next;
        names.push_back(std::move(entry.name));
      }
    }
  }
  static uint32_t Links(Inode& inode) { return inode.GetAttributes()->link_count; }
  using Strings = std::vector<std::string>;

  RefPtr<TmpfsFileSystem> file_system_;
  RefPtr<Inode> root_;
};

TEST_F(TmpfsTest, NamesAreFoundAndListedInOrder) {
  Make(*root_, "b", S_IFREG | 0644);
  Make(*root_, "a", S_IFDIR | 0755);
  EXPECT_EQ(Names(*root_), (Strings{"b", "a"}));
  EXPECT_TRUE(root_->Lookup("c", "").Is(ENOENT));
  EXPECT_TRUE(root_->Make("a", NewInode{.mode = S_IFREG}).Is(EEXIST));
  EXPECT_EQ(Links(*root_), 3u);
}

TEST_F(TmpfsTest, ListingGoesOnWhereItStoppedWhateverWasRemoved) {
  for (int i = 0; i < 1000; ++i) {
    Make(*root_, std::to_string(i), S_IFREG | 0644);
  }
  std::vector<ListedEntry> first = *static_cast<TmpfsDirectory&>(*root_).List(2);
  for (const ListedEntry& entry : first) {
    ASSERT_TRUE(root_->Remove(entry.name, **root_->Lookup(entry.name, "")).ok());
  }
  Make(*root_, "late", S_IFREG | 0644);
  Strings rest = Names(*root_, first.back().next);
  EXPECT_EQ(rest.size(), 1000 - first.size() + 1);
  EXPECT_EQ(rest.front(), std::to_string(first.size()));
  EXPECT_EQ(rest.back(), "late");
}

TEST_F(TmpfsTest, LinkCountsFollowNames) {
  RefPtr<Inode> file = Make(*root_, "a", S_IFREG | 0644);
  RefPtr<Inode> directory = Make(*root_, "dir", S_IFDIR | 0755);
  EXPECT_EQ(Links(*directory), 2u);
  ASSERT_TRUE(directory->Link("b", *file).ok());
  EXPECT_EQ(Links(*file), 2u);
  EXPECT_TRUE(root_->Remove("dir", *directory).Is(ENOTEMPTY));
  ASSERT_TRUE(directory->Remove("b", *file).ok());
  ASSERT_TRUE(root_->Remove("dir", *directory).ok());
  EXPECT_EQ(Links(*directory), 0u);
  EXPECT_EQ(Links(*root_), 2u);
  EXPECT_TRUE(directory->Make("late", NewInode{.mode = S_IFREG}).Is(ENOENT));
}

TEST_F(TmpfsTest, RenameMovesReplacesAndExchanges) {
  RefPtr<Inode> one = Make(*root_, "one", S_IFDIR | 0755);
  RefPtr<Inode> two = Make(*root_, "two", S_IFDIR | 0755);
  RefPtr<Inode> inner = Make(*one, "inner", S_IFDIR | 0755);
  RefPtr<Inode> file = Make(*two, "file", S_IFREG | 0644);
  ASSERT_TRUE(one->Rename("inner", *inner, *two, "file", file.get(), RenameMode::kExchange).ok());
  EXPECT_EQ(Names(*one), Strings{"inner"});
  EXPECT_EQ(one->Lookup("inner", "")->get(), file.get());
  EXPECT_EQ(Links(*one), 2u);
  EXPECT_EQ(Links(*two), 3u);
  RefPtr<Inode> victim = Make(*root_, "victim", S_IFREG | 0644);
  ASSERT_TRUE(
      one->Rename("inner", *file, *root_, "victim", victim.get(), RenameMode::kReplace).ok());
  EXPECT_EQ(Links(*victim), 0u);
  EXPECT_EQ(Links(*file), 1u);
  EXPECT_EQ(Names(*root_), (Strings{"one", "two", "victim"}));
}

TEST_F(TmpfsTest, SetGroupIdDirectoryGivesItsGroup) {
  RefPtr<Inode> directory = Make(*root_, "dir", S_IFDIR | S_ISGID | 0755u, 42);
  EXPECT_EQ(Make(*directory, "file", S_IFREG | 0644)->GetAttributes()->gid, 42u);
  Attributes below = *Make(*directory, "sub", S_IFDIR | 0755)->GetAttributes();
  EXPECT_EQ(below.gid, 42u);
  EXPECT_NE(below.mode & S_ISGID, 0u);
}

TEST_F(TmpfsTest, InodesAndBytesAreLimitedAndGivenBack) {
  uint64_t before = file_system_->Statistics()->files_free;
  int made = 0;
  while (root_->Make(std::to_string(made), NewInode{.mode = S_IFREG | 0644}).ok()) {
    ++made;
  }
  EXPECT_EQ(made, 1999);
  EXPECT_TRUE(root_->Make("x", NewInode{.mode = S_IFREG}).Is(ENOSPC));
  for (int i = 0; i < made; ++i) {
    std::string name = std::to_string(i);
    ASSERT_TRUE(root_->Remove(name, **root_->Lookup(name, "")).ok());
  }
  EXPECT_EQ(file_system_->Statistics()->files_free, before);
  EXPECT_EQ(file_system_->Statistics()->blocks_free, 256u);
}

TEST_F(TmpfsTest, XattrsHaveNamespacesModesAndALimit) {
  RefPtr<Inode> file = Make(*root_, "a", S_IFREG | 0644);
  EXPECT_TRUE(file->SetXattr("system.posix_acl_access", "x", XattrMode::kSet).Is(EOPNOTSUPP));
  EXPECT_TRUE(file->SetXattr("user.a", "1", XattrMode::kReplace).Is(ENODATA));
  EXPECT_TRUE(file->SetXattr("user.a", "1", XattrMode::kCreate).ok());
  EXPECT_TRUE(file->SetXattr("user.a", "2", XattrMode::kCreate).Is(EEXIST));
  EXPECT_TRUE(file->SetXattr("trusted.b", std::string(60'000, 'x'), XattrMode::kSet).ok());
  EXPECT_EQ(*file->GetXattr("user.a"), "1");
  EXPECT_EQ(*file->ListXattrs(), (Strings{"trusted.b", "user.a"}));
  int more = 0;
  while (file->SetXattr("user.n" + std::to_string(more), std::string(60'000, 'x'), XattrMode::kSet)
             .ok()) {
    ++more;
  }
  EXPECT_LT(more, 18);
  ASSERT_TRUE(root_->Remove("a", *file).ok());
  file = nullptr;
  EXPECT_EQ(file_system_->budget().used(), 0u);
}

TEST_F(TmpfsTest, AllocateKnowsTheModesOfLinux) {
  auto file = StaticRefCast<TmpfsRegular>(Make(*root_, "a", S_IFREG | 0644));
  EXPECT_TRUE(file->Allocate(0, 0, 10'000).ok());
  EXPECT_EQ(file->GetAttributes()->size, 10'000u);
  EXPECT_EQ(file->GetAttributes()->blocks, 24u);
  EXPECT_TRUE(file->Allocate(FALLOC_FL_KEEP_SIZE, 0, 20'000).ok());
  EXPECT_EQ(file->GetAttributes()->size, 10'000u);
  EXPECT_TRUE(file->Allocate(FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 8192).ok());
  EXPECT_EQ(file->GetAttributes()->blocks, 24u);
  EXPECT_TRUE(file->Allocate(FALLOC_FL_PUNCH_HOLE, 0, 8192).Is(EOPNOTSUPP));
  EXPECT_TRUE(file->Allocate(FALLOC_FL_ZERO_RANGE, 0, 8192).Is(EOPNOTSUPP));
  EXPECT_TRUE(file->Allocate(0, 0, 2 << 20).Is(ENOSPC));
}

TEST_F(TmpfsTest, DeepTreesAreTakenApart) {
  RefPtr<Inode> directory = root_;
  for (int i = 0; i < 1900; ++i) {
    directory = Make(*directory, "d", S_IFDIR | 0755);
  }
  directory = nullptr;
  root_ = nullptr;
  file_system_ = nullptr;
}

}  // namespace
}  // namespace ukrun
