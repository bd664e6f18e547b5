#include "gofer/tree.h"

#include <fcntl.h>
#include <unistd.h>

#include <string>
#include <utility>

namespace ukrun::gofer {
namespace {

// How often a walk starts again because the host replaced something on its way.
constexpr int kWalkAttempts = 4;

Result<std::string> CanonicalPath(const std::string& path) {
  char* canonical = realpath(path.c_str(), nullptr);
  if (canonical == nullptr) {
    return Fail(errno);
  }
  std::string out(canonical);
  free(canonical);
  return out;
}

}  // namespace

Tree::Tree(std::unique_ptr<Hiding> hiding, HostFd proc_fds, size_t most_descriptors)
    : hiding_(std::move(hiding)),
      proc_fds_(std::move(proc_fds)),
      nodes_(hiding_->paths(), most_descriptors) {}

void Tree::AddAttachment(const AttachOptions& options) {
  auto attachment = std::make_unique<Attachment>();
  attachment->writable = options.writable;
  attachment->takes_hidden_names = options.takes_hidden_names;
  auto open = [&]() -> Result<void> {
    // The user named this path, so its symlinks are followed; nothing below it is.
    attachment->host_path = TRY(CanonicalPath(options.host_path));
    HostFd fd(::open(attachment->host_path.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
    if (!fd.valid()) {
      return Fail(errno);
    }
    GoferAttributes attributes = TRY(StatDescriptor(fd.get()));
    const HiddenState* state = hiding_->StateOfPath(attachment->host_path, attributes.mode);
    if (state == nullptr || hiding_->inodes().Contains(attributes) ||
        hiding_->filesystems().Hides(attributes.dev, fd.get())) {
      return Fail(ENOENT);
    }
    attachment->root = nodes_.AddRoot(attachment.get(), attributes, std::move(fd), state);
    if (IsDirectory(attributes) && !options.takes_hidden_names) {
      AddSearchedTree(attachment->host_path);
    }
    return Ok();
  };
  attachment->error = open().error();
  attachments_.push_back(std::move(attachment));
}

void Tree::AddSearchedTree(const std::string& host_path) {
  Result<std::string> path = CanonicalPath(host_path);
  // All of the host would take too long.
  if (!path.ok() || *path == "/") {
    return;
  }
  if (const HiddenState* state = hiding_->StateOfPath(*path, S_IFDIR)) {
    hiding_->links().AddTree(*std::move(path), state);
  }
}

void Tree::SearchForOtherNames(const Directory& directory, const GoferAttributes& attributes) {
  if (IsRegular(attributes) && attributes.nlink > 1 && hiding_->links().waiting()) {
    Result<std::string> path = nodes_.PathOf(directory.node);
    if (path.ok()) {
      const std::string& root = directory.node->attachment->host_path;
      hiding_->links().FileMet(root == "/" ? *path : root + *path);
    }
  }
}

Result<GoferNode> Tree::Attach(uint32_t index) {
  if (index >= attachments_.size()) {
    return Fail(EINVAL);
  }
  const Attachment& attachment = *attachments_[index];
  if (attachment.error != 0) {
    return Fail(attachment.error);
  }
  SharedFd fd = TRY(nodes_.Descriptor(attachment.root));
  GoferAttributes attributes = TRY(StatDescriptor(fd->get()));
  nodes_.CountLookupOf(attachment.root);
  return GoferNode{GoferHandle{attachment.root->handle}, attributes};
}

Result<Tree::Directory> Tree::FindDirectory(uint64_t handle) {
  NodeRef node = TRY(nodes_.Find(handle));
  if (node->type != S_IFDIR) {
    return Fail(ENOTDIR);
  }
  SharedFd fd = TRY(nodes_.Descriptor(node));
  return Directory{std::move(node), std::move(fd)};
}

Result<Tree::Directory> Tree::FindWritableDirectory(uint64_t handle) {
  Directory directory = TRY(FindDirectory(handle));
  if (!directory.node->attachment->writable) {
    return Fail(EROFS);
  }
  return directory;
}

Result<NodeRef> Tree::FindWritable(uint64_t handle) {
  NodeRef node = TRY(nodes_.Find(handle));
  if (!node->attachment->writable) {
    return Fail(EROFS);
  }
  return node;
}

Result<GoferAttributes> Tree::LookUp(const Directory& directory, std::string_view name) {
  if (!ValidName(name)) {
    return Fail(name.size() > 255 ? ENAMETOOLONG : EINVAL);
  }
  CName c_name(name);
  GoferAttributes attributes = TRY(StatEntry(directory.fd->get(), c_name.get()));
  SearchForOtherNames(directory, attributes);
  HiddenTypes types = hiding_->paths().Match(nodes_.HiddenStateOf(directory.node), name);
  if (hiding_->HidesEntry(types, attributes) || OnHiddenFilesystem(directory, c_name, attributes)) {
    return Fail(ENOENT);
  }
  return attributes;
}

// A mount point is where another file system begins; elsewhere an entry is on the file system
// of its directory, which was looked at on the way there.
bool Tree::OnHiddenFilesystem(const Directory& directory, const CName& name,
                              const GoferAttributes& attributes) {
  if (attributes.dev == directory.node->dev) {
    return false;
  }
  using Known = HiddenFilesystems::Known;
  Known known = hiding_->filesystems().Lookup(attributes.dev);
  if (known != Known::kUnknown) {
    return known == Known::kHidden;
  }
  Result<HostFd> fd = OpenPath(directory.fd->get(), name.get());
  Result<GoferAttributes> there = fd.ok() ? StatDescriptor(fd->get()) : fd.failure();
  return !there.ok() || there->dev != attributes.dev ||
         hiding_->filesystems().Hides(attributes.dev, fd->get());
}

Result<GoferWalk> Tree::Walk(uint64_t from, std::span<const std::string_view> names,
                             OpenLast open_last) {
  for (int attempt = 1;; ++attempt) {
    GoferWalk walk;
    NodeRef start = TRY(nodes_.Find(from));
    if (start->type != S_IFDIR && !names.empty()) {
      return Fail(ENOTDIR);
    }
    Result<void> result = WalkOnce(std::move(start), names, open_last, walk);
    // ESTALE in the middle: a step was replaced after it was looked at.
    bool again = result.Is(ESTALE) && !walk.nodes.empty() && attempt < kWalkAttempts;
    if (!result.ok() && (walk.nodes.empty() || again)) {
      for (const GoferNode& node : walk.nodes) {
        nodes_.Release(static_cast<uint64_t>(node.handle));
      }
      if (again) {
        continue;
      }
    }
    if (result.Is(ESTALE) && walk.nodes.empty()) {
      return result.failure();
    }
    walk.error = result.error();
    return walk;
  }
}

Result<void> Tree::WalkOnce(NodeRef from, std::span<const std::string_view> names,
                            OpenLast open_last, GoferWalk& walk) {
  Directory directory{std::move(from), nullptr};
  for (size_t i = 0; i < names.size(); ++i) {
    directory.fd = TRY(nodes_.Descriptor(directory.node));
    GoferAttributes attributes = TRY(LookUp(directory, names[i]));
    NodeRef node =
        nodes_.Intern(directory.node, names[i], attributes, NodeTable::CountLookup::kYes);
    walk.nodes.push_back(GoferNode{GoferHandle{node->handle}, attributes});
    if (IsSymlink(attributes)) {
      Result<std::string> target = ReadLinkEntry(directory.fd->get(), CName(names[i]).get());
      if (!target.ok()) {
        // It was a symlink a moment ago.
        return target.Is(EINVAL) || target.Is(ENOENT) ? Fail(ESTALE) : target.failure();
      }
      walk.link_target = *std::move(target);
    }
    bool last = i + 1 == names.size();
    if (last && open_last == OpenLast::kForReading && IsRegular(attributes)) {
      Result<GoferOpened> opened = Open(node->handle, GoferOpenOptions{});
      if (opened.ok()) {
        walk.fd = std::move(opened->fd);
        walk.nodes.back().attributes = opened->attributes;
      }
    }
    if (!IsDirectory(attributes)) {
      return Ok();
    }
    directory.node = std::move(node);
  }
  return Ok();
}

Result<GoferAttributes> Tree::GetAttributes(uint64_t handle) {
  NodeRef node = TRY(nodes_.Find(handle));
  return nodes_.Attributes(node);
}

Result<GoferStatFs> Tree::StatFs(uint64_t handle) {
  NodeRef node = TRY(nodes_.Find(handle));
  SharedFd fd = TRY(nodes_.Descriptor(node));
  return StatFsDescriptor(fd->get());
}

Result<std::string> Tree::ReadLink(uint64_t handle) {
  NodeRef node = TRY(nodes_.Find(handle));
  if (node->type != S_IFLNK) {
    return Fail(EINVAL);
  }
  SharedFd fd = TRY(nodes_.Descriptor(node));
  return ReadLinkDescriptor(fd->get());
}

}  // namespace ukrun::gofer
