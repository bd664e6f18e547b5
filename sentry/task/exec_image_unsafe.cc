#include "sentry/task/exec_image.h"

#include <sys/syscall.h>

#include <algorithm>
#include <cstring>

#include "base/host_call.h"
#include "loader/initial_stack.h"
#include "loader/layout.h"
#include "sentry/kernel.h"
#include "sentry/mm/guest_io.h"
#include "sentry/start/settings.h"
#include "sentry/task/thread_group.h"

namespace ukrun {
namespace {

class FileImage final : public ImageSource {
 public:
  explicit FileImage(File& file) : file_(file) {
    Result<Attributes> attributes = file.GetAttributes();
    size_ = attributes.ok() ? attributes->size : 0;
  }
  Result<size_t> ReadAt(uint64_t offset, std::span<std::byte> out) override {
    GuestIo io(out);
    return file_.ReadAt(io, static_cast<int64_t>(offset));
  }
  uint64_t size() const override { return size_; }

 private:
  File& file_;
  uint64_t size_;
};

template <size_t kSize>
std::array<std::byte, kSize> RandomBytes() {
  std::array<std::byte, kSize> bytes{};
  static_cast<void>(HostCall(SYS_getrandom, bytes.data(), bytes.size(), 0));
  return bytes;
}

// Maps the segments of one file.
class ImageMapper {
 public:
  ImageMapper(MemoryManager& mm, UserMemory& memory) : mm_(mm), memory_(memory) {}

  Result<void> MapSegments(File& file, const LoadPlan& plan, uint64_t bias) {
    RefPtr<Mappable> object = TRY(file.GetMappable());
    for (const LoadSegment& segment : plan.segments) {
      if (segment.file_bytes > 0) {
        MapOptions options;
        options.address = segment.address + bias;
        options.size = segment.file_bytes;
        options.protection = segment.protection;
        options.fixed = true;
        options.object = object;
        options.offset = segment.file_offset;
        options.name = file.path();
        TRY(mm_.Map(std::move(options)));
      }
      if (segment.zero_bytes > 0) {
        TRY(memory_.Zero(GuestAddr(segment.zero_address + bias), segment.zero_bytes));
      }
      if (segment.anonymous_bytes > 0) {
        TRY(MapAnonymous(segment.anonymous_address + bias, segment.anonymous_bytes,
                         segment.anonymous_protection, ""));
      }
    }
    return Ok();
  }

  Result<void> MapAnonymous(uint64_t address, uint64_t size, int protection, std::string label) {
    MapOptions options;
    options.address = address;
    options.size = size;
    options.protection = protection;
    options.fixed = true;
    options.label = std::move(label);
    TRY(mm_.Map(std::move(options)));
    return Ok();
  }

  // A free place for the whole plan, found by mapping and unmapping it.
  Result<uint64_t> FindPlace(const LoadPlan& plan) {
    MapOptions options;
    options.size = plan.span_bytes;
    options.protection = PROT_NONE;
    uint64_t address = TRY(mm_.Map(std::move(options)));
    TRY(mm_.Unmap(address, plan.span_bytes));
    return address;
  }

 private:
  MemoryManager& mm_;
  UserMemory& memory_;
};

struct Biases {
  uint64_t program = 0;
  uint64_t interpreter = 0;
};

Result<uint64_t> MapProgram(ImageMapper& mapper, const ProgramImage& image, const Layout& layout) {
  Placement placement = PlaceProgram(image.plan, layout);
  uint64_t bias = placement.bias;
  if (placement.kind == Placement::Kind::kSearch) {
    uint64_t found = AlignFoundAddress(image.plan, TRY(mapper.FindPlace(image.plan)));
    bias = BiasForAddress(image.plan, found);
  }
  TRY(CheckPlacement(image.plan, bias));
  TRY(mapper.MapSegments(*image.file, image.plan, bias));
  return bias;
}

Result<uint64_t> MapInterpreter(ImageMapper& mapper, const ProgramImage& image) {
  Placement placement = PlaceInterpreter(image.interpreter_plan);
  uint64_t bias = placement.bias;
  if (placement.kind == Placement::Kind::kSearch) {
    bias = BiasForAddress(image.interpreter_plan, TRY(mapper.FindPlace(image.interpreter_plan)));
  }
  TRY(CheckPlacement(image.interpreter_plan, bias));
  TRY(mapper.MapSegments(*image.interpreter_file, image.interpreter_plan, bias));
  return bias;
}

InitialStack BuildStack(const Task& task, const ProgramImage& image, const Layout& layout,
                        const Biases& biases) {
  const SandboxSettings& settings = kernel().settings();
  RefPtr<const Credentials> credentials = task.SharedCredentials();
  InitialStackInput input;
  input.stack_top = layout.stack_top;
  input.arguments = image.arguments;
  input.environment = image.environment;
  input.file_name = image.file_name;
  input.random = RandomBytes<16>();
  input.shift = layout.stack_shift;
  AuxValues& aux = input.aux;
  aux.sysinfo_ehdr = settings.vdso_base;
  aux.minimum_signal_stack = settings.minimum_signal_stack;
  aux.hwcap = settings.hwcap;
  aux.hwcap2 = settings.hwcap2;
  aux.clock_ticks = settings.clock_ticks;
  aux.phdr_address = image.plan.phdr_address == 0 ? 0 : image.plan.phdr_address + biases.program;
  aux.phdr_count = image.plan.phdr_count;
  aux.interpreter_base = image.interpreter_file ? biases.interpreter : 0;
  aux.entry = image.plan.entry + biases.program;
  aux.uid = credentials->uid;
  aux.euid = credentials->euid;
  aux.gid = credentials->gid;
  aux.egid = credentials->egid;
  aux.secure = credentials->uid != credentials->euid || credentials->gid != credentials->egid;
  return BuildInitialStack(input);
}

Result<void> MapStack(MemoryManager& mm, UserMemory& memory, const InitialStack& stack,
                      const Layout& layout, const ProgramImage& image, uint64_t limit) {
  MapOptions options;
  options.size = TRY(InitialStackMappingBytes(stack, limit));
  options.address = layout.stack_top - options.size;
  options.protection = PROT_READ | PROT_WRITE | (image.plan.executable_stack ? PROT_EXEC : 0);
  options.fixed = true;
  options.grows_down = true;
  options.label = "[stack]";
  TRY(mm.Map(std::move(options)));
  mm.stack_limit.store(limit);
  return memory.Write(GuestAddr(stack.stack_pointer), stack.bytes.data(), stack.bytes.size());
}

ProgramInfo Describe(const ProgramImage& image, const InitialStack& stack, uint64_t bias) {
  ProgramInfo info;
  info.code_begin = image.plan.code_begin + bias;
  info.code_end = image.plan.code_end + bias;
  info.data_begin = image.plan.data_begin + bias;
  info.data_end = image.plan.data_end + bias;
  info.stack_begin = stack.stack_pointer;
  info.arguments_begin = stack.arg_start;
  info.arguments_end = stack.arg_end;
  info.environment_begin = stack.env_start;
  info.environment_end = stack.env_end;
  for (const abi::AuxEntry& entry : stack.auxv) {
    info.auxiliary_vector.push_back(static_cast<uint64_t>(entry.type));
    info.auxiliary_vector.push_back(entry.value);
  }
  info.executable = image.file;
  return info;
}

}  // namespace

Result<LoadPlan> PlanProgram(File& file) {
  FileImage image(file);
  return PlanElf(image);
}

Result<LoadPlan> PlanProgramInterpreter(File& file) {
  FileImage image(file);
  return PlanInterpreter(image);
}

Result<LoadedImage> NewImage() {
  ForkedSpace fresh = TRY(kernel().platform().NewAddressSpace());
  LoadedImage loaded;
  loaded.context = TRY(fresh.thread->Attach());
  loaded.mm = MakeRef<MemoryManager>(std::move(fresh.space));
  return loaded;
}

Result<void> LoadImage(Task& task, const ProgramImage& image, LoadedImage& loaded) {
  for (int error : {image.plan.deferred_errno, image.interpreter_plan.deferred_errno}) {
    if (error != 0) {
      return Fail(error);
    }
  }
  ThreadGroup& group = task.thread_group();
  uint64_t stack_limit = group.GetLimit(kRlimitStack).soft;
  LayoutInput layout_input;
  layout_input.stack_limit = stack_limit;
  constexpr uint64_t kAddrNoRandomize = 0x0040000;
  layout_input.randomize =
      (group.personality.load() & kAddrNoRandomize) != 0 ? Randomize::kNo : Randomize::kYes;
  layout_input.random = RandomBytes<40>();
  Layout layout = ChooseLayout(layout_input);

  loaded.mm->set_mmap_base(layout.mmap_base);
  UserMemory memory(*loaded.mm);
  ImageMapper mapper(*loaded.mm, memory);

  Biases biases;
  biases.program = TRY(MapProgram(mapper, image, layout));
  loaded.entry = image.plan.entry + biases.program;
  if (image.interpreter_file) {
    biases.interpreter = TRY(MapInterpreter(mapper, image));
    loaded.entry = image.interpreter_plan.entry + biases.interpreter;
  }
  InitialStack stack = BuildStack(task, image, layout, biases);
  TRY(MapStack(*loaded.mm, memory, stack, layout, image, stack_limit));
  loaded.mm->InitializeBreak(ChooseBrkStart(image.plan, biases.program, layout));
  loaded.mm->set_program(Describe(image, stack, biases.program));
  loaded.stack_pointer = stack.stack_pointer;
  return Ok();
}

}  // namespace ukrun
