// The names of Unix-domain sockets: paths, abstract names, and names that the kernel chooses.

#include <sys/socket.h>
#include <sys/un.h>

#include "sentry/net/unix/unix_socket.h"
#include "sentry/task/task.h"
#include "sentry/vfs/vfs.h"

namespace ukrun {
namespace {

constexpr size_t kFamilySize = sizeof(sa_family_t);
constexpr size_t kLargestName = sizeof(sockaddr_un::sun_path);
// Automatic names have five hexadecimal digits.
constexpr uint32_t kAutomaticNames = uint32_t{1} << 20;

// The sun_path of an address; empty asks for an automatic name.
Result<std::string_view> NameOf(std::string_view address) {
  if (address.size() < kFamilySize || address.size() > kFamilySize + kLargestName ||
      address[0] != AF_UNIX || address[1] != 0) {
    return Fail(EINVAL);
  }
  return address.substr(kFamilySize);
}

bool IsAbstract(std::string_view name) { return name[0] == '\0'; }
// A path ends at its first zero, or fills the structure.
std::string_view PathOf(std::string_view name) { return name.substr(0, name.find('\0')); }

std::string AutomaticName(uint32_t number) {
  std::string name(6, '\0');
  for (size_t i = 5; i > 0; --i) {
    name[i] = "0123456789abcdef"[number & 15];
    number >>= 4;
  }
  return name;
}

}  // namespace

std::string AbstractKey(int32_t type, std::string_view name) {
  std::string key(1, static_cast<char>(type));
  key += name;
  return key;
}

Result<void> UnixSocket::Bind(Task& task, std::string_view address) {
  std::string_view name = TRY(NameOf(address));
  if (name.empty()) {
    return BindAutomatically();
  }
  if (!endpoint_->state().Lock()->name.empty()) {
    return Fail(EINVAL);
  }
  return IsAbstract(name) ? BindAbstract(std::string(name)) : BindPath(task, PathOf(name));
}

Result<void> UnixSocket::BindPath(Task& task, std::string_view path) {
  const Credentials& credentials = task.credentials();
  NewInode what{.mode = S_IFSOCK | 0777, .uid = credentials.fsuid, .gid = credentials.fsgid};
  Result<Path> made = MakeNode(task, Fd{kAtFdCwd}, path, what);
  if (!made.ok()) {
    return made.Is(EEXIST) ? Fail(EADDRINUSE) : made.failure();
  }
  auto node = MakeRef<UnixSocketNode>(endpoint_);
  bool bound = false;
  {
    auto state = endpoint_->state().Lock();
    if (state->name.empty()) {
      state->name = std::string(path) + '\0';
      state->bound_path = *made;
      state->node = node;
      bound = true;
    }
  }
  if (!bound) {
    // Another thread was faster.
    static_cast<void>(Unlink(task, Fd{kAtFdCwd}, path));
    return Fail(EINVAL);
  }
  made->dentry->inode()->attachments().Set(Inode::Attachments::Slot::kUnixSocket, node);
  return Ok();
}

Result<void> UnixSocket::BindAbstract(const std::string& name) {
  auto table = TheUnixTable().Lock();
  auto state = endpoint_->state().Lock();
  if (!state->name.empty()) {
    return Fail(EINVAL);
  }
  auto [place, fresh] = table->abstract_names.emplace(AbstractKey(type(), name), endpoint_.get());
  if (!fresh) {
    return Fail(EADDRINUSE);
  }
  state->name = name;
  return Ok();
}

Result<void> UnixSocket::BindAutomatically() {
  auto table = TheUnixTable().Lock();
  auto state = endpoint_->state().Lock();
  if (!state->name.empty()) {
    return Ok();
  }
  for (uint32_t i = 0; i < kAutomaticNames; ++i) {
    uint32_t number = table->next_automatic_name++ % kAutomaticNames;
    std::string name = AutomaticName(number);
    if (table->abstract_names.emplace(AbstractKey(type(), name), endpoint_.get()).second) {
      state->name = std::move(name);
      return Ok();
    }
  }
  return Fail(ENOSPC);
}

Result<void> UnixSocket::BindIfPassingCredentials() {
  if (!options().pass_credentials.load(std::memory_order_relaxed)) {
    return Ok();
  }
  return BindAutomatically();
}

Result<RefPtr<UnixEndpoint>> UnixSocket::Resolve(Task& task, std::string_view address) {
  std::string_view name = TRY(NameOf(address));
  if (name.empty()) {
    return Fail(EINVAL);
  }
  if (IsAbstract(name)) {
    auto table = TheUnixTable().Lock();
    auto found = table->abstract_names.find(AbstractKey(type(), name));
    if (found == table->abstract_names.end()) {
      return Fail(ECONNREFUSED);
    }
    return RefPtr<UnixEndpoint>::Share(found->second);
  }
  Path path = TRY(Walk(task, Fd{kAtFdCwd}, PathOf(name)));
  RefPtr<Inode> inode = path.dentry->inode();
  // Not CheckPermission: sockets may be used on read-only mounts.
  if (!Permits(task.credentials(), TRY(inode->GetAttributes()), kMayWrite)) {
    return Fail(EACCES);
  }
  auto node = FindAttachment<UnixSocketNode>(*inode, Inode::Attachments::Slot::kUnixSocket);
  if (!node) {
    return Fail(ECONNREFUSED);
  }
  if (node->endpoint->type != type()) {
    return Fail(EPROTOTYPE);
  }
  return node->endpoint;
}

}  // namespace ukrun
