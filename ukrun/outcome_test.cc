#include "ukrun/outcome.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

namespace ukrun {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

Outcome Ended(uint32_t wait_status) {
  Outcome outcome;
  outcome.last.emplace();
  outcome.last->set_exited(true);
  outcome.last->set_wait_status(wait_status);
  return outcome;
}

TEST(ExitStatusTest, TheCommandsOwnOr128PlusTheSignal) {
  EXPECT_EQ(ExitStatus(Ended(0)), 0);
  EXPECT_EQ(ExitStatus(Ended(7 << 8)), 7);
  EXPECT_EQ(ExitStatus(Ended(255 << 8)), 255);
  EXPECT_EQ(ExitStatus(Ended(SIGKILL)), 137);
  EXPECT_EQ(ExitStatus(Ended(SIGSEGV | 0x80)), 139) << "with a core file";
  EXPECT_EQ(ExitStatus(Ended(34)), 162) << "a real-time signal";
}

TEST(ExitStatusTest, CommandThatCouldNotBeStarted) {
  Outcome outcome;
  outcome.last.emplace();
  outcome.last->set_start_error("nope: command not found");
  outcome.last->set_start_status(127);
  EXPECT_EQ(ExitStatus(outcome), 127);
  EXPECT_THAT(ClosingLines(outcome, Options()), ElementsAre("nope: command not found"));
}

TEST(ExitStatusTest, OwnFailuresTimeAndInterrupts) {
  Outcome broken;
  broken.death = "the Sentry was killed by signal 9 (Killed)";
  EXPECT_EQ(ExitStatus(broken), 125);
  EXPECT_THAT(ClosingLines(broken, Options()),
              ElementsAre("the sandbox broke down: the Sentry was killed by signal 9 (Killed)"));

  Outcome late = Ended(SIGKILL);
  late.ended = proto::ControlRequest::TIMED_OUT;
  Options options;
  options.timeout_ns = 2'000'000'000;
  EXPECT_EQ(ExitStatus(late), 124);
  EXPECT_THAT(ClosingLines(late, options),
              ElementsAre("the command ran out of time and was ended after 2s (--timeout)"));

  Outcome interrupted = Ended(SIGKILL);
  interrupted.ended = proto::ControlRequest::INTERRUPTED;
  EXPECT_EQ(ExitStatus(interrupted), 130);
}

TEST(ClosingLinesTest, DiscardedAndKeptFilesAreCounted) {
  Outcome outcome = Ended(0);
  outcome.last->set_discarded_files(1);
  EXPECT_THAT(ClosingLines(outcome, Options()),
              ElementsAre("1 file was discarded; use --keep DIR to save them or "
                          "--bind SRC to write through"));
  outcome.last->set_discarded_files(3);
  Options quiet;
  quiet.quiet = true;
  EXPECT_THAT(ClosingLines(outcome, quiet), IsEmpty());

  Options keep;
  keep.keep_dir = "out";
  Outcome kept = Ended(0);
  kept.last->set_kept_files(2);
  EXPECT_THAT(ClosingLines(kept, keep), ElementsAre("2 files were saved in out"));
  kept.last->set_unkept_files(1);
  EXPECT_THAT(ClosingLines(kept, keep),
              ElementsAre("2 files were saved in out",
                          "1 file could not be saved there: a socket or device, or refused by "
                          "the host"));
  kept.last->set_keep_error("a/b: No space left on device");
  keep.quiet = true;
  EXPECT_THAT(ClosingLines(kept, keep),
              ElementsAre("--keep=out: the changes could not all be saved: a/b: No space left on "
                          "device"));
}

TEST(DescribeWaitTest, SignalsHaveNames) {
  EXPECT_EQ(DescribeWait(SIGKILL), "was killed by signal 9 (Killed)");
  EXPECT_EQ(DescribeWait(3 << 8), "exited with status 3");
}

}  // namespace
}  // namespace ukrun
