// Opening regular files for the Sentry.
#include <fcntl.h>
#include <unistd.h>

#include <vector>

#include "gofer/tree.h"

namespace ukrun::gofer {

// Through /proc/self/fd, so that it is the same inode for certain: opened by name, it might
// have become a device or a fifo since it was looked at.
Result<HostFd> Tree::OpenAgain(int fd, int flags) {
  int opened = openat(proc_fds_.get(), FdName(fd).text, flags | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (opened < 0) {
    return Fail(errno);
  }
  return HostFd(opened);
}

// The host's open flags, or why this node is not opened at all.
Result<int> Tree::OpenFlags(const Node& node, GoferOpenOptions options) {
  switch (node.type) {
    case S_IFREG:
      break;
    case S_IFDIR:
      return Fail(EISDIR);
    case S_IFLNK:
      return Fail(ELOOP);
    case S_IFCHR:
    case S_IFBLK:
      return Fail(EACCES);
    default:
      return Fail(ENXIO);
  }
  bool writes = options.access == GoferAccess::kWrite || options.access == GoferAccess::kReadWrite;
  if (writes && !node.attachment->writable) {
    return Fail(EROFS);
  }
  if (options.truncate && !writes) {
    return Fail(EINVAL);
  }
  int flags = 0;
  switch (options.access) {
    case GoferAccess::kRead:
      flags = O_RDONLY;
      break;
    case GoferAccess::kWrite:
      flags = O_WRONLY;
      break;
    case GoferAccess::kReadWrite:
      flags = O_RDWR;
      break;
    default:
      return Fail(EINVAL);
  }
  // Never O_DIRECT: it pins pages of whoever reads. Not O_TRUNC either: what was opened is
  // looked at once more before it is changed.
  return flags | (options.append ? O_APPEND : 0);
}

Result<GoferOpened> Tree::Open(uint64_t handle, GoferOpenOptions options) {
  NodeRef node = TRY(nodes_.Find(handle));
  int flags = TRY(OpenFlags(*node, options));
  SharedFd path_fd = TRY(nodes_.Descriptor(node));
  HostFd fd = TRY(OpenAgain(path_fd->get(), flags));
  GoferAttributes attributes = TRY(CheckOpened(fd.get(), options));
  return GoferOpened{std::move(fd), attributes};
}

// The last look at a descriptor before it is given away. The file may have been found out to
// be hidden since its handle was.
Result<GoferAttributes> Tree::CheckOpened(int fd, GoferOpenOptions options) {
  GoferAttributes attributes = TRY(StatDescriptor(fd));
  if (!IsRegular(attributes) || hiding_->inodes().Contains(attributes)) {
    return Fail(ESTALE);
  }
  if (options.truncate && attributes.size != 0) {
    if (ftruncate(fd, 0) != 0) {
      return Fail(errno);
    }
    return StatDescriptor(fd);
  }
  return attributes;
}

std::vector<GoferOpenAnswer> Tree::OpenMany(std::span<const GoferOpenRequest> requests) {
  std::vector<GoferOpenAnswer> answers(requests.size());
  std::vector<SharedFd> path_fds;
  std::vector<FdName> names;
  std::vector<OpenJob> jobs;
  std::vector<size_t> indices;
  auto prepare = [&](const GoferOpenRequest& request, size_t index) -> Result<void> {
    NodeRef node = TRY(nodes_.Find(static_cast<uint64_t>(request.handle)));
    int flags = TRY(OpenFlags(*node, request.options));
    SharedFd path_fd = TRY(nodes_.Descriptor(node));
    names.emplace_back(path_fd->get());
    path_fds.push_back(std::move(path_fd));
    indices.push_back(index);
    jobs.push_back(OpenJob{
        .name = nullptr, .flags = flags | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, .error = 0, .fd = {}});
    return Ok();
  };
  for (size_t i = 0; i < requests.size(); ++i) {
    answers[i].error = prepare(requests[i], i).error();
  }
  for (size_t i = 0; i < jobs.size(); ++i) {
    jobs[i].name = names[i].text;
  }
  batch_.Open(proc_fds_.get(), jobs);
  for (size_t i = 0; i < jobs.size(); ++i) {
    GoferOpenAnswer& answer = answers[indices[i]];
    answer.error = jobs[i].error;
    if (answer.error != 0) {
      continue;
    }
    answer.error = CheckOpened(jobs[i].fd.get(), requests[indices[i]].options).error();
    if (answer.error == 0) {
      answer.fd = std::move(jobs[i].fd);
    }
  }
  return answers;
}

}  // namespace ukrun::gofer
