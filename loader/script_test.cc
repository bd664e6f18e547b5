#include "loader/script.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "loader/testing_image.h"

namespace ukrun {
namespace {

using testing::Bytes;
using testing::NamedImage;
using testing::ScriptHeads;

Result<ScriptLine> Parse(std::string_view text) { return ParseScript(Bytes(text)); }

TEST(ScriptTest, ReadsInterpreterAndOneArgument) {
  EXPECT_EQ(*Parse("#!/bin/sh\n"), (ScriptLine{"/bin/sh", std::nullopt}));
  EXPECT_EQ(*Parse("#! /usr/bin/env python3 -E \nx"), (ScriptLine{"/usr/bin/env", "python3 -E"}));
}

TEST(ScriptTest, AFileWithoutTheMarkIsNoScript) {
  EXPECT_EQ(Parse("").error(), ENOEXEC);
  EXPECT_EQ(Parse("#").error(), ENOEXEC);
  EXPECT_EQ(Parse(" #!/bin/sh\n").error(), ENOEXEC);
}

TEST(ScriptTest, APathThatMayBeCutOffIsRefused) {
  EXPECT_EQ(Parse("#!/" + std::string(300, 'a')).error(), ENOEXEC);
  EXPECT_EQ(Parse("#!/" + std::string(253, 'a')).error(), ENOEXEC);
  EXPECT_TRUE(Parse("#!/" + std::string(252, 'a')).ok());
}

TEST(ScriptTest, ACutOffArgumentIsTaken) {
  Result<ScriptLine> line = Parse("#!/x " + std::string(300, 'b') + "\n");
  ASSERT_TRUE(line.ok());
  EXPECT_EQ(line->argument, std::string(250, 'b'));
}

// Scripts are executed by the running kernel; it is the specification.
class ScriptNativeTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = std::filesystem::temp_directory_path() / "ukrun-script-XXXXXX";
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    directory_ = name;
    interpreter_ = directory_ / "interpreter";
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  std::filesystem::path directory_;
  std::filesystem::path interpreter_;
};

// What execve of a file leads to: an errno, or the argv that the interpreter gets.
struct Outcome {
  int error = 0;
  std::vector<std::string> arguments;

  friend bool operator==(const Outcome&, const Outcome&) = default;
};

// The argv is read from /proc when execve is done; the interpreter is killed then.
Outcome Execute(const std::string& path) {
  int fds[2];
  EXPECT_EQ(pipe2(fds, O_CLOEXEC), 0);
  pid_t child = fork();
  if (child == 0) {
    char name[] = "original";
    char last[] = "last";
    char* arguments[] = {name, last, nullptr};
    execve(path.c_str(), arguments, environ);
    int error = errno;
    [[maybe_unused]] ssize_t written = write(fds[1], &error, sizeof(error));
    _exit(1);
  }
  close(fds[1]);
  Outcome outcome;
  // Ends when the child has executed something, or failed.
  ssize_t size = read(fds[0], &outcome.error, sizeof(outcome.error));
  close(fds[0]);
  if (size == 0) {
    outcome.error = 0;
    std::ifstream file("/proc/" + std::to_string(child) + "/cmdline", std::ios::binary);
    std::string argument;
    while (std::getline(file, argument, '\0')) {
      outcome.arguments.push_back(argument);
    }
  }
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  return outcome;
}

Outcome Predict(const std::vector<std::byte>& bytes, const std::string& path) {
  Result<ScriptLine> line = ParseScript(bytes);
  if (!line.ok()) {
    return {line.error(), {}};
  }
  if (line->interpreter.empty()) {
    return {EACCES, {}};
  }
  if (access(line->interpreter.c_str(), X_OK) != 0) {
    return {errno, {}};
  }
  Outcome outcome{0, {line->interpreter}};
  if (line->argument.has_value()) {
    outcome.arguments.push_back(*line->argument);
  }
  outcome.arguments.insert(outcome.arguments.end(), {path, "last"});
  return outcome;
}

TEST_F(ScriptNativeTest, LinesAreReadAsByTheRunningKernel) {
  // The interpreter stays alive whatever its arguments are: it is an endless loop.
  testing::TestImage image = testing::PieImage();
  std::vector<std::byte> bytes = image.Build();
  bytes[testing::kTestCodeOffset] = std::byte{0xeb};  // jmp .
  bytes[testing::kTestCodeOffset + 1] = std::byte{0xfe};
  auto write_file = [](const std::string& path, const std::vector<std::byte>& content) {
    std::filesystem::remove(path);
    int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0755);
    ASSERT_GE(fd, 0);
    ASSERT_EQ(write(fd, content.data(), content.size()), static_cast<ssize_t>(content.size()));
    close(fd);
  };
  write_file(interpreter_, bytes);
  std::string script = directory_ / "script";
  for (const NamedImage& head : ScriptHeads(interpreter_)) {
    SCOPED_TRACE(head.name);
    write_file(script, head.bytes);
    Outcome expected = Execute(script);
    Outcome predicted = Predict(head.bytes, script);
    EXPECT_EQ(predicted.error, expected.error);
    EXPECT_EQ(predicted.arguments, expected.arguments);
  }
}

}  // namespace
}  // namespace ukrun
