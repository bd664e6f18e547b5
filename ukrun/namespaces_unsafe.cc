#include "ukrun/namespaces.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <string>

#include "absl/strings/str_cat.h"
#include "base/host_fd.h"

namespace ukrun {
namespace {

void WriteFile(const char* path, const std::string& text) {
  HostFd file(open(path, O_WRONLY | O_CLOEXEC));
  // A refusal shows in what the child may do later, not here.
  [[maybe_unused]] ssize_t written = write(file.get(), text.data(), text.size());
}

constexpr uint64_t Bit(int capability) { return uint64_t{1} << capability; }

// Reaching, owning and changing files of anybody, as the caller's own shell could.
constexpr uint64_t kFileCapabilities = Bit(CAP_CHOWN) | Bit(CAP_DAC_OVERRIDE) |
                                       Bit(CAP_DAC_READ_SEARCH) | Bit(CAP_FOWNER) | Bit(CAP_FSETID);

int SetCapabilities(uint64_t wanted) {
  __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[2] = {};
  if (syscall(SYS_capget, &header, data) != 0) {
    return errno;
  }
  uint64_t permitted = data[0].permitted | uint64_t{data[1].permitted} << 32;
  uint64_t kept = permitted & wanted;
  auto low = static_cast<uint32_t>(kept);
  auto high = static_cast<uint32_t>(kept >> 32);
  data[0] = {low, low, 0};
  data[1] = {high, high, 0};
  return syscall(SYS_capset, &header, data) == 0 ? 0 : errno;
}

}  // namespace

NamespacePlan SentryNamespaces() {
  NamespacePlan plan;
  plan.clone_flags =
      CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS;
  plan.empty_root = true;
  return plan;
}

NamespacePlan GoferNamespaces() {
  NamespacePlan plan;
  if (geteuid() == 0) {
    plan.clone_flags = CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS;
  }
  return plan;
}

void MapOwnIds(uint32_t uid, uint32_t gid) {
  WriteFile("/proc/self/uid_map", absl::StrCat(uid, " ", uid, " 1"));
  WriteFile("/proc/self/setgroups", "deny");
  WriteFile("/proc/self/gid_map", absl::StrCat(gid, " ", gid, " 1"));
}

void EnterEmptyRoot() {
  // Any folder serves to hang the new root on; this one exists on every Linux.
  constexpr const char* kPlace = "/proc";
  constexpr unsigned long kFlags = MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC;
  if (mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
      mount("none", kPlace, "tmpfs", kFlags, "size=4k,nr_inodes=2") != 0 || chdir(kPlace) != 0) {
    return;
  }
  // The old root lands on top of the new one and is taken away from there.
  if (syscall(SYS_pivot_root, ".", ".") == 0) {
    umount2(".", MNT_DETACH);
  }
  [[maybe_unused]] int result = chdir("/");
}

int DropPrivileges(CapabilityPlan keep) {
  uint64_t wanted = keep == CapabilityPlan::kFilesOfRoot ? kFileCapabilities : 0;
  for (int capability = 0; prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; ++capability) {
    if ((wanted & Bit(capability)) == 0) {
      // Refused to who has no such right, and then there is nothing to drop.
      prctl(PR_CAPBSET_DROP, capability, 0, 0, 0);
    }
  }
  prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
  if (int error = SetCapabilities(wanted); error != 0) {
    return error;
  }
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 ? 0 : errno;
}

}  // namespace ukrun
