// The running kernel is the specification: every file is given to execve and to the
// loader, and both must say the same.
#include "loader/elf.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "loader/layout.h"
#include "loader/testing_image.h"

namespace ukrun {
namespace {

using testing::FixedImage;
using testing::kTestExitStatus;
using testing::MalformedImages;
using testing::MalformedInterpreters;
using testing::MemoryImage;
using testing::NamedImage;
using testing::PieImage;
using testing::TestImage;

// What execve comes to.
struct Outcome {
  enum class Kind { kErrno, kKilled, kRan };
  Kind kind;
  int code;

  friend bool operator==(const Outcome&, const Outcome&) = default;
  friend std::ostream& operator<<(std::ostream& out, const Outcome& outcome) {
    switch (outcome.kind) {
      case Kind::kErrno:
        return out << "errno " << outcome.code << " (" << strerror(outcome.code) << ")";
      case Kind::kKilled:
        return out << "killed by " << outcome.code;
      case Kind::kRan:
        return out << "exit status " << outcome.code;
    }
    return out;
  }
};

class ElfNativeTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = std::filesystem::temp_directory_path() / "ukrun-elf-XXXXXX";
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    directory_ = name;
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  std::string Path(const char* name) const { return directory_ / name; }

  void Write(const std::string& path, const std::vector<std::byte>& bytes) {
    // A new file each time: the old one may still be busy in a dying process.
    std::filesystem::remove(path);
    int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0755);
    ASSERT_GE(fd, 0);
    ASSERT_EQ(write(fd, bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
    close(fd);
  }

  static Outcome Execute(const std::string& path) {
    int pipe_fds[2];
    EXPECT_EQ(pipe2(pipe_fds, O_CLOEXEC), 0);
    pid_t child = fork();
    if (child == 0) {
      rlimit no_core = {0, 0};
      setrlimit(RLIMIT_CORE, &no_core);
      char* arguments[] = {const_cast<char*>(path.c_str()), nullptr};
      execve(path.c_str(), arguments, environ);
      int error = errno;
      [[maybe_unused]] ssize_t written = write(pipe_fds[1], &error, sizeof(error));
      _exit(1);
    }
    close(pipe_fds[1]);
    int error = 0;
    ssize_t size = read(pipe_fds[0], &error, sizeof(error));
    close(pipe_fds[0]);
    int status = 0;
    EXPECT_EQ(waitpid(child, &status, 0), child);
    if (size == sizeof(error)) {
      return {Outcome::Kind::kErrno, error};
    }
    if (WIFSIGNALED(status)) {
      return {Outcome::Kind::kKilled, WTERMSIG(status)};
    }
    return {Outcome::Kind::kRan, WEXITSTATUS(status)};
  }

  std::filesystem::path directory_;
};

const Outcome kRuns = {Outcome::Kind::kRan, kTestExitStatus};
const Outcome kDies = {Outcome::Kind::kKilled, SIGSEGV};

// Whether the byte at the plan's entry comes from a mapped, executable page of the file.
bool EntryIsCode(const LoadPlan& plan) {
  bool code = false;
  for (const LoadSegment& segment : plan.segments) {
    if (plan.entry - segment.address < segment.file_bytes) {
      code = (segment.protection & 4) != 0;
    }
  }
  return code;
}

// What the plans say that execve will come to.
Outcome Predict(const Result<LoadPlan>& program, const Result<LoadPlan>* interpreter) {
  if (!program.ok()) {
    return {Outcome::Kind::kErrno, program.error()};
  }
  if (interpreter != nullptr && !interpreter->ok()) {
    return {Outcome::Kind::kErrno, interpreter->error()};
  }
  Layout layout = ChooseLayout({});
  auto fits = [&layout](const LoadPlan& plan, Placement placement) {
    uint64_t bias = placement.kind == Placement::Kind::kBias
                        ? placement.bias
                        : BiasForAddress(plan, layout.mmap_base - plan.span_bytes);
    return plan.deferred_errno == 0 && CheckPlacement(plan, bias).ok();
  };
  if (!fits(*program, PlaceProgram(*program, layout)) ||
      (interpreter != nullptr && !fits(**interpreter, PlaceInterpreter(**interpreter)))) {
    return kDies;
  }
  return EntryIsCode(interpreter != nullptr ? **interpreter : *program) ? kRuns : kDies;
}

TEST_F(ElfNativeTest, ProgramsEndAsOnTheRunningKernel) {
  std::string interpreter_path = Path("interpreter");
  TestImage interpreter_image = PieImage();
  Write(interpreter_path, interpreter_image.Build());
  MemoryImage interpreter_source(interpreter_image.Build());
  Result<LoadPlan> interpreter = PlanInterpreter(interpreter_source);
  ASSERT_TRUE(interpreter.ok());

  for (const NamedImage& image : MalformedImages(interpreter_path)) {
    SCOPED_TRACE(image.name);
    Write(Path("program"), image.bytes);
    MemoryImage source(image.bytes);
    Result<LoadPlan> plan = PlanElf(source);
    bool interpreted = plan.ok() && plan->interpreter.has_value();
    if (interpreted) {
      EXPECT_EQ(*plan->interpreter, interpreter_path);
    }
    EXPECT_EQ(Predict(plan, interpreted ? &interpreter : nullptr), Execute(Path("program")));
  }
}

TEST_F(ElfNativeTest, InterpretersEndAsOnTheRunningKernel) {
  for (bool pie : {false, true}) {
    TestImage program = pie ? PieImage() : FixedImage();
    // The interpreter is what runs, so one that is fixed must not lie where the program does.
    program.load().p_vaddr += 0x1000000;
    program.AddInterpreter(Path("interpreter"));
    Write(Path("program"), program.Build());
    MemoryImage program_source(program.Build());
    Result<LoadPlan> program_plan = PlanElf(program_source);
    ASSERT_TRUE(program_plan.ok());

    for (const NamedImage& image : MalformedInterpreters()) {
      SCOPED_TRACE((pie ? "pie: " : "fixed: ") + image.name);
      Write(Path("interpreter"), image.bytes);
      MemoryImage source(image.bytes);
      Result<LoadPlan> plan = PlanInterpreter(source);
      EXPECT_EQ(Predict(program_plan, &plan), Execute(Path("program")));
    }
  }
}

}  // namespace
}  // namespace ukrun
