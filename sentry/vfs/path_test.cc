#include "sentry/vfs/path.h"

#include <gtest/gtest.h>

#include "sentry/vfs/dentry_cache.h"

namespace ukrun {
namespace {

class FakeFileSystem final : public FileSystem {
 public:
  std::string_view type_name() const override { return "fake"; }
  RefPtr<Inode> root() override { return nullptr; }
  Result<FileSystemStatistics> Statistics() override { return FileSystemStatistics(); }
};

class FakeInode final : public Inode {
 public:
  explicit FakeInode(int* live = nullptr) : live_(live) {
    if (live_ != nullptr) {
      ++*live_;
    }
  }
  ~FakeInode() override {
    if (live_ != nullptr) {
      --*live_;
    }
  }
  FileSystem& file_system() override { return file_system_; }
  uint32_t type() const override { return S_IFDIR; }
  Result<Attributes> GetAttributes() override { return Attributes(); }

 private:
  FakeFileSystem file_system_;
  int* const live_;
};

RefPtr<Inode> NewInodeForTest(int* live = nullptr) { return MakeRef<FakeInode>(live); }

class DentryTest : public ::testing::Test {
 protected:
  void TearDown() override { DentryCache::ForgetAll(nullptr); }
  int live_ = 0;  // inodes that were given it and are still there
  RefPtr<Dentry> root_ = Dentry::CreateRoot(NewInodeForTest());
};

TEST_F(DentryTest, ChildIsFoundWhileSomebodyHoldsIt) {
  RefPtr<Dentry> child = root_->Insert("a", NewInodeForTest());
  EXPECT_EQ(root_->Find("a"), child);
  EXPECT_EQ(child->parent(), root_);
  child.Reset();
  EXPECT_FALSE(root_->Find("a"));
}

TEST_F(DentryTest, CacheKeepsWhatNobodyHolds) {
  DentryCache::Use(*root_->Insert("kept", nullptr));
  RefPtr<Dentry> found = root_->Find("kept");
  ASSERT_TRUE(found);
  EXPECT_FALSE(found->inode());
}

TEST_F(DentryTest, NegativeDentryCanBecomePositive) {
  RefPtr<Dentry> child = root_->Insert("new", nullptr);
  child->Instantiate(NewInodeForTest());
  EXPECT_TRUE(root_->Find("new")->inode());
}

TEST_F(DentryTest, DetachedChildKeepsItsInodeAndLosesItsName) {
  RefPtr<Dentry> child = root_->Insert("gone", NewInodeForTest(&live_));
  DentryCache::Use(*child);
  root_->Detach(*child);
  EXPECT_TRUE(child->unlinked());
  EXPECT_TRUE(child->inode());
  EXPECT_FALSE(root_->Find("gone"));
  // The cache has let go of it, so that the file's space comes back with the last close.
  child.Reset();
  EXPECT_EQ(live_, 0);
}

TEST_F(DentryTest, ReplacedDentryDoesNotTakeItsSuccessorAway) {
  RefPtr<Dentry> first = root_->Insert("name", NewInodeForTest());
  RefPtr<Dentry> second = root_->Insert("name", NewInodeForTest());
  first.Reset();
  EXPECT_EQ(root_->Find("name"), second);
}

TEST_F(DentryTest, MoveChangesParentAndName) {
  RefPtr<Dentry> from = root_->Insert("from", NewInodeForTest());
  RefPtr<Dentry> to = root_->Insert("to", NewInodeForTest());
  RefPtr<Dentry> child = from->Insert("old", NewInodeForTest());
  Dentry::Move(*child, *to, "new");
  EXPECT_FALSE(from->Find("old"));
  EXPECT_EQ(to->Find("new"), child);
  EXPECT_EQ(child->parent(), to);
  EXPECT_EQ(child->name(), "new");
}

TEST_F(DentryTest, ExchangeSwapsPlaces) {
  RefPtr<Dentry> directory = root_->Insert("directory", NewInodeForTest());
  RefPtr<Dentry> a = root_->Insert("a", NewInodeForTest());
  RefPtr<Dentry> b = directory->Insert("b", NewInodeForTest());
  Dentry::Exchange(*a, *b);
  EXPECT_EQ(root_->Find("a"), b);
  EXPECT_EQ(directory->Find("b"), a);
  EXPECT_EQ(a->parent(), directory);
  EXPECT_EQ(b->name(), "a");
}

// A chain of directories whose end is let go dies without recursion: at this depth one
// frame per dentry would overflow even an ordinary stack.
TEST_F(DentryTest, DeepChainDiesWithoutRecursion) {
  constexpr int kDepth = 300'000;
  RefPtr<Dentry> at = root_;
  for (int i = 0; i < kDepth; ++i) {
    at = at->Insert("d", NewInodeForTest(&live_));
  }
  EXPECT_EQ(live_, kDepth);
  at.Reset();
  EXPECT_EQ(live_, 0);
}

TEST_F(DentryTest, CacheIsBoundedAndKeepsWhatIsUsed) {
  DentryCache::Use(*root_->Insert("hot", NewInodeForTest(&live_)));
  for (size_t i = 0; i < 2 * DentryCache::kLimit; ++i) {
    DentryCache::Use(*root_->Insert("n" + std::to_string(i), NewInodeForTest(&live_)));
    if (i % 1000 == 0) {
      RefPtr<Dentry> hot = root_->Find("hot");
      ASSERT_TRUE(hot);
      DentryCache::Use(*hot);
    }
  }
  EXPECT_LE(live_, static_cast<int>(DentryCache::kLimit));
  EXPECT_TRUE(root_->Find("hot"));
}

TEST_F(DentryTest, UnnamedDentryHasAParentButIsNotThere) {
  RefPtr<Dentry> unnamed = Dentry::CreateUnnamed(*root_, "#7", NewInodeForTest(), true);
  EXPECT_TRUE(unnamed->unlinked());
  EXPECT_TRUE(unnamed->linkable());
  EXPECT_EQ(unnamed->parent(), root_);
  EXPECT_FALSE(root_->Find("#7"));
}

}  // namespace
}  // namespace ukrun
