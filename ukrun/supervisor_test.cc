// The first stage, the sandbox's processes and the supervisor together, with programs in
// place of the Sentry and the gofer that do as they are told (testing/).
#include "ukrun/supervisor.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <functional>
#include <sstream>

namespace ukrun {
namespace {

using ::testing::ContainsRegex;
using ::testing::HasSubstr;

class SupervisorTest : public ::testing::Test {
 protected:
  // What the fake Sentry prints goes to a file, since it inherits standard output.
  SupervisorTest() {
    char name[] = "/tmp/ukrun-supervisor-XXXXXX";
    output_ = mkstemp(name);
    output_name_ = name;
    files_ = {UKRUN_TEST_BOOT, UKRUN_TEST_SENTRY, UKRUN_TEST_GOFER, ""};
  }
  ~SupervisorTest() override {
    close(output_);
    unlink(output_name_.c_str());
  }

  SandboxPlan PlanFor(const std::string& word) {
    SandboxPlan plan;
    plan.arguments = {word};
    return plan;
  }

  // Starts, runs `meanwhile` with the running sandbox in a child of its own, and watches.
  Outcome Watch(const std::string& word) {
    Signals signals;
    EXPECT_TRUE(signals.Take().ok());
    Terminal terminal;
    int saved = dup(STDOUT_FILENO);
    dup2(output_, STDOUT_FILENO);
    absl::StatusOr<Sandbox> sandbox = Sandbox::Start(PlanFor(word), files_, TraceFiles(), {});
    dup2(saved, STDOUT_FILENO);
    close(saved);
    if (!sandbox.ok()) {
      ADD_FAILURE() << sandbox.status();
      return {};
    }
    sentry_ = sandbox->sentry().pid;
    gofer_ = sandbox->gofer().pid;
    if (before_watching_) {
      before_watching_();
    }
    return Supervisor(options_, uint64_t{1} << 40, *sandbox, signals, terminal).Watch();
  }

  std::string Output() const {
    std::ifstream file(output_name_);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
  }

  // A child that sends this process a signal a little later, until it is taken back.
  static void SendSoon(std::vector<int> signals) {
    if (fork() == 0) {
      for (int signal : signals) {
        poll(nullptr, 0, 100);
        kill(getppid(), signal);
      }
      _exit(0);
    }
  }

  bool EverythingIsGone() const {
    while (waitpid(-1, nullptr, 0) > 0) {
    }
    auto gone = [](pid_t pid) { return pid < 0 || kill(pid, 0) != 0; };
    return gone(sentry_) && gone(gofer_);
  }

  Installation files_;
  Options options_;
  std::function<void()> before_watching_;
  pid_t sentry_ = -1;
  pid_t gofer_ = -1;
  int output_ = -1;
  std::string output_name_;
};

TEST_F(SupervisorTest, SentryStartsInItsPlaceWithNothingButWhatItIsGiven) {
  Outcome outcome = Watch("describe");
  EXPECT_EQ(ExitStatus(outcome), 0);
  std::string output = Output();
  EXPECT_THAT(output, HasSubstr("counter 42\nsecond zero 0\nin window 1\nvdso 1\n"));
  // 8 counts the host's out-of-memory kills, where there is such a file.
  EXPECT_THAT(output, ContainsRegex("fd 0\nfd 1\nfd 2\nfd 3\nfd 4\nfd 5\nfd 6\n(fd 8\n)?"
                                    "no new privileges 1\n"));
  EXPECT_THAT(output, HasSubstr("session is own 1\n"));
  EXPECT_TRUE(EverythingIsGone());
}

TEST_F(SupervisorTest, StatusAndCountsComeBack) {
  Outcome outcome = Watch("exit7");
  EXPECT_EQ(ExitStatus(outcome), 7);
  EXPECT_EQ(outcome.last->discarded_files(), 3u);
  EXPECT_EQ(ExitStatus(Watch("signal15")), 143);
  EXPECT_EQ(ExitStatus(Watch("not-found")), 127);
  EXPECT_TRUE(EverythingIsGone());
}

TEST_F(SupervisorTest, SentryThatDiesIsABreakdown) {
  Outcome crashed = Watch("crash");
  EXPECT_EQ(ExitStatus(crashed), 125);
  EXPECT_EQ(crashed.death, "the Sentry was killed by signal 11 (Segmentation fault)");
  Outcome left = Watch("die");
  EXPECT_EQ(left.death, "the Sentry exited with status 3");
  Outcome explained = Watch("fail");
  EXPECT_EQ(ExitStatus(explained), 125);
  EXPECT_EQ(explained.death, "") << "it has printed its own line";
  EXPECT_TRUE(EverythingIsGone());
}

TEST_F(SupervisorTest, EitherProcessKilledEndsTheOther) {
  before_watching_ = [this] { kill(sentry_, SIGKILL); };
  EXPECT_EQ(Watch("wait").death, "the Sentry was killed by signal 9 (Killed)");
  EXPECT_TRUE(EverythingIsGone());
  before_watching_ = [this] { kill(gofer_, SIGKILL); };
  EXPECT_EQ(Watch("wait").death, "the gofer was killed by signal 9 (Killed)");
  EXPECT_TRUE(EverythingIsGone());
}

TEST_F(SupervisorTest, SignalsArePassedOn) {
  options_.timeout_ns = 1'000'000'000;
  before_watching_ = [] { SendSoon({SIGUSR1, SIGTERM}); };
  Watch("requests");
  // Field 1 (signal) of each request.
  EXPECT_THAT(Output(), HasSubstr("request 8\nrequest 10\nrequest 8\nrequest 15\n"));
}

TEST_F(SupervisorTest, TimeLimitAsksForTheEndAndGetsTheLastWord) {
  options_.timeout_ns = 50'000'000;
  Outcome outcome = Watch("requests");
  EXPECT_EQ(ExitStatus(outcome), 124);
  ASSERT_TRUE(outcome.last.has_value());
  EXPECT_EQ(outcome.last->discarded_files(), 1u);
  // Field 3 (end): 1, timed out.
  EXPECT_THAT(Output(), HasSubstr("request 24\nrequest 1\n"));
}

TEST_F(SupervisorTest, SentryThatDoesNotEndIsEnded) {
  options_.timeout_ns = 50'000'000;
  auto start = std::chrono::steady_clock::now();
  Outcome outcome = Watch("wait");
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(5));
  EXPECT_EQ(ExitStatus(outcome), 124);
  EXPECT_FALSE(outcome.last.has_value());
  EXPECT_TRUE(EverythingIsGone());
}

TEST_F(SupervisorTest, SecondInterruptWithinASecondEnds) {
  before_watching_ = [] { SendSoon({SIGINT, SIGINT}); };
  Outcome outcome = Watch("requests");
  EXPECT_EQ(ExitStatus(outcome), 130);
  EXPECT_THAT(Output(), HasSubstr("request 8\nrequest 2\nrequest 24\nrequest 2\n"));
}

TEST_F(SupervisorTest, MissingProgramIsNamed) {
  auto message_for = [this](const std::string& gofer) {
    files_.gofer = gofer;
    return std::string(
        Sandbox::Start(PlanFor("wait"), files_, TraceFiles(), {}).status().message());
  };
  EXPECT_EQ(message_for("/nonexistent/x"), "/nonexistent/x: No such file or directory");
  EXPECT_EQ(message_for("/etc/passwd"), "/etc/passwd: cannot execute it: Permission denied");
  EXPECT_TRUE(EverythingIsGone());
}

}  // namespace
}  // namespace ukrun
