#include "ukrun/doctor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ukrun {
namespace {

using ::testing::HasSubstr;

TEST(DoctorTest, MissingThingsDecide) {
  std::vector<Section> sections = {
      {"Platforms", {{"ptrace", Finding::Verdict::kYes, "works"}}},
      {"Rings", {{"Landlock", Finding::Verdict::kNo, "needs Linux 5.13"}}}};
  EXPECT_TRUE(CanRun(sections));
  EXPECT_THAT(FormatReport(sections), HasSubstr("Commands can run in a sandbox here."));
  EXPECT_THAT(FormatReport(sections), HasSubstr("  Landlock          no   needs Linux 5.13\n"));
  sections[0].findings[0].verdict = Finding::Verdict::kMissing;
  EXPECT_FALSE(CanRun(sections));
  EXPECT_THAT(FormatReport(sections), HasSubstr("No command can run here for lack of ptrace\n"));
}

TEST(DoctorTest, EveryRingIsExamined) {
  std::string report = FormatReport(Examine());
  for (const char* subject : {"ptrace", "seccomp", "Landlock", "user namespace", "memory files",
                              "openat2", "io_uring", "memory", "pids", "cpus", "descriptors"}) {
    EXPECT_THAT(report, HasSubstr(subject));
  }
}

}  // namespace
}  // namespace ukrun
