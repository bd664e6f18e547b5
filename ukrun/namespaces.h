// The second ring around the sandbox's host processes: namespaces, capabilities,
// no_new_privs. Functions named Enter… and Drop… run in a new child, between fork and
// exec.
#pragma once

#include <cstdint>

namespace ukrun {

// Which namespaces a child is wanted to have. They are asked for all at once and done
// without where the host refuses; `ukrun doctor` tells which it is.
struct NamespacePlan {
  uint64_t clone_flags = 0;  // CLONE_NEW*
  bool empty_root = false;   // see nothing of the host's files; needs CLONE_NEWNS
};

// For the Sentry: everything new, and no files at all. The caller's own user and group
// keep their numbers in the new user namespace.
NamespacePlan SentryNamespaces();

// For the gofer: it has to see the host's files under the host's ids, so it stays in our
// user namespace, and an ordinary user's gofer gets no namespace at all.
NamespacePlan GoferNamespaces();

enum class CapabilityPlan {
  kNone,
  kFilesOfRoot,  // what root needs to reach every file; nothing for an ordinary user
};

// Maps the caller's ids into the new user namespace. Without the map the child would be
// "nobody", which only looks odd; so a refusal is no failure.
void MapOwnIds(uint32_t uid, uint32_t gid);

// Makes an empty, read-only folder the root of the mount namespace, where that is allowed.
void EnterEmptyRoot();

// Drops capabilities for good and sets no_new_privs. Returns an errno value, 0 for success.
int DropPrivileges(CapabilityPlan keep);

}  // namespace ukrun
