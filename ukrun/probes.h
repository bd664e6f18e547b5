// Small questions to the host kernel, each answered by trying and never by its version.
// Used by `ukrun doctor`, and by the choice of a platform. Those that change the process
// that asks are tried in a child.
#pragma once

#include <cstdint>
#include <string>

namespace ukrun {

// kernel.yama.ptrace_scope; 0 where Yama is absent.
int YamaScope();

// 0, or the errno value that a process got when it let itself be traced.
int TryPtrace();

// 0, or the errno value of making a process in these new namespaces (CLONE_NEW* flags).
int TryNamespaces(uint64_t clone_flags);

// The version of Landlock's interface; 0 where it is absent or switched off.
int LandlockVersion();

// True when seccomp filters can be installed that kill the whole process.
bool HasSeccomp();

// 0, or the errno value of the call.
int TryIoUring();
int TryOpenat2();
int TryMemfd();

// True when processor and kernel have memory protection keys for user pages.
bool HasProtectionKeys();

// The most descriptors that a process of ours may have.
uint64_t DescriptorLimit();

}  // namespace ukrun
