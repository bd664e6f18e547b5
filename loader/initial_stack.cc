#include "loader/initial_stack.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"
#include "loader/elf.h"

namespace ukrun {
namespace {

using abi::AuxEntry;
using abi::AuxType;

// Linux leaves one null pointer above the strings.
constexpr uint64_t kTopBytes = sizeof(uint64_t);
// The stack that Linux maps ahead of need (setup_arg_pages).
constexpr uint64_t kExtraStackBytes = 128 * 1024;
constexpr std::string_view kPlatform = "x86_64";
constexpr uint64_t kMostShift = 8192;

uint64_t StringBytes(std::span<const std::string> strings) {
  uint64_t bytes = 0;
  for (const std::string& string : strings) {
    bytes += string.size() + 1;
  }
  return bytes;
}

// Writes into the stack's bytes by guest address.
class StackWriter {
 public:
  StackWriter(InitialStack& stack, uint64_t stack_top) : stack_(stack) {
    stack_.bytes.resize(stack_top - stack.stack_pointer);
  }

  void Seek(uint64_t address) { position_ = address; }
  uint64_t position() const { return position_; }

  void Write(const void* data, size_t size) {
    uint64_t offset = position_ - stack_.stack_pointer;
    UKRUN_CHECK(offset <= stack_.bytes.size() && size <= stack_.bytes.size() - offset);
    if (size != 0) {
      std::memcpy(stack_.bytes.data() + offset, data, size);
    }
    position_ += size;
  }
  void WriteWord(uint64_t value) { Write(&value, sizeof(value)); }
  // The NUL is in the zeros that the stack starts with.
  void WriteString(std::string_view text) {
    Write(text.data(), text.size());
    ++position_;
  }

 private:
  InitialStack& stack_;
  uint64_t position_ = 0;
};

// Where the parts of the stack lie.
struct Addresses {
  uint64_t file_name;
  uint64_t platform;
  uint64_t random;
};

// In Linux's order (create_elf_tables), so that /proc/PID/auxv reads the same.
std::vector<AuxEntry> BuildAuxv(const AuxValues& values, const Addresses& addresses) {
  std::vector<AuxEntry> auxv;
  auto add = [&auxv](AuxType type, uint64_t value) { auxv.push_back({type, value}); };
  if (values.sysinfo_ehdr != 0) {
    add(AuxType::kSysinfoEhdr, values.sysinfo_ehdr);
  }
  if (values.minimum_signal_stack != 0) {
    add(AuxType::kMinimumSignalStack, values.minimum_signal_stack);
  }
  add(AuxType::kHwcap, values.hwcap);
  add(AuxType::kPageSize, kPageSize);
  add(AuxType::kClockTicks, values.clock_ticks);
  add(AuxType::kPhdr, values.phdr_address);
  add(AuxType::kPhent, 56);
  add(AuxType::kPhnum, values.phdr_count);
  add(AuxType::kBase, values.interpreter_base);
  add(AuxType::kFlags, 0);
  add(AuxType::kEntry, values.entry);
  add(AuxType::kUid, values.uid);
  add(AuxType::kEuid, values.euid);
  add(AuxType::kGid, values.gid);
  add(AuxType::kEgid, values.egid);
  add(AuxType::kSecure, values.secure ? 1 : 0);
  add(AuxType::kRandom, addresses.random);
  add(AuxType::kHwcap2, values.hwcap2);
  add(AuxType::kExecFilename, addresses.file_name);
  add(AuxType::kPlatform, addresses.platform);
  if (values.rseq_feature_size != 0) {
    add(AuxType::kRseqFeatureSize, values.rseq_feature_size);
    add(AuxType::kRseqAlign, values.rseq_align);
  }
  add(AuxType::kNull, 0);
  return auxv;
}

// Writes a table of pointers to the strings that start at `address`, and its null.
void WritePointers(StackWriter& writer, std::span<const std::string> strings, uint64_t address) {
  for (const std::string& string : strings) {
    writer.WriteWord(address);
    address += string.size() + 1;
  }
  writer.WriteWord(0);
}

}  // namespace

Result<ArgumentBudget> ArgumentBudget::Create(uint64_t argument_count, uint64_t environment_count,
                                              uint64_t stack_limit) {
  uint64_t limit = std::max(std::min(kMostArgumentBytes, stack_limit / 4), kLeastArgumentBytes);
  // Room for the empty string that an empty argument list gets.
  argument_count = std::max(argument_count, uint64_t{1});
  uint64_t most_pointers = limit / sizeof(uint64_t);
  if (argument_count >= most_pointers || environment_count >= most_pointers - argument_count) {
    return Fail(E2BIG);
  }
  limit -= (argument_count + environment_count) * sizeof(uint64_t);
  // The strings are put on a real stack, which can't be larger than it may grow; its first
  // page always exists.
  uint64_t stack = std::max(PageFloor(stack_limit), kPageSize) - kTopBytes;
  return ArgumentBudget(std::min(limit, stack));
}

Result<void> ArgumentBudget::Charge(uint64_t length) {
  if (length >= kMaxArgumentBytes || length >= left_) {
    return Fail(E2BIG);
  }
  left_ -= length + 1;
  return Ok();
}

uint64_t ArgumentBudget::LongestString() const {
  uint64_t with_nul = std::min(left_, uint64_t{kMaxArgumentBytes});
  return with_nul == 0 ? 0 : with_nul - 1;
}

InitialStack BuildInitialStack(const InitialStackInput& input) {
  const std::string empty;
  std::span<const std::string> arguments = input.arguments;
  if (arguments.empty()) {
    arguments = std::span(&empty, 1);
  }
  UKRUN_CHECK(input.shift < kMostShift);

  InitialStack stack;
  Addresses addresses{};
  addresses.file_name = input.stack_top - kTopBytes - input.file_name.size() - 1;
  stack.env_end = addresses.file_name;
  stack.env_start = stack.env_end - StringBytes(input.environment);
  stack.arg_end = stack.env_start;
  stack.arg_start = stack.arg_end - StringBytes(arguments);
  addresses.platform = ((stack.arg_start - input.shift) & ~uint64_t{15}) - kPlatform.size() - 1;
  addresses.random = addresses.platform - input.random.size();

  stack.auxv = BuildAuxv(input.aux, addresses);
  uint64_t words = 1 + (arguments.size() + 1) + (input.environment.size() + 1);
  uint64_t table_bytes = words * sizeof(uint64_t) + stack.auxv.size() * sizeof(AuxEntry);
  stack.stack_pointer = (addresses.random - table_bytes) & ~uint64_t{15};

  StackWriter writer(stack, input.stack_top);
  writer.Seek(stack.stack_pointer);
  writer.WriteWord(arguments.size());
  WritePointers(writer, arguments, stack.arg_start);
  WritePointers(writer, input.environment, stack.env_start);
  writer.Write(stack.auxv.data(), stack.auxv.size() * sizeof(AuxEntry));
  writer.Seek(addresses.random);
  writer.Write(input.random.data(), input.random.size());
  writer.WriteString(kPlatform);
  writer.Seek(stack.arg_start);
  for (const std::string& argument : arguments) {
    writer.WriteString(argument);
  }
  for (const std::string& variable : input.environment) {
    writer.WriteString(variable);
  }
  writer.WriteString(input.file_name);
  return stack;
}

Result<uint64_t> InitialStackMappingBytes(const InitialStack& stack, uint64_t stack_limit) {
  uint64_t used = PageCeil(stack.bytes.size());
  uint64_t top = stack.stack_pointer + stack.bytes.size();
  uint64_t strings = PageCeil(top - stack.arg_start);
  uint64_t limit = PageFloor(stack_limit);
  uint64_t mapped = std::max(strings, std::min(limit, strings + kExtraStackBytes));
  if (used > mapped && used > limit) {
    return Fail(EFAULT);
  }
  return std::max(used, mapped);
}

}  // namespace ukrun
