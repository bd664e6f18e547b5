#include "loader/initial_stack.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/auxv.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>

namespace ukrun {
namespace {

using abi::AuxEntry;
using abi::AuxType;

constexpr uint64_t kMiB = uint64_t{1} << 20;
constexpr uint64_t kNoLimit = ~uint64_t{0};

uint64_t WordAt(const InitialStack& stack, uint64_t address) {
  uint64_t value = 0;
  std::memcpy(&value, stack.bytes.data() + (address - stack.stack_pointer), sizeof(value));
  return value;
}

std::string StringAt(const InitialStack& stack, uint64_t address) {
  std::string text(stack.bytes.size() - (address - stack.stack_pointer), '\0');
  std::memcpy(text.data(), stack.bytes.data() + (address - stack.stack_pointer), text.size());
  return text.substr(0, text.find('\0'));
}

TEST(InitialStackTest, HoldsArgumentsEnvironmentAndVector) {
  std::vector<std::string> arguments = {"prog", "", "two words"};
  std::vector<std::string> environment = {"A=1", "B="};
  InitialStackInput input;
  input.stack_top = 0x7ffffffff000;
  input.arguments = arguments;
  input.environment = environment;
  input.file_name = "/bin/prog";
  input.aux.entry = 0x1234;
  input.random.fill(std::byte{0xab});
  InitialStack stack = BuildInitialStack(input);

  EXPECT_EQ(stack.stack_pointer % 16, 0u);
  EXPECT_EQ(stack.stack_pointer + stack.bytes.size(), input.stack_top);
  uint64_t at = stack.stack_pointer;
  EXPECT_EQ(WordAt(stack, at), 3u);
  EXPECT_EQ(StringAt(stack, WordAt(stack, at + 8)), "prog");
  EXPECT_EQ(StringAt(stack, WordAt(stack, at + 16)), "");
  EXPECT_EQ(StringAt(stack, WordAt(stack, at + 24)), "two words");
  EXPECT_EQ(WordAt(stack, at + 32), 0u);
  EXPECT_EQ(StringAt(stack, WordAt(stack, at + 40)), "A=1");
  EXPECT_EQ(StringAt(stack, WordAt(stack, at + 48)), "B=");
  EXPECT_EQ(WordAt(stack, at + 56), 0u);
  at += 64;
  for (const AuxEntry& entry : stack.auxv) {
    EXPECT_EQ(WordAt(stack, at), static_cast<uint64_t>(entry.type));
    EXPECT_EQ(WordAt(stack, at + 8), entry.value);
    if (entry.type == AuxType::kRandom) {
      EXPECT_EQ(WordAt(stack, entry.value), 0xabab'abab'abab'ababu);
      EXPECT_EQ(WordAt(stack, entry.value + 8), 0xabab'abab'abab'ababu);
    } else if (entry.type == AuxType::kExecFilename) {
      EXPECT_EQ(StringAt(stack, entry.value), "/bin/prog");
    } else if (entry.type == AuxType::kPlatform) {
      EXPECT_EQ(StringAt(stack, entry.value), "x86_64");
    } else if (entry.type == AuxType::kEntry) {
      EXPECT_EQ(entry.value, 0x1234u);
    }
    at += 16;
  }
  EXPECT_EQ(stack.auxv.back(), (AuxEntry{AuxType::kNull, 0}));
  EXPECT_EQ(stack.arg_end - stack.arg_start, 5u + 1 + 10);
  EXPECT_EQ(stack.env_start, stack.arg_end);
  EXPECT_EQ(stack.env_end - stack.env_start, 4u + 3);
}

TEST(InitialStackTest, AnEmptyArgumentListGetsOneEmptyString) {
  InitialStackInput input;
  input.stack_top = 0x7ffffffff000;
  InitialStack stack = BuildInitialStack(input);
  EXPECT_EQ(WordAt(stack, stack.stack_pointer), 1u);
  EXPECT_EQ(StringAt(stack, WordAt(stack, stack.stack_pointer + 8)), "");
  EXPECT_EQ(WordAt(stack, stack.stack_pointer + 16), 0u);
}

TEST(InitialStackTest, EveryShiftKeepsTheAlignment) {
  InitialStackInput input;
  input.stack_top = 0x7ffffffff000;
  for (uint64_t shift = 0; shift < 8192; shift += 7) {
    input.shift = shift;
    EXPECT_EQ(BuildInitialStack(input).stack_pointer % 16, 0u);
  }
}

TEST(InitialStackTest, MapsMoreThanIsUsedWithinTheLimit) {
  InitialStackInput input;
  input.stack_top = 0x7ffffffff000;
  InitialStack stack = BuildInitialStack(input);
  EXPECT_EQ(*InitialStackMappingBytes(stack, 8 * kMiB), 0x21000u);
  EXPECT_EQ(*InitialStackMappingBytes(stack, kNoLimit), 0x21000u);
  EXPECT_EQ(*InitialStackMappingBytes(stack, 0x8fff), 0x8000u);
  EXPECT_EQ(*InitialStackMappingBytes(stack, 0), 0x1000u);
  input.shift = 8000;
  EXPECT_EQ(InitialStackMappingBytes(BuildInitialStack(input), 0x1000).error(), EFAULT);
}

// This process's own stack as execve left it, copied before main (which may change it).
struct OwnStack {
  OwnStack() {
    std::ifstream file("/proc/self/stat");
    std::string text;
    std::getline(file, text);
    std::istringstream fields(text.substr(text.rfind(')') + 2));
    std::string field;
    // The name was the second field; those asked for are 28, 48, 49, 50 and 51.
    for (int number = 3; fields >> field; ++number) {
      uint64_t value = std::strtoull(field.c_str(), nullptr, 10);
      switch (number) {
        case 28:
          pointer = value;
          break;
        case 48:
          arg_start = value;
          break;
        case 49:
          arg_end = value;
          break;
        case 50:
          env_start = value;
          break;
        case 51:
          env_end = value;
          break;
        default:
          break;
      }
    }
    file_name = reinterpret_cast<const char*>(getauxval(AT_EXECFN));
    top = getauxval(AT_EXECFN) + file_name.size() + 1 + 8;
    bytes.resize(top - pointer);
    std::memcpy(bytes.data(), reinterpret_cast<const void*>(pointer), bytes.size());
  }

  std::vector<std::string> Strings(uint64_t begin, uint64_t end) const {
    std::vector<std::string> strings;
    while (begin < end) {
      strings.emplace_back(reinterpret_cast<const char*>(bytes.data()) + (begin - pointer));
      begin += strings.back().size() + 1;
    }
    return strings;
  }

  uint64_t pointer = 0;
  uint64_t arg_start = 0;
  uint64_t arg_end = 0;
  uint64_t env_start = 0;
  uint64_t env_end = 0;
  uint64_t top = 0;
  std::string file_name;
  std::vector<std::byte> bytes;
};
const OwnStack own_stack;

// As the kernel gave it; getauxval(3) changes some (AT_HWCAP).
uint64_t AuxValue(AuxType type) {
  std::ifstream file("/proc/self/auxv", std::ios::binary);
  AuxEntry entry{};
  while (file.read(reinterpret_cast<char*>(&entry), sizeof(entry)) && entry.type != type) {
  }
  return entry.type == type ? entry.value : 0;
}

TEST(InitialStackTest, IsTheRunningKernelsByteForByte) {
  std::vector<std::string> arguments = own_stack.Strings(own_stack.arg_start, own_stack.arg_end);
  std::vector<std::string> environment = own_stack.Strings(own_stack.env_start, own_stack.env_end);
  InitialStackInput input;
  input.stack_top = own_stack.top;
  input.arguments = arguments;
  input.environment = environment;
  input.file_name = own_stack.file_name;
  input.aux.sysinfo_ehdr = AuxValue(AuxType::kSysinfoEhdr);
  input.aux.minimum_signal_stack = AuxValue(AuxType::kMinimumSignalStack);
  input.aux.hwcap = AuxValue(AuxType::kHwcap);
  input.aux.hwcap2 = AuxValue(AuxType::kHwcap2);
  input.aux.phdr_address = AuxValue(AuxType::kPhdr);
  input.aux.phdr_count = AuxValue(AuxType::kPhnum);
  input.aux.interpreter_base = AuxValue(AuxType::kBase);
  input.aux.entry = AuxValue(AuxType::kEntry);
  input.aux.uid = getuid();
  input.aux.euid = geteuid();
  input.aux.gid = getgid();
  input.aux.egid = getegid();
  input.aux.rseq_feature_size = AuxValue(AuxType::kRseqFeatureSize);
  input.aux.rseq_align = AuxValue(AuxType::kRseqAlign);
  const auto* random = reinterpret_cast<const void*>(AuxValue(AuxType::kRandom));
  std::memcpy(input.random.data(), random, input.random.size());
  input.shift = own_stack.arg_start - (AuxValue(AuxType::kPlatform) + sizeof("x86_64"));

  InitialStack stack = BuildInitialStack(input);
  EXPECT_EQ(stack.stack_pointer, own_stack.pointer);
  EXPECT_EQ(stack.arg_start, own_stack.arg_start);
  EXPECT_EQ(stack.arg_end, own_stack.arg_end);
  EXPECT_EQ(stack.env_start, own_stack.env_start);
  EXPECT_EQ(stack.env_end, own_stack.env_end);
  ASSERT_EQ(stack.bytes.size(), own_stack.bytes.size());
  for (size_t i = 0; i < stack.bytes.size(); ++i) {
    ASSERT_EQ(stack.bytes[i], own_stack.bytes[i]) << "offset " << i;
  }
}

// 0, or the errno of an execve of /bin/true with these arguments.
int NativeExecErrno(const std::vector<std::string>& arguments, uint64_t stack_limit) {
  std::vector<char*> pointers;
  for (const std::string& argument : arguments) {
    pointers.push_back(const_cast<char*>(argument.c_str()));
  }
  pointers.push_back(nullptr);
  char* no_environment[] = {nullptr};
  int fds[2];
  EXPECT_EQ(pipe2(fds, O_CLOEXEC), 0);
  pid_t child = fork();
  if (child == 0) {
    rlimit limit{};
    getrlimit(RLIMIT_STACK, &limit);
    limit.rlim_cur = stack_limit;
    setrlimit(RLIMIT_STACK, &limit);
    rlimit no_core = {0, 0};
    setrlimit(RLIMIT_CORE, &no_core);
    execve("/bin/true", pointers.data(), no_environment);
    int error = errno;
    [[maybe_unused]] ssize_t written = write(fds[1], &error, sizeof(error));
    _exit(1);
  }
  close(fds[1]);
  int error = 0;
  [[maybe_unused]] ssize_t size = read(fds[0], &error, sizeof(error));
  close(fds[0]);
  waitpid(child, nullptr, 0);
  return error;
}

// The limit on all strings and pointers, roughly: enough to choose the sizes of strings so
// that their total is what fails, not one of them.
struct LimitCase {
  uint64_t stack_limit;
  uint64_t total;
};

TEST(ArgumentBudgetTest, TheLimitIsTheRunningKernelsToTheByte) {
  constexpr size_t kCount = 80;
  for (const LimitCase& limit :
       {LimitCase{8192, 8192}, LimitCase{0x10000, 0x10000}, LimitCase{0x20123, 0x20000},
        LimitCase{kMiB / 4, kMiB / 8}, LimitCase{kMiB, kMiB / 4}, LimitCase{8 * kMiB, 2 * kMiB},
        LimitCase{20 * kMiB, 5 * kMiB}, LimitCase{64 * kMiB, 6 * kMiB}}) {
    SCOPED_TRACE(limit.stack_limit);
    ArgumentBudget budget = *ArgumentBudget::Create(kCount, 0, limit.stack_limit);
    EXPECT_TRUE(budget.Charge(std::strlen("/bin/true")).ok());
    std::vector<std::string> arguments(kCount - 1, std::string(limit.total / kCount - 16, 'x'));
    for (const std::string& argument : arguments) {
      ASSERT_TRUE(budget.Charge(argument.size()).ok());
    }
    arguments.emplace_back(budget.LongestString(), 'x');
    EXPECT_EQ(NativeExecErrno(arguments, limit.stack_limit), 0);
    arguments.back().push_back('x');
    EXPECT_EQ(NativeExecErrno(arguments, limit.stack_limit), E2BIG);
  }
}

TEST(ArgumentBudgetTest, OneStringMayHave128KiB) {
  ArgumentBudget budget = *ArgumentBudget::Create(2, 0, 8 * kMiB);
  EXPECT_EQ(budget.LongestString(), kMaxArgumentBytes - 1);
  EXPECT_TRUE(budget.Charge(kMaxArgumentBytes - 1).ok());
  EXPECT_EQ(budget.Charge(kMaxArgumentBytes).error(), E2BIG);
  EXPECT_EQ(budget.Charge(~uint64_t{0}).error(), E2BIG);
  EXPECT_EQ(NativeExecErrno({"true", std::string(kMaxArgumentBytes - 1, 'x')}, 8 * kMiB), 0);
  EXPECT_EQ(NativeExecErrno({"true", std::string(kMaxArgumentBytes, 'x')}, 8 * kMiB), E2BIG);
}

TEST(ArgumentBudgetTest, PointersCountToo) {
  uint64_t pointers = 2 * kMiB / 8;
  EXPECT_EQ(ArgumentBudget::Create(pointers, 0, 8 * kMiB).error(), E2BIG);
  EXPECT_EQ(ArgumentBudget::Create(0, pointers - 1, 8 * kMiB).error(), E2BIG);
  EXPECT_EQ(ArgumentBudget::Create(~uint64_t{0}, ~uint64_t{0}, 8 * kMiB).error(), E2BIG);
  EXPECT_EQ(ArgumentBudget::Create(pointers / 2, ~uint64_t{0}, 8 * kMiB).error(), E2BIG);
  ArgumentBudget budget = *ArgumentBudget::Create(pointers - 1, 0, 8 * kMiB);
  EXPECT_EQ(budget.LongestString(), 7u);
  EXPECT_TRUE(budget.Charge(7).ok());
  EXPECT_EQ(budget.Charge(0).error(), E2BIG);
  EXPECT_EQ(budget.LongestString(), 0u);
}

TEST(ArgumentBudgetTest, ARefundMakesRoom) {
  ArgumentBudget budget = *ArgumentBudget::Create(1, 0, 8192);
  uint64_t longest = budget.LongestString();
  EXPECT_TRUE(budget.Charge(longest).ok());
  budget.Refund(longest);
  EXPECT_EQ(budget.LongestString(), longest);
}

}  // namespace
}  // namespace ukrun
