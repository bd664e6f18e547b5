#include "ukrun/flags.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ukrun {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string MessageFor(const std::vector<std::string>& args) {
  absl::StatusOr<Options> options = ParseFlags(args);
  return options.ok() ? "no failure" : std::string(options.status().message());
}

TEST(FlagsTest, FlagsStopAtTheCommand) {
  Options options = *ParseFlags({"--quiet", "ls", "--quiet", "-l", "--", "--help"});
  EXPECT_TRUE(options.quiet);
  EXPECT_THAT(options.command, ElementsAre("ls", "--quiet", "-l", "--", "--help"));
}

TEST(FlagsTest, TwoDashesEndTheFlags) {
  EXPECT_THAT(ParseFlags({"--", "--help"})->command, ElementsAre("--help"));
  EXPECT_THAT(ParseFlags({"--debug", "--", "doctor"})->command, ElementsAre("doctor"));
  EXPECT_THAT(ParseFlags({"--", "echo", "--", "x"})->command, ElementsAre("echo", "--", "x"));
}

TEST(FlagsTest, ValuesStandBehindASpaceOrAnEqualsSign) {
  Options options = *ParseFlags({"--hostname", "box", "--memory=64M", "--env", "A=b=c", "--env=B",
                                 "--bind", "x:/y", "--user=5:6", "cmd", "arg"});
  EXPECT_EQ(options.hostname, "box");
  EXPECT_EQ(options.memory_bytes, uint64_t{64} << 20);
  EXPECT_THAT(options.env, ElementsAre("A=b=c", "B"));
  ASSERT_EQ(options.binds.size(), 1u);
  EXPECT_EQ(options.binds[0].text, "x:/y");
  EXPECT_EQ(options.user->uid, 5u);
  EXPECT_EQ(options.user->gid, 6u);
  EXPECT_THAT(options.command, ElementsAre("cmd", "arg"));
}

TEST(FlagsTest, StraceTakesAValueOnlyWithAnEqualsSign) {
  Options bare = *ParseFlags({"--strace", "ls"});
  EXPECT_TRUE(bare.strace);
  EXPECT_FALSE(bare.strace_file.has_value());
  EXPECT_THAT(bare.command, ElementsAre("ls"));
  Options with_file = *ParseFlags({"--strace=trace.txt", "ls"});
  EXPECT_TRUE(with_file.strace);
  EXPECT_EQ(with_file.strace_file, "trace.txt");
  EXPECT_FALSE(ParseFlags({"ls"})->strace);
}

TEST(FlagsTest, OfARepeatedSingleValueTheLastCounts) {
  EXPECT_EQ(ParseFlags({"--hostname=a", "--hostname=b", "ls"})->hostname, "b");
}

TEST(FlagsTest, TmpfsOptions) {
  Options options =
      *ParseFlags({"--tmpfs", "/a", "--tmpfs=/b:size=2M,mode=700,noexec,nosuid,nodev", "ls"});
  ASSERT_EQ(options.tmpfs.size(), 2u);
  EXPECT_EQ(options.tmpfs[0].mode, 01777u);
  EXPECT_EQ(options.tmpfs[1].destination, "/b");
  EXPECT_EQ(options.tmpfs[1].size_bytes, uint64_t{2} << 20);
  EXPECT_EQ(options.tmpfs[1].mode, 0700u);
  EXPECT_TRUE(options.tmpfs[1].no_exec && options.tmpfs[1].no_suid && options.tmpfs[1].no_dev);
}

TEST(FlagsTest, HelpAndVersionComeBeforeTheRestIsJudged) {
  EXPECT_EQ(ParseFlags({"--memory=x", "--help"})->action, Options::Action::kHelp);
  EXPECT_EQ(ParseFlags({"-h"})->action, Options::Action::kHelp);
  EXPECT_EQ(ParseFlags({"--version"})->action, Options::Action::kVersion);
  EXPECT_EQ(ParseFlags({"doctor"})->action, Options::Action::kDoctor);
}

TEST(FlagsTest, HelpNamesEveryFlagAndFitsATerminal) {
  std::string help = ParseFlags({"--help"})->text_to_print;
  for (const char* flag :
       {"--upper-size",    "--keep",    "--rootfs",  "--bind",   "--ro-bind",  "--tmpfs",
        "--hide",          "--unhide",  "--env",     "--user",   "--hostname", "--platform",
        "--strace[=FILE]", "--debug",   "--timeout", "--memory", "--pids",     "--cpus",
        "--quiet",         "--version", "--help",    "doctor"}) {
    EXPECT_THAT(help, HasSubstr(flag));
  }
  size_t begin = 0;
  for (size_t end; (end = help.find('\n', begin)) != std::string::npos; begin = end + 1) {
    EXPECT_LE(end - begin, 100u) << help.substr(begin, end - begin);
  }
}

struct BadLine {
  std::vector<std::string> args;
  std::string message;
};

TEST(FlagsTest, WrongValuesAreNamedWithTheirReason) {
  const BadLine kLines[] = {
      {{"--memory=12x", "ls"}, "--memory=12x: 'x' is not a unit of size; use K, M, G or T"},
      {{"--memory", "0", "ls"}, "--memory=0: it must be at least 16 MiB"},
      {{"--upper-size=0", "ls"}, "--upper-size=0: it must be at least 4 KiB"},
      {{"--timeout=soon", "ls"},
       "--timeout=soon: it does not start with a number; a duration is a number with s, m or h, "
       "such as 90s"},
      {{"--pids=0", "ls"}, "--pids=0: it must be between 1 and 2147483647"},
      {{"--cpus=1.5", "ls"}, "--cpus=1.5: it is not a whole number"},
      {{"--user=me", "ls"}, "--user=me: a user is UID or UID:GID, both numbers"},
      {{"--user=1:2:3", "ls"}, "--user=1:2:3: a user is UID or UID:GID, both numbers"},
      {{"--user=4294967295", "ls"}, "--user=4294967295: a user is UID or UID:GID, both numbers"},
      {{"--platform=abacus", "ls"},
       "--platform=abacus: there is no such platform; there are auto, ptrace"},
      {{"--env", "=x", "ls"}, "--env==x: a variable needs a name"},
      {{"--tmpfs", "rel", "ls"},
       "--tmpfs=rel: the folder must be named by a path that starts with /"},
      {{"--tmpfs", "/a:mode=9", "ls"},
       "--tmpfs=/a:mode=9: mode=9: a mode is an octal number such as 755 or 1777"},
      {{"--hide", "", "ls"}, "--hide=: it must not be empty"},
      {{"--hide=", "ls"}, "--hide=: it must not be empty"},
      {{"--hostname=" + std::string(65, 'x'), "ls"},
       "--hostname=" + std::string(65, 'x') + ": a host name has 1 to 64 characters"},
      {{"--quiet=x", "ls"}, "--quiet=x: --quiet takes no value"},
      {{"--keep"}, "--keep: it needs a value; see ukrun --help"},
      {{"--no-such-flag=1", "ls"},
       "--no-such-flag: there is no such flag; ukrun --help lists them"},
      {{"-Z", "ls"}, "-Z: there is no such flag; ukrun --help lists them"},
  };
  for (const BadLine& line : kLines) {
    EXPECT_EQ(MessageFor(line.args), line.message);
  }
}

TEST(FlagsTest, NoCommandIsNoted) {
  for (const std::vector<std::string>& args :
       {std::vector<std::string>{}, {"--"}, {"--quiet"}, {"--quiet", "--"}}) {
    EXPECT_THAT(MessageFor(args), HasSubstr("there is no command to run"));
  }
}

}  // namespace
}  // namespace ukrun
