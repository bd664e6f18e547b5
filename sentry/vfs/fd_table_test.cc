#include "sentry/vfs/fd_table.h"

#include <gtest/gtest.h>

#include "sentry/task/task.h"

namespace ukrun {
namespace {

constexpr uint64_t kLimit = 200'000;

class PlainFile final : public File {
 public:
  explicit PlainFile(int* live = nullptr) : File(Path(), OpenOptions{}), live_(live) {
    if (live_ != nullptr) {
      ++*live_;
    }
  }
  ~PlainFile() override {
    if (live_ != nullptr) {
      --*live_;
    }
  }

 private:
  int* const live_;
};

class FdTableTest : public ::testing::Test {
 protected:
  Result<Fd> Install(RefPtr<File> file, int32_t lowest = 0, uint64_t limit = kLimit) {
    return table_->Install(std::move(file), CloseOnExec::kNo, lowest, limit);
  }
  RefPtr<File> NewFile() { return MakeRef<PlainFile>(&live_); }
  // Files only hand the task on to whoever asks for it, which these do not.
  Task& task() { return *static_cast<Task*>(static_cast<void*>(no_task_)); }

  alignas(Task) std::byte no_task_[sizeof(Task)] = {};
  int live_ = 0;
  RefPtr<FdTable> table_ = MakeRef<FdTable>();
};

TEST_F(FdTableTest, InstallGivesTheLowestFreeDescriptor) {
  for (int32_t i = 0; i < 200; ++i) {
    EXPECT_EQ(Install(NewFile())->value, i);
  }
  ASSERT_TRUE(table_->Close(task(), Fd{130}).ok());
  ASSERT_TRUE(table_->Close(task(), Fd{7}).ok());
  EXPECT_EQ(Install(NewFile())->value, 7);
  EXPECT_EQ(Install(NewFile())->value, 130);
  EXPECT_EQ(Install(NewFile())->value, 200);
}

TEST_F(FdTableTest, LowestBoundIsRespected) {
  EXPECT_EQ(Install(NewFile(), 1000)->value, 1000);
  EXPECT_EQ(Install(NewFile(), 1000)->value, 1001);
  EXPECT_EQ(Install(NewFile())->value, 0);
  EXPECT_TRUE(Install(NewFile(), 64, 64).Is(EINVAL));
}

TEST_F(FdTableTest, LimitFailsWithEmfile) {
  for (int i = 0; i < 64; ++i) {
    ASSERT_TRUE(table_->CheckRoom(64).ok());
    ASSERT_TRUE(Install(NewFile(), 0, 64).ok());
  }
  EXPECT_TRUE(table_->CheckRoom(64).Is(EMFILE));
  EXPECT_TRUE(Install(NewFile(), 0, 64).Is(EMFILE));
  EXPECT_EQ(live_, 64);
}

// No number may make the table grow without bound.
TEST_F(FdTableTest, HugeNumbersAreRefused) {
  EXPECT_TRUE(
      table_->InstallAt(task(), Fd{INT32_MAX}, NewFile(), CloseOnExec::kNo, UINT64_MAX).Is(EBADF));
  EXPECT_TRUE(table_->InstallAt(task(), Fd{-1}, NewFile(), CloseOnExec::kNo, UINT64_MAX).Is(EBADF));
  EXPECT_TRUE(Install(NewFile(), INT32_MAX, UINT64_MAX).Is(EINVAL));
}

TEST_F(FdTableTest, GetAndCloseOfFreeDescriptorsFail) {
  EXPECT_TRUE(table_->Get(Fd{0}).Is(EBADF));
  EXPECT_TRUE(table_->Get(Fd{-1}).Is(EBADF));
  EXPECT_TRUE(table_->Close(task(), Fd{5}).Is(EBADF));
  ASSERT_TRUE(Install(NewFile()).ok());
  EXPECT_TRUE(table_->Close(task(), Fd{0}).ok());
  EXPECT_TRUE(table_->Close(task(), Fd{0}).Is(EBADF));
  EXPECT_EQ(live_, 0);
}

TEST_F(FdTableTest, InstallAtReplacesAndClosesWhatWasThere) {
  ASSERT_TRUE(Install(NewFile()).ok());
  RefPtr<File> file = NewFile();
  ASSERT_TRUE(table_->InstallAt(task(), Fd{0}, file, CloseOnExec::kYes, kLimit).ok());
  EXPECT_EQ(live_, 1);
  EXPECT_EQ(*table_->Get(Fd{0}), file);
  EXPECT_EQ(*table_->GetCloseOnExec(Fd{0}), CloseOnExec::kYes);
}

TEST_F(FdTableTest, ExecClosesWhatIsMarked) {
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(Install(NewFile()).ok());
  }
  table_->SetCloseOnExecRange(10, 89);
  table_->CloseAllOnExec(task());
  EXPECT_EQ(live_, 20);
  EXPECT_EQ(table_->Numbers().size(), 20u);
  EXPECT_EQ(Install(NewFile())->value, 10);
  EXPECT_EQ(*table_->GetCloseOnExec(Fd{10}), CloseOnExec::kNo);
}

TEST_F(FdTableTest, CloneSharesFilesButNotTheTable) {
  ASSERT_TRUE(Install(NewFile()).ok());
  RefPtr<FdTable> copy = table_->Clone();
  EXPECT_EQ(*copy->Get(Fd{0}), *table_->Get(Fd{0}));
  ASSERT_TRUE(table_->Close(task(), Fd{0}).ok());
  EXPECT_TRUE(copy->Get(Fd{0}).ok());
  EXPECT_EQ(live_, 1);
}

// With a plain scan each of these openings would look at 100,000 entries.
TEST_F(FdTableTest, ManyDescriptorsStayCheap) {
  constexpr int kMany = 100'000;
  for (int i = 0; i < kMany; ++i) {
    ASSERT_TRUE(Install(NewFile()).ok());
  }
  for (int i = 0; i < kMany; ++i) {
    ASSERT_TRUE(table_->Close(task(), Fd{3}).ok());
    ASSERT_EQ(Install(NewFile())->value, 3);
    Fd last = *Install(NewFile());
    ASSERT_EQ(last.value, kMany);
    ASSERT_TRUE(table_->Close(task(), last).ok());
  }
  table_->CloseAll(task());
  EXPECT_EQ(live_, 0);
}

class CountingObserver final : public File::CloseObserver {
 public:
  void OnFileGone(File&) override { ++calls; }
  int calls = 0;
};

TEST(FileTest, ObserversAreToldOnceAtTheLastReference) {
  CountingObserver told;
  CountingObserver removed;
  RefPtr<File> file = MakeRef<PlainFile>();
  file->AddCloseObserver(told);
  file->AddCloseObserver(removed);
  RefPtr<File> second = file;
  file.Reset();
  EXPECT_EQ(told.calls, 0);
  EXPECT_TRUE(File::RemoveCloseObserver(removed));
  second.Reset();
  EXPECT_EQ(told.calls, 1);
  EXPECT_EQ(removed.calls, 0);
  EXPECT_FALSE(File::RemoveCloseObserver(told));
}

}  // namespace
}  // namespace ukrun
