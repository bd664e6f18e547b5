#include "sentry/fs/epoll/epoll_set.h"

#include <gtest/gtest.h>

#include <thread>

#include "abi/poll.h"
#include "sentry/fs/epoll/epoll.h"

namespace ukrun {
namespace {

constexpr uint32_t kIn = abi::kPollIn | abi::kPollErr | abi::kPollHup;

// A file that is readable while told so.
class FakeFile final : public File {
 public:
  FakeFile() : File(Path(), OpenOptions{.read = true}) {}
  Ready Readiness() override { return readable_.load() > 0 ? Ready::kReadable : Ready::kNone; }
  WaitQueue* waiters() override { return &waiters_; }
  void Put() {
    readable_.fetch_add(1);
    waiters_.Notify(Ready::kReadable);
  }
  bool Take() {
    int present = readable_.load();
    while (present > 0 && !readable_.compare_exchange_weak(present, present - 1)) {
    }
    return present > 0;
  }

 private:
  std::atomic<int> readable_{0};
  WaitQueue waiters_;
};

class CountingWaiter final : public Waiter {
 public:
  void OnReady(Ready) override { calls.fetch_add(1); }
  std::atomic<int> calls{0};
};

class EpollSetTest : public ::testing::Test {
 protected:
  EpollSet& set() { return *FindEpollSet(*epoll_); }
  RefPtr<File> epoll_ = CreateEpoll();
};

TEST_F(EpollSetTest, LevelTriggeredItemsTakeTurns) {
  std::vector<RefPtr<FakeFile>> files;
  for (int i = 0; i < 5; ++i) {
    files.push_back(MakeRef<FakeFile>());
    ASSERT_TRUE(set().Add(*files.back(), i, {kIn, static_cast<uint64_t>(i)}, nullptr).ok());
    files.back()->Put();
  }
  uint64_t seen = 0;
  for (int i = 0; i < 5; ++i) {
    auto reports = set().Collect(1);
    ASSERT_EQ(reports.size(), 1u);
    seen |= uint64_t{1} << reports[0].data;
  }
  EXPECT_EQ(seen, 0x1fu);
  EXPECT_EQ(set().Collect(100).size(), 5u);
}

TEST_F(EpollSetTest, ReportsThatCouldNotBeDeliveredComeAgain) {
  auto file = MakeRef<FakeFile>();
  ASSERT_TRUE(set().Add(*file, 3, {kIn | abi::kEpollOneShot, 7}, nullptr).ok());
  file->Put();
  auto reports = set().Collect(1);
  ASSERT_EQ(reports.size(), 1u);
  EXPECT_TRUE(set().Collect(1).empty());
  set().PutBack(reports, 0);
  EXPECT_EQ(set().Collect(1).size(), 1u);
  EXPECT_TRUE(set().Collect(1).empty());
}

TEST_F(EpollSetTest, ItemsGoWithTheirFile) {
  auto file = MakeRef<FakeFile>();
  ASSERT_TRUE(set().Add(*file, 3, {kIn, 0}, nullptr).ok());
  ASSERT_TRUE(set().Add(*file, 4, {kIn, 0}, nullptr).ok());
  EXPECT_TRUE(set().Add(*file, 4, {kIn, 0}, nullptr).Is(EEXIST));
  file->Put();
  EXPECT_EQ(set().Collect(10).size(), 2u);
  file.Reset();
  EXPECT_TRUE(set().Collect(10).empty());
  EXPECT_FALSE(set().MayBeReady());
}

TEST_F(EpollSetTest, PollersOfAnOuterSetHearOfTheInnermostFile) {
  RefPtr<File> outer_file = CreateEpoll();
  EpollSet& outer = *FindEpollSet(*outer_file);
  auto file = MakeRef<FakeFile>();
  ASSERT_TRUE(outer.Add(*epoll_, 3, {kIn, 0}, FindEpollSet(*epoll_)).ok());
  ASSERT_TRUE(set().Add(*file, 4, {kIn, 0}, nullptr).ok());
  EXPECT_TRUE(set().Add(*outer_file, 5, {kIn, 0}, FindEpollSet(*outer_file)).Is(ELOOP));
  CountingWaiter poller;
  outer_file->waiters()->Add(poller, Ready::kReadable);
  EXPECT_FALSE(outer.IsReady());
  file->Put();
  EXPECT_EQ(poller.calls, 1);
  EXPECT_TRUE(outer.IsReady());
  EXPECT_EQ(outer.Collect(1).size(), 1u);
  EXPECT_TRUE(file->Take());
  EXPECT_TRUE(outer.Collect(1).empty());
  outer_file->waiters()->Remove(poller);
}

TEST_F(EpollSetTest, ChainsOfSetsEndAtFourSteps) {
  std::vector<RefPtr<File>> files = {CreateEpoll()};
  for (int i = 0; i < 4; ++i) {
    files.push_back(CreateEpoll());
    RefPtr<EpollSet> inner = FindEpollSet(*files[files.size() - 2]);
    ASSERT_TRUE(
        FindEpollSet(*files.back())->Add(*files[files.size() - 2], 1, {kIn, 0}, inner).ok());
  }
  EXPECT_TRUE(set().Add(*files.back(), 1, {kIn, 0}, FindEpollSet(*files.back())).Is(ELOOP));
  RefPtr<EpollSet> innermost = FindEpollSet(*files.front());
  EXPECT_TRUE(innermost->Add(*epoll_, 1, {kIn, 0}, FindEpollSet(*epoll_)).Is(ELOOP));
}

// Files come and go, become ready, and are collected and polled through an outer set, all at
// once. Every edge must be seen, and nothing may be touched after its end.
TEST_F(EpollSetTest, ConcurrentUseLosesNoEvent) {
  constexpr int kRounds = 2000;
  RefPtr<File> outer_file = CreateEpoll();
  ASSERT_TRUE(FindEpollSet(*outer_file)->Add(*epoll_, 3, {kIn, 0}, FindEpollSet(*epoll_)).ok());
  auto file = MakeRef<FakeFile>();
  ASSERT_TRUE(set().Add(*file, 3, {kIn, 1}, nullptr).ok());
  std::atomic<bool> stop{false};
  std::thread churn([&] {
    for (int i = 0; !stop.load(); ++i) {
      auto other = MakeRef<FakeFile>();
      static_cast<void>(set().Add(*other, 100 + i, {kIn, 2}, nullptr));
      other->Put();
      if (i % 2 == 0) {
        static_cast<void>(set().Remove(*other, 100 + i));
      }
    }
  });
  std::thread poller([&] {
    while (!stop.load()) {
      static_cast<void>(outer_file->Readiness());
      static_cast<void>(FindEpollSet(*outer_file)->Collect(1));
    }
  });
  std::thread producer([&] {
    for (int i = 0; i < kRounds; ++i) {
      file->Put();
    }
  });
  int taken = 0;
  while (taken < kRounds) {
    for (const EpollSet::Report& report : set().Collect(4)) {
      taken += report.data == 1 && file->Take() ? 1 : 0;
    }
  }
  producer.join();
  stop.store(true);
  churn.join();
  poller.join();
  outer_file.Reset();
  epoll_.Reset();
}

}  // namespace
}  // namespace ukrun
