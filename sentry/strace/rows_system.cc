// Calls about the machine, and of those that are not served, what their arguments are.
#include <sys/syscall.h>

#include "sentry/strace/formats.h"
#include "sentry/strace/names.h"
#include "sentry/strace/rows.h"

namespace ukrun::strace {
namespace {

constexpr auto kRows = std::to_array<CallFormat>({
    {SYS_getrandom, {kDataReturned, kType, kNamed<kRandomFlags>}},
    {SYS_sethostname, {kDataSized<1>}},
    {SYS_setdomainname, {kDataSized<1>}},
    {SYS_syslog, {kType, kDataReturned}},
    {SYS_shmget, {kHex, kUnsigned, kHex}},
    {SYS_shmat, {kSigned, kAddress, kHex}},
    {SYS_shmctl, {kSigned, kSigned, kAddress}},
    {SYS_shmdt, {kAddress}},
    {SYS_semget, {kHex, kSigned, kHex}},
    {SYS_semop, {kSigned, kAddress, kUnsigned}},
    {SYS_semctl, {kSigned, kSigned, kSigned, kHex}},
    {SYS_msgget, {kHex, kHex}},
    {SYS_msgsnd, {kSigned, kAddress, kUnsigned, kHex}},
    {SYS_msgrcv, {kSigned, kAddress, kUnsigned, kSigned64, kHex}},
    {SYS_msgctl, {kSigned, kSigned, kAddress}},
    {SYS_mq_open, {kPath, kNamed<kOpenFlags>, kMode, kAddress}},
    {SYS_io_uring_setup, {kUnsigned, kAddress}},
    {SYS_io_setup, {kUnsigned, kAddress}},
    {SYS_bpf, {kUnsigned, kAddress, kUnsigned}},
    {SYS_perf_event_open, {kAddress, kSigned, kSigned, kSigned, kHex}},
    {SYS_userfaultfd, {kHex}},
    {SYS_landlock_create_ruleset, {kAddress, kUnsigned, kHex}},
    {SYS_add_key, {kPath, kPath, kAddress, kUnsigned, kSigned}},
    {SYS_request_key, {kPath, kPath, kPath, kSigned}},
    {SYS_keyctl, {kUnsigned, kHex, kHex, kHex, kHex}},
    {SYS_get_mempolicy, {kAddress, kAddress, kUnsigned, kAddress, kHex}},
    {SYS_set_mempolicy, {kHex, kAddress, kUnsigned}},
    {SYS_mbind, {kAddress, kUnsigned, kHex, kAddress, kUnsigned, kHex}},
    {SYS_modify_ldt, {kSigned, kAddress, kUnsigned}},
    {SYS_reboot, {kHex, kHex, kHex, kAddress}},
});

}  // namespace

std::span<const CallFormat> SystemRows() { return kRows; }

}  // namespace ukrun::strace
