#include "platform/ptrace/ptrace_platform.h"

#include <sys/mman.h>
#include <sys/syscall.h>

#include <cstring>

#include "base/host_call.h"
#include "platform/ptrace/address_space.h"
#include "platform/ptrace/context.h"
#include "platform/ptrace/stub.h"

namespace ukrun {
namespace {

class PtracePlatform final : public Platform {
 public:
  explicit PtracePlatform(const PlatformOptions& options) : shared_(options) {}

  // The stub page is mapped once here and inherited by every host process.
  Result<void> MapStub() {
    TRY(HostCall(SYS_mmap, kWindowStub, ptrace::kStubBytes, PROT_READ | PROT_WRITE,
                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0));
    size_t size = static_cast<size_t>(ptrace::UkrunPtraceStubEnd - ptrace::UkrunPtraceStubBegin);
    std::memcpy(reinterpret_cast<void*>(kWindowStub), ptrace::UkrunPtraceStubBegin, size);
    TRY(HostCall(SYS_mprotect, kWindowStub, ptrace::kStubBytes, PROT_READ | PROT_EXEC));
    return Ok();
  }

  Result<void> WatchProcesses() { return shared_.watch.Start(); }

  std::string_view name() const override { return "ptrace"; }
  PlatformCapabilities capabilities() const override { return {}; }
  Result<ForkedSpace> NewAddressSpace() override {
    return ptrace::PtraceAddressSpace::CreateEmpty(shared_);
  }

 private:
  ptrace::Shared shared_;
};

}  // namespace

Result<std::unique_ptr<Platform>> MakePtracePlatform(const PlatformOptions& options) {
  auto platform = std::make_unique<PtracePlatform>(options);
  TRY(platform->MapStub());
  TRY(ptrace::PtraceContext::IgnoreLateInterrupts());
  TRY(platform->WatchProcesses());
  return std::unique_ptr<Platform>(std::move(platform));
}

}  // namespace ukrun
