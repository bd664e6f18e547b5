#include "ukrun/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

#include "ukrun/paths.h"

namespace ukrun {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;

class ConfigTest : public ::testing::Test {
 protected:
  ConfigTest() {
    char name[] = "/tmp/ukrun-config-XXXXXX";
    close(mkstemp(name));
    files_.hidden_paths = name;
    WriteList("# comment\n\n  /etc/shadow  \n~/.ssh\n");
    options_.command = {"cmd", "arg"};
  }
  ~ConfigTest() override { unlink(files_.hidden_paths.c_str()); }

  void WriteList(const std::string& text) const { std::ofstream(files_.hidden_paths) << text; }

  Options options_;
  Installation files_;
};

TEST_F(ConfigTest, CallersIdentityAndDefaults) {
  SandboxPlan plan = *PlanSandbox(options_, files_);
  EXPECT_THAT(plan.arguments, ElementsAre("cmd", "arg"));
  EXPECT_EQ(plan.sentry.uid(), geteuid());
  EXPECT_EQ(plan.sentry.host_uid(), geteuid());
  EXPECT_EQ(plan.sentry.hostname(), "ukrun");
  EXPECT_EQ(plan.sentry.platform(), "ptrace");
  EXPECT_EQ(plan.sentry.cwd(), *CallerCwd());
  EXPECT_EQ(plan.sentry.limits().pids(), 4096u);
  EXPECT_GT(plan.sentry.limits().memory_bytes(), 0u);
  EXPECT_EQ(static_cast<int>(plan.sentry.limits().cpus()), plan.sentry.host_cpus_size());
  EXPECT_EQ(plan.sentry.keep_attach(), -1);
  EXPECT_EQ(plan.sentry.strace_fd(), -1);
  EXPECT_FALSE(plan.sentry.sentry_filter().empty());
  EXPECT_FALSE(plan.sentry.guest_filter().empty());
}

TEST_F(ConfigTest, AnotherUserHasNoGroupsOfTheCaller) {
  options_.user = UserOption{1234, 4321};
  SandboxPlan plan = *PlanSandbox(options_, files_);
  EXPECT_EQ(plan.sentry.uid(), 1234u);
  EXPECT_EQ(plan.sentry.gid(), 4321u);
  EXPECT_EQ(plan.sentry.groups_size(), 0);
  EXPECT_EQ(plan.sentry.host_uid(), geteuid());
}

TEST_F(ConfigTest, OneProcessorIsOneProcessor) {
  options_.cpus = 1;
  EXPECT_EQ(PlanSandbox(options_, files_)->sentry.host_cpus_size(), 1);
  options_.cpus = 1'000'000;
  EXPECT_GE(PlanSandbox(options_, files_)->sentry.host_cpus_size(), 1);
}

TEST_F(ConfigTest, HidingIsStrongerThanUnhidingAndBothThanTheList) {
  options_.hide = {"*.pem", "dir/secret", "/abs", "~/x", "**/y"};
  options_.unhide = {".env", "dir/open"};
  std::string cwd = *CallerCwd();
  SandboxPlan plan = *PlanSandbox(options_, files_);
  EXPECT_THAT(plan.gofer.hide(),
              ElementsAre("/etc/shadow", "~/.ssh", "!.env", "!" + CleanPath("dir/open", cwd),
                          "*.pem", CleanPath("dir/secret", cwd), "/abs", "~/x", "**/y"));
}

TEST_F(ConfigTest, HomesAreThoseOfThePasswordFile) {
  SandboxPlan plan = *PlanSandbox(options_, files_);
  EXPECT_THAT(plan.gofer.homes(), Contains("/root"));
  EXPECT_THAT(plan.gofer.homes(), ::testing::Not(Contains("/")));
}

TEST_F(ConfigTest, NothingRunsWithoutTheListOfSecrets) {
  WriteList("# nothing\n");
  EXPECT_FALSE(PlanSandbox(options_, files_).ok());
  files_.hidden_paths = "/nonexistent";
  EXPECT_EQ(PlanSandbox(options_, files_).status().message(), "/nonexistent cannot be read");
}

}  // namespace
}  // namespace ukrun
