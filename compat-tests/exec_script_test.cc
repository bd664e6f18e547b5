// execve(2) of scripts: the "#!" line, its argument, and interpreters that are scripts themselves.

#include "compat-tests/util/process_exec_util.h"

namespace compat {
namespace {

class ExecScriptTest : public DeadlineTest {
 protected:
  // A script whose interpreter is this program, which then reports what it was given.
  std::string WriteReporterScript(const std::string& name) {
    return directory_.Write(name, "#!" + OwnPath() + " " + kReportFlag + "\n");
  }

  ScratchDirectory directory_;
};

Report ExecForReport(const std::string& path, std::vector<std::string> arguments) {
  return CaptureReport([&] {
    StringList list(std::move(arguments));
    execve(path.c_str(), list.get(), environ);
  });
}

std::string ExecForOutput(const std::string& path, std::vector<std::string> arguments) {
  std::string status;
  const std::string output = CaptureOutput(
      [&] {
        StringList list(std::move(arguments));
        execve(path.c_str(), list.get(), environ);
      },
      &status);
  EXPECT_EQ(status, "exited 0");
  return output;
}

TEST_F(ExecScriptTest, InterpreterGetsItsPathTheArgumentTheScriptAndTheRest) {
  const std::string script = WriteReporterScript("script");
  Report report = ExecForReport(script, {"dropped", "one", "two"});
  EXPECT_EQ(report["argc"], "5");
  EXPECT_EQ(report["argv0"], OwnPath());
  EXPECT_EQ(report["argv1"], kReportFlag);
  EXPECT_EQ(report["argv2"], script);
  EXPECT_EQ(report["argv3"], "one");
  EXPECT_EQ(report["argv4"], "two");
}

TEST_F(ExecScriptTest, ExecfnAndNameAreTheScripts) {
  const std::string script = WriteReporterScript("script_name");
  Report report = ExecForReport(script, {"x"});
  EXPECT_EQ(report["execfn"], script);
  EXPECT_EQ(report["name"], "script_name");
}

TEST_F(ExecScriptTest, ShellScriptRuns) {
  const std::string script = directory_.Write("script", "#!/bin/sh\necho \"$0:$1\"\n");
  EXPECT_EQ(ExecForOutput(script, {"x", "value"}), script + ":value\n");
}

TEST_F(ExecScriptTest, AllWordsAfterTheInterpreterAreOneArgument) {
  const std::string script = directory_.Write("script", "#!/bin/echo a  b c\n");
  EXPECT_EQ(ExecForOutput(script, {"x"}), "a  b c " + script + "\n");
}

TEST_F(ExecScriptTest, BlanksAroundInterpreterAndArgumentAreDropped) {
  const std::string script = directory_.Write("script", "#! \t /bin/echo \t a b \t \n");
  EXPECT_EQ(ExecForOutput(script, {"x"}), "a b " + script + "\n");
}

TEST_F(ExecScriptTest, LineMayEndWithTheFile) {
  const std::string script = directory_.Write("script", "#!/bin/echo end");
  EXPECT_EQ(ExecForOutput(script, {"x"}), "end " + script + "\n");
}

TEST_F(ExecScriptTest, CarriageReturnBelongsToTheInterpretersName) {
  const std::string script = directory_.Write("script", "#!/bin/echo\r\n");
  EXPECT_EQ(RunInChild([&] { CHILD_CHECK_ERRNO(ENOENT, execl(script.c_str(), "x", nullptr)); }),
            "exited 0");
}

TEST_F(ExecScriptTest, InterpreterMayBeRelativeToTheWorkingDirectory) {
  const std::string script = directory_.Write("script", "#!bin/echo relative\n");
  std::string status;
  const std::string output = CaptureOutput(
      [&] {
        CHILD_CHECK(chdir("/") == 0);
        execl(script.c_str(), "x", nullptr);
      },
      &status);
  EXPECT_EQ(output, "relative " + script + "\n");
}

TEST_F(ExecScriptTest, InterpreterMayBeAScript) {
  const std::string inner = directory_.Write("inner", "#!/bin/echo inner\n");
  const std::string outer = directory_.Write("outer", "#!" + inner + " outer\n");
  EXPECT_EQ(ExecForOutput(outer, {"x", "last"}), "inner " + inner + " outer " + outer + " last\n");
}

TEST_F(ExecScriptTest, FiveScriptsInARowRunAndSixFailWithEloop) {
  std::string path = "/bin/true";
  for (int depth = 1; depth <= 6; ++depth) {
    path = directory_.Write("script" + std::to_string(depth), "#!" + path + "\n");
    if (depth == 5) {
      EXPECT_EQ(ExecForOutput(path, {"x"}), "");
    }
  }
  EXPECT_EQ(RunInChild([&] { CHILD_CHECK_ERRNO(ELOOP, execl(path.c_str(), "x", nullptr)); }),
            "exited 0");
}

TEST_F(ExecScriptTest, ScriptThatNamesItselfFailsWithEloop) {
  const std::string script = directory_.Write("self", "#!" + directory_.path("self") + "\n");
  EXPECT_EQ(RunInChild([&] { CHILD_CHECK_ERRNO(ELOOP, execl(script.c_str(), "x", nullptr)); }),
            "exited 0");
}

TEST_F(ExecScriptTest, BadInterpretersGiveTheirOwnErrors) {
  const auto expect = [&](const std::string& interpreter, int error) {
    const std::string script = directory_.Write("bad", "#!" + interpreter + "\n");
    EXPECT_EQ(RunInChild([&] { CHILD_CHECK_ERRNO(error, execl(script.c_str(), "x", nullptr)); }),
              "exited 0")
        << interpreter;
  };
  expect("/nowhere/interpreter", ENOENT);
  expect("/etc/passwd/interpreter", ENOTDIR);
  expect("/etc/passwd", EACCES);  // Nobody may execute it.
  expect("/", EACCES);
  expect("", ENOEXEC);
  expect(" \t", ENOEXEC);
}

TEST_F(ExecScriptTest, TruncatedInterpreterPathIsRefusedAndTruncatedArgumentIsNot) {
  // The kernel looks at 256 bytes. A path that is cut there would name another file.
  const std::string cut_path = directory_.Write("cut_path", "#!/" + std::string(300, 'x') + "\n");
  EXPECT_EQ(RunInChild([&] { CHILD_CHECK_ERRNO(ENOEXEC, execl(cut_path.c_str(), "x", nullptr)); }),
            "exited 0");
  const std::string prefix = "#!/bin/echo ";
  const std::string cut_argument =
      directory_.Write("cut_argument", prefix + std::string(300, 'y') + "\n");
  EXPECT_EQ(ExecForOutput(cut_argument, {"x"}),
            std::string(255 - prefix.size(), 'y') + " " + cut_argument + "\n");
}

TEST_F(ExecScriptTest, ScriptNeedsTheExecutePermissionEvenForRoot) {
  const std::string script = directory_.Write("script", "#!/bin/sh\n", 0644);
  EXPECT_EQ(RunInChild([&] { CHILD_CHECK_ERRNO(EACCES, execl(script.c_str(), "x", nullptr)); }),
            "exited 0");
}

TEST_F(ExecScriptTest, TextWithoutTheMarkFailsWithEnoexecAndTheShellRunsIt) {
  const std::string script = directory_.Write("script", "echo plain $1\n");
  EXPECT_EQ(RunInChild([&] { CHILD_CHECK_ERRNO(ENOEXEC, execl(script.c_str(), "x", nullptr)); }),
            "exited 0");
  std::string status;
  const std::string output =
      CaptureOutput([&] { execlp(script.c_str(), "x", "argument", nullptr); }, &status);
  EXPECT_EQ(output, "plain argument\n");
}

TEST_F(ExecScriptTest, ScriptByDescriptorIsNamedByThatDescriptor) {
  const std::string script = directory_.Write("script", "#!/bin/echo\n");
  std::string status;
  const std::string output = CaptureOutput(
      [&] {
        const Fd file(open(script.c_str(), O_RDONLY));
        CHILD_CHECK(dup2(file.get(), 25) == 25);
        StringList arguments({"x", "argument"});
        syscall(SYS_execveat, 25, "", arguments.get(), environ, AT_EMPTY_PATH);
      },
      &status);
  EXPECT_EQ(output, "/dev/fd/25 argument\n");
}

TEST_F(ExecScriptTest, ScriptByDirectoryDescriptorIsNamedBelowThatDescriptor) {
  directory_.Write("script", "#!/bin/echo\n");
  std::string status;
  const std::string output = CaptureOutput(
      [&] {
        const Fd directory(open(directory_.path().c_str(), O_RDONLY | O_DIRECTORY));
        CHILD_CHECK(dup2(directory.get(), 26) == 26);
        StringList arguments({"x"});
        syscall(SYS_execveat, 26, "script", arguments.get(), environ, 0);
      },
      &status);
  EXPECT_EQ(output, "/dev/fd/26/script\n");
}

TEST_F(ExecScriptTest, ScriptByCloexecDescriptorFailsWithEnoent) {
  // The interpreter could not open it.
  const std::string script = directory_.Write("script", "#!/bin/echo\n");
  EXPECT_EQ(RunInChild([&] {
              const Fd file(open(script.c_str(), O_RDONLY | O_CLOEXEC));
              StringList arguments({"x"});
              CHILD_CHECK_ERRNO(ENOENT, syscall(SYS_execveat, file.get(), "", arguments.get(),
                                                environ, AT_EMPTY_PATH));
            }),
            "exited 0");
}

TEST_F(ExecScriptTest, EnvRunsAnInterpreterFoundInThePath) {
  const std::string script = directory_.Write("script", "#!/usr/bin/env sh\necho found\n");
  EXPECT_EQ(ExecForOutput(script, {"x"}), "found\n");
}

}  // namespace
}  // namespace compat

// Errnos of execve(2): exec_errno_test.cc has the other ones and the list of those not provoked.

int main(int argc, char** argv) { return compat::CompatExecMain(argc, argv); }
