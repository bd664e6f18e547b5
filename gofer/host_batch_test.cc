// Batches give the same answers by plain calls and by the ring.
#include "gofer/host_batch.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <liburing.h>
#include <unistd.h>

#include <deque>
#include <filesystem>
#include <fstream>

#include "gofer/host_files.h"

namespace ukrun::gofer {
namespace {

class HostBatchTest : public ::testing::TestWithParam<HostBatch::Policy> {
 protected:
  void SetUp() override {
    std::string pattern = std::filesystem::temp_directory_path() / "ukrun-batch-XXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
    directory_ = HostFd(open(folder_.c_str(), O_PATH | O_CLOEXEC));
    bool started = batch_.Start();
    if (!started && GetParam() == HostBatch::Policy::kAlwaysRing) {
      GTEST_SKIP() << "the host refuses io_uring";
    }
    batch_.set_policy(GetParam());
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::filesystem::path folder_;
  HostFd directory_;
  HostBatch batch_;
};

TEST_P(HostBatchTest, StatsEveryEntry) {
  std::deque<std::string> names;
  std::vector<StatJob> jobs;
  for (int i = 0; i < 500; ++i) {
    names.push_back("f" + std::to_string(i));
    if (i % 7 != 0) {
      std::ofstream(folder_ / names.back()) << std::string(static_cast<size_t>(i), 'x');
    }
    jobs.push_back(StatJob{.name = names.back().c_str(), .error = -1, .attributes = {}});
  }
  batch_.Stat(directory_.get(), jobs);
  for (size_t i = 0; i < jobs.size(); ++i) {
    if (i % 7 == 0) {
      EXPECT_EQ(jobs[i].error, ENOENT);
    } else {
      EXPECT_EQ(jobs[i].error, 0);
      EXPECT_EQ(jobs[i].attributes.size, i);
    }
  }
}

TEST_P(HostBatchTest, OpensEveryFile) {
  std::deque<std::string> names;
  std::vector<OpenJob> jobs;
  for (int i = 0; i < 60; ++i) {
    names.push_back("f" + std::to_string(i));
    if (i % 7 != 0) {
      std::ofstream(folder_ / names.back()) << "x";
    }
    jobs.push_back(OpenJob{
        .name = names.back().c_str(), .flags = O_RDONLY | O_CLOEXEC, .error = -1, .fd = {}});
  }
  batch_.Open(directory_.get(), jobs);
  for (size_t i = 0; i < jobs.size(); ++i) {
    EXPECT_EQ(jobs[i].error, i % 7 == 0 ? ENOENT : 0);
    EXPECT_EQ(jobs[i].fd.valid(), i % 7 != 0);
  }
}

INSTANTIATE_TEST_SUITE_P(Policies, HostBatchTest,
                         ::testing::Values(HostBatch::Policy::kMeasured,
                                           HostBatch::Policy::kAlwaysRing,
                                           HostBatch::Policy::kNeverRing));

TEST(HostBatchRingTest, RefusesOperationsThatAreNotListed) {
  HostBatch batch;
  if (!batch.Start()) {
    GTEST_SKIP() << "the host refuses io_uring";
  }
  // The ring's memory, mapped by hand, is what a gofer that turned evil would use.
  EXPECT_EQ(batch.TryOperationForTest(IORING_OP_NOP), -EACCES);
  EXPECT_EQ(batch.TryOperationForTest(IORING_OP_SOCKET), -EACCES);
  EXPECT_EQ(batch.TryOperationForTest(IORING_OP_OPENAT), -EACCES);
  // And it can't be told to allow more.
  EXPECT_LT(io_uring_register(static_cast<unsigned>(batch.ring_fd()), IORING_REGISTER_PERSONALITY,
                              nullptr, 0),
            0);
}

}  // namespace
}  // namespace ukrun::gofer
