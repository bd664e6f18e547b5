// Calls that move data: read(2), writev(2), sendfile(2), fallocate(2), …
#include <sys/syscall.h>

#include "sentry/strace/formats.h"
#include "sentry/strace/names.h"
#include "sentry/strace/rows.h"
#include "sentry/strace/vectors.h"

namespace ukrun::strace {
namespace {

// The count stands behind the array.
template <size_t kCountAt>
void FormatVector(const Call& call, uint64_t value, std::string& out) {
  AppendVector(call, value, call.arguments[kCountAt], UINT64_MAX, out);
}
template <size_t kCountAt>
void FormatVectorReturned(const Call& call, uint64_t value, std::string& out) {
  AppendVector(call, value, call.arguments[kCountAt], static_cast<uint64_t>(call.result), out);
}
template <size_t kCountAt>
constexpr Argument kVector{&FormatVector<kCountAt>};
template <size_t kCountAt>
constexpr Argument kVectorReturned{&FormatAddress, &FormatVectorReturned<kCountAt>};

// The memory of another process: only addresses mean something.
template <size_t kCountAt>
void FormatRemoteVector(const Call& call, uint64_t value, std::string& out) {
  AppendVector(call, value, call.arguments[kCountAt], 0, out);
}
template <size_t kCountAt>
constexpr Argument kRemoteVector{&FormatRemoteVector<kCountAt>};

constexpr auto kRows = std::to_array<CallFormat>({
    {SYS_read, {kType, kDataReturned}},
    {SYS_write, {kType, kDataSized<2>}},
    {SYS_pread64, {kType, kDataReturned}},
    {SYS_pwrite64, {kType, kDataSized<2>}},
    {SYS_readv, {kType, kVectorReturned<2>}},
    {SYS_writev, {kType, kVector<2>}},
    {SYS_preadv, {kType, kVectorReturned<2>}},
    {SYS_pwritev, {kType, kVector<2>}},
    {SYS_preadv2, {kType, kVectorReturned<2>, kType, kType, kType, kNamed<kReadWriteFlags>}},
    {SYS_pwritev2, {kType, kVector<2>, kType, kType, kType, kNamed<kReadWriteFlags>}},
    {SYS_vmsplice, {kType, kVector<2>, kType, kNamed<kSpliceFlags>}},
    {SYS_splice, {kType, kType, kType, kType, kType, kNamed<kSpliceFlags>}},
    {SYS_tee, {kType, kType, kType, kNamed<kSpliceFlags>}},
    {SYS_lseek, {kType, kType, kNamed<kWhence>}},
    {SYS_fallocate, {kType, kNamed<kAllocateModes>}},
    {SYS_fadvise64, {kType, kType, kType, kNamed<kFileAdvice>}},
    {SYS_sync_file_range, {kType, kType, kType, kNamed<kSyncRangeFlags>}},
    {SYS_process_vm_readv, {kType, kVectorReturned<2>, kType, kRemoteVector<4>}},
    {SYS_process_vm_writev, {kType, kVector<2>, kType, kRemoteVector<4>}},
});

}  // namespace

std::span<const CallFormat> DataRows() { return kRows; }

}  // namespace ukrun::strace
