// Whether a task may look into another: ptrace(2), "Ptrace access mode checking".
#pragma once

#include <cstdint>

namespace ukrun {

class Credentials;
class Task;

// The ids that are compared: those of file access (procfs), or the real ones (system calls).
enum class AccessIds : uint8_t { kFileSystem, kReal };

// Thread rule: the accessor's own thread; not under the tree lock.
bool MayAccess(const Task& accessor, const Task& target, AccessIds ids);

// True for the same user and group in all their forms, as `uid` and `gid` see it.
bool IsSameUser(uint32_t uid, uint32_t gid, const Credentials& target);

}  // namespace ukrun
