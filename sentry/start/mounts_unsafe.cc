#include "sentry/start/mounts.h"

#include "base/check.h"
#include "base/log.h"
#include "base/window.h"
#include "gofer/client.h"
#include "sentry/fs/dev/dev_file_system.h"
#include "sentry/fs/devpts/devpts_file_system.h"
#include "sentry/fs/host/host_file_system.h"
#include "sentry/fs/overlay/keep.h"
#include "sentry/fs/overlay/overlay.h"
#include "sentry/fs/proc/proc_file_system.h"
#include "sentry/fs/sys/cgroup_file_system.h"
#include "sentry/fs/sys/sys_file_system.h"
#include "sentry/fs/tmpfs/tmpfs.h"
#include "sentry/kernel.h"
#include "sentry/start/init_task.h"
#include "sentry/syscalls/errno_names.h"
#include "sentry/vfs/vfs.h"
#include "ukrun/startup.h"

namespace ukrun {
namespace {

// Live as long as the sandbox.
struct MountState {
  std::unique_ptr<GoferClient> gofer;
  std::unique_ptr<MemoryBudget> upper_budget;
  struct Layer {
    std::string place;  // where it is mounted
    RefPtr<OverlayFileSystem> overlay;
  };
  std::vector<Layer> overlays;
  // Writable trees of the host, some of whose names are in memory.
  struct Bind {
    std::string place;
    RefPtr<HostFileSystem> tree;
  };
  std::vector<Bind> binds;
};
constinit MountState* g_state = nullptr;

void GoferBroken(std::string_view reason) { Panic(Format("the gofer: {}", reason)); }

HostIdentity IdentityOf(const SandboxSettings& settings) {
  HostIdentity identity;
  identity.host_uid = settings.host_uid;
  identity.host_gid = settings.host_gid;
  // `--user 0` shows the caller's files as root's; another user sees them as they are.
  bool as_root = settings.uid == 0;
  identity.uid = as_root ? settings.uid : settings.host_uid;
  identity.gid = as_root ? settings.gid : settings.host_gid;
  return identity;
}

Result<RefPtr<FileSystem>> MakeOverlay(const SandboxSettings& settings, const MountSetting& mount) {
  RefPtr<FileSystem> lower =
      TRY(HostFileSystem::Create(*g_state->gofer, mount.attach, IdentityOf(settings), false));
  RefPtr<OverlayFileSystem> overlay =
      OverlayFileSystem::Create(std::move(lower), *g_state->upper_budget);
  g_state->overlays.push_back({mount.destination, overlay});
  return RefPtr<FileSystem>(std::move(overlay));
}

Result<RefPtr<FileSystem>> MakeBind(const SandboxSettings& settings, const MountSetting& mount) {
  bool writable = !mount.read_only;
  MemoryBudget* budget = writable ? g_state->upper_budget.get() : nullptr;
  RefPtr<FileSystem> tree = TRY(HostFileSystem::Create(*g_state->gofer, mount.attach,
                                                       IdentityOf(settings), writable, budget));
  if (writable) {
    g_state->binds.push_back({mount.destination, StaticRefCast<HostFileSystem>(tree)});
  }
  return tree;
}

Result<RefPtr<FileSystem>> MakeFileSystem(const SandboxSettings& settings,
                                          const MountSetting& mount) {
  switch (mount.kind) {
    case MountSetting::Kind::kGofer:
      return MakeBind(settings, mount);
    case MountSetting::Kind::kOverlay:
      return MakeOverlay(settings, mount);
    case MountSetting::Kind::kTmpfs: {
      TmpfsOptions options;
      options.size_bytes = mount.size_bytes == 0 ? settings.upper_bytes : mount.size_bytes;
      options.root_mode = mount.mode == 0 ? 01777 : mount.mode;
      return RefPtr<FileSystem>(TmpfsFileSystem::Create(options));
    }
    case MountSetting::Kind::kProc:
      return ProcFileSystem::Create();
    case MountSetting::Kind::kSys:
      return SysFileSystem::Create();
    case MountSetting::Kind::kDev:
      return DevFileSystem::Create();
  }
  return Fail(EINVAL);
}

MountRequest RequestFor(const MountSetting& mount, RefPtr<FileSystem> file_system) {
  MountRequest request;
  request.file_system = std::move(file_system);
  request.flags = MountFlags{.read_only = mount.read_only,
                             .no_exec = mount.no_exec,
                             .no_suid = mount.no_suid,
                             .no_dev = mount.no_dev};
  request.source = std::string(request.file_system->type_name());
  return request;
}

// The place of a mount; what is missing is made (in the layer above, where there is one).
Result<Path> MakeMountPoint(Task& init, const MountSetting& mount) {
  std::string_view path = mount.destination;
  for (size_t slash = path.find('/', 1); slash != std::string_view::npos;
       slash = path.find('/', slash + 1)) {
    NewInode directory;
    directory.mode = S_IFDIR | 0755;
    Result<Path> made = MakeNode(init, Fd{kAtFdCwd}, path.substr(0, slash), directory);
    if (!made.ok() && !made.Is(EEXIST) && !made.Is(EROFS)) {
      return made;
    }
  }
  Result<Path> there = Walk(init, Fd{kAtFdCwd}, path);
  if (!there.Is(ENOENT)) {
    return there;
  }
  NewInode last;
  last.mode = mount.file ? S_IFREG | 0644u : S_IFDIR | 0755u;
  return MakeNode(init, Fd{kAtFdCwd}, path, last);
}

// A file system that belongs inside the one just mounted, under the same rules.
Result<void> AddInnerMount(Task& init, const MountSetting& outer, std::string_view name,
                           RefPtr<FileSystem> file_system) {
  Path where = TRY(Walk(init, Fd{kAtFdCwd}, Format("{}/{}", outer.destination, name)));
  TRY(AttachMount(where, RequestFor(outer, std::move(file_system))));
  return Ok();
}

Result<void> AddMount(Task& init, const SandboxSettings& settings, const MountSetting& mount) {
  Path where = TRY(MakeMountPoint(init, mount));
  RefPtr<FileSystem> file_system = TRY(MakeFileSystem(settings, mount));
  TRY(AttachMount(where, RequestFor(mount, std::move(file_system))));
  if (mount.kind == MountSetting::Kind::kDev) {
    TRY(AddInnerMount(init, mount, "pts",
                      RefPtr<FileSystem>::Share(&DevptsFileSystem::Instance())));
  }
  if (mount.kind == MountSetting::Kind::kSys) {
    TRY(AddInnerMount(init, mount, "fs/cgroup", TRY(CgroupFileSystem::Create())));
  }
  return Ok();
}

}  // namespace

Result<void> MountEverything(const SandboxSettings& settings) {
  g_state = new MountState;
  g_state->gofer = TRY(GoferClient::Create(startup::kSentryChannelFd, startup::kSentryGoferFd,
                                           reinterpret_cast<void*>(kWindowChannel), &GoferBroken));
  g_state->upper_budget = std::make_unique<MemoryBudget>(settings.upper_bytes);
  const MountSetting& root = settings.mounts.front();
  RefPtr<FileSystem> root_file_system = TRY(MakeFileSystem(settings, root));
  Task& init = MakeInitTask(CreateRootMount(RequestFor(root, std::move(root_file_system))));
  for (size_t i = 1; i < settings.mounts.size(); ++i) {
    const MountSetting& mount = settings.mounts[i];
    Result<void> added = AddMount(init, settings, mount);
    if (!added.ok()) {
      std::string line = Format("ukrun: {} could not be mounted: {}\n", mount.destination,
                                ErrnoName(added.error()));
      HostWriteAll(2, line.data(), line.size());
      return added;
    }
  }
  // The mount points that had to be made are not the guest's doing.
  for (const MountState::Layer& layer : g_state->overlays) {
    layer.overlay->ForgetChangesSoFar();
  }
  return Ok();
}

namespace {

Result<LayerChanges> AllChanges() {
  LayerChanges all;
  for (const MountState::Layer& layer : g_state->overlays) {
    all.Append(TRY(CollectChanges(*layer.overlay)), layer.place);
  }
  for (const MountState::Bind& bind : g_state->binds) {
    all.Append(TRY(bind.tree->memory_names().CollectChanges()), bind.place);
  }
  return all;
}

// Entries in which what the guest sees differs from the host.
uint64_t CountChanges() {
  uint64_t count = 0;
  for (const MountState::Layer& layer : g_state->overlays) {
    count += layer.overlay->ChangedFiles();
  }
  for (const MountState::Bind& bind : g_state->binds) {
    Result<LayerChanges> changes = bind.tree->memory_names().CollectChanges();
    count += changes.ok() ? changes->present.size() : 0;
  }
  return count;
}

Result<KeepReport> KeepEverything(uint32_t attach) {
  return KeepChanges(TRY(AllChanges()), *g_state->gofer, attach);
}

}  // namespace

SandboxEndReport FinishMounts(const SandboxSettings& settings) {
  SandboxEndReport report;
  report.discarded_files = CountChanges();
  if (settings.keep_attach < 0) {
    return report;
  }
  Result<KeepReport> kept = KeepEverything(static_cast<uint32_t>(settings.keep_attach));
  if (!kept.ok()) {
    report.keep_error = std::string(ErrnoName(kept.error()));
    return report;
  }
  report.kept_files = kept->files;
  report.unkept_files = kept->skipped;
  report.discarded_files = 0;
  return report;
}

}  // namespace ukrun
