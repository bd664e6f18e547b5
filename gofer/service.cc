#include "gofer/service.h"

#include <errno.h>

#include <array>
#include <limits>
#include <utility>

#include "gofer/channel.h"
#include "gofer/gofer.pb.h"

namespace ukrun::gofer {
namespace {

constexpr size_t kArenaBlockBytes = size_t{256} * 1024;
constexpr size_t kMostNames = 64;
constexpr size_t kMostReleases = 256;
// Leaves room for what a listing's answer holds beside its entries.
constexpr size_t kDirectoryPageBytes = kReplyBytes - 1024;

google::protobuf::ArenaOptions WithBlock(char* block) {
  google::protobuf::ArenaOptions options;
  options.initial_block = block;
  options.initial_block_size = kArenaBlockBytes;
  return options;
}

void Fill(proto::Attributes* to, const GoferAttributes& from) {
  to->set_dev(from.dev);
  to->set_ino(from.ino);
  to->set_mode(from.mode);
  to->set_nlink(from.nlink);
  to->set_uid(from.uid);
  to->set_gid(from.gid);
  to->set_rdev(from.rdev);
  to->set_size(from.size);
  to->set_blocks(from.blocks);
  to->set_block_size(from.block_size);
  to->set_atime_ns(from.atime_ns);
  to->set_mtime_ns(from.mtime_ns);
  to->set_ctime_ns(from.ctime_ns);
  to->set_btime_ns(from.btime_ns);
}

void Fill(proto::Node* to, const GoferNode& from) {
  to->set_handle(static_cast<uint64_t>(from.handle));
  Fill(to->mutable_attributes(), from.attributes);
}

template <typename Request>
GoferOpenOptions OptionsOf(const Request& request) {
  GoferOpenOptions options;
  options.access = GoferAccess{request.access() & 3};
  options.append = request.append();
  return options;
}

Owner OwnerOf(const proto::CreateRequest& request) {
  Owner owner;
  if (request.has_uid()) {
    owner.uid = request.uid();
  }
  if (request.has_gid()) {
    owner.gid = request.gid();
  }
  return owner;
}

Result<GoferTimeChange> TimeChangeOf(const proto::TimeChange& change) {
  if (change.kind() > static_cast<uint32_t>(GoferTimeChange::Kind::kNow)) {
    return Fail(EINVAL);
  }
  return GoferTimeChange{static_cast<GoferTimeChange::Kind>(change.kind()), change.time_ns()};
}

}  // namespace

Service::Service(Tree& tree)
    : tree_(tree),
      arena_block_(std::make_unique_for_overwrite<char[]>(kArenaBlockBytes)),
      arena_(WithBlock(arena_block_.get())) {}

Service::Answer Service::Handle(uint32_t method, std::span<const char> request,
                                std::span<char> reply) {
  descriptors_.clear();
  Answer answer;
  Result<Reply> message = Dispatch(method, request);
  if (message.ok()) {
    size_t size = (*message)->ByteSizeLong();
    if (size <= reply.size() &&
        (*message)->SerializeToArray(reply.data(), static_cast<int>(size))) {
      answer.length = size;
      answer.descriptors = std::move(descriptors_);
    } else {
      answer.error = EOVERFLOW;
    }
  } else {
    answer.error = static_cast<uint32_t>(message.error());
  }
  descriptors_.clear();
  arena_.Reset();
  return answer;
}

template <typename Request>
Result<Service::Reply> Service::Call(std::span<const char> request,
                                     Result<Reply> (Service::*handler)(const Request&)) {
  auto* message = New<Request>();
  if (!message->ParseFromArray(request.data(), static_cast<int>(request.size()))) {
    return Fail(EINVAL);
  }
  return (this->*handler)(*message);
}

Result<Service::Reply> Service::Dispatch(uint32_t method, std::span<const char> request) {
  switch (method) {
    case proto::ATTACH:
      return Call(request, &Service::Attach);
    case proto::WALK:
      return Call(request, &Service::Walk);
    case proto::GET_ATTRIBUTES:
      return Call(request, &Service::GetAttributes);
    case proto::SET_ATTRIBUTES:
      return Call(request, &Service::SetAttributes);
    case proto::OPEN:
      return Call(request, &Service::Open);
    case proto::OPEN_MANY:
      return Call(request, &Service::OpenMany);
    case proto::CREATE:
      return Call(request, &Service::Create);
    case proto::MAKE_DIRECTORY:
      return Call(request, &Service::MakeDirectory);
    case proto::MAKE_FIFO:
      return Call(request, &Service::MakeFifo);
    case proto::MAKE_SYMLINK:
      return Call(request, &Service::MakeSymlink);
    case proto::MAKE_LINK:
      return Call(request, &Service::MakeLink);
    case proto::HIDES_NAME:
      return Call(request, &Service::HidesName);
    case proto::UNLINK:
      return Call(request, &Service::Unlink);
    case proto::REMOVE_DIRECTORY:
      return Call(request, &Service::RemoveDirectory);
    case proto::RENAME:
      return Call(request, &Service::Rename);
    case proto::READ_LINK:
      return Call(request, &Service::ReadLink);
    case proto::READ_DIRECTORY:
      return Call(request, &Service::ReadDirectory);
    case proto::STAT_FS:
      return Call(request, &Service::StatFs);
    case proto::GET_XATTR:
      return Call(request, &Service::GetXattr);
    case proto::SET_XATTR:
      return Call(request, &Service::SetXattr);
    case proto::LIST_XATTR:
      return Call(request, &Service::ListXattr);
    case proto::REMOVE_XATTR:
      return Call(request, &Service::RemoveXattr);
    case proto::RELEASE:
      return Call(request, &Service::Release);
    default:
      return Fail(ENOSYS);
  }
}

Service::Reply Service::Nothing() { return New<proto::Empty>(); }

Result<Service::Reply> Service::NodeReply(Result<GoferNode> node) {
  GoferNode value = TRY(node);
  auto* reply = New<proto::Node>();
  Fill(reply, value);
  return reply;
}

Result<Service::Reply> Service::BytesReply(Result<std::string> value) {
  std::string bytes = TRY(std::move(value));
  auto* reply = New<proto::BytesReply>();
  reply->set_value(std::move(bytes));
  return reply;
}

Result<Service::Reply> Service::EmptyReply(Result<void> result) {
  TRY(result);
  return Nothing();
}

Result<Service::Reply> Service::Attach(const proto::AttachRequest& request) {
  return NodeReply(tree_.Attach(request.index()));
}

Result<Service::Reply> Service::Walk(const proto::WalkRequest& request) {
  std::array<std::string_view, kMostNames> names;
  size_t count = static_cast<size_t>(request.names_size());
  if (count > kMostNames) {
    return Fail(EINVAL);
  }
  for (size_t i = 0; i < count; ++i) {
    names[i] = request.names(static_cast<int>(i));
  }
  auto open_last = request.open_last() ? Tree::OpenLast::kForReading : Tree::OpenLast::kNo;
  GoferWalk walk = TRY(tree_.Walk(request.from(), std::span(names).first(count), open_last));
  auto* reply = New<proto::WalkReply>();
  for (const GoferNode& node : walk.nodes) {
    Fill(reply->add_nodes(), node);
  }
  reply->set_error(static_cast<uint32_t>(walk.error));
  reply->set_link_target(std::move(walk.link_target));
  if (walk.fd.valid()) {
    descriptors_.push_back(std::move(walk.fd));
  }
  return reply;
}

Result<Service::Reply> Service::GetAttributes(const proto::HandleRequest& request) {
  GoferAttributes attributes = TRY(tree_.GetAttributes(request.handle()));
  auto* reply = New<proto::Attributes>();
  Fill(reply, attributes);
  return reply;
}

Result<Service::Reply> Service::SetAttributes(const proto::SetAttributesRequest& request) {
  GoferSetAttributes change;
  if (request.has_size()) {
    change.size = request.size();
  }
  if (request.has_mode()) {
    change.mode = request.mode();
  }
  if (request.has_uid()) {
    change.owner.uid = request.uid();
  }
  if (request.has_gid()) {
    change.owner.gid = request.gid();
  }
  change.atime = TRY(TimeChangeOf(request.atime()));
  change.mtime = TRY(TimeChangeOf(request.mtime()));
  GoferAttributes attributes = TRY(tree_.SetAttributes(request.handle(), change));
  auto* reply = New<proto::Attributes>();
  Fill(reply, attributes);
  return reply;
}

Result<Service::Reply> Service::Open(const proto::OpenRequest& request) {
  GoferOpenOptions options = OptionsOf(request);
  options.truncate = request.truncate();
  GoferOpened opened = TRY(tree_.Open(request.handle(), options));
  descriptors_.push_back(std::move(opened.fd));
  auto* reply = New<proto::Attributes>();
  Fill(reply, opened.attributes);
  return reply;
}

Result<Service::Reply> Service::OpenMany(const proto::OpenManyRequest& request) {
  if (request.requests_size() > static_cast<int>(kMaxDescriptors)) {
    return Fail(EINVAL);
  }
  std::vector<GoferOpenRequest> requests;
  for (const proto::OpenRequest& one : request.requests()) {
    GoferOpenOptions options = OptionsOf(one);
    options.truncate = one.truncate();
    requests.push_back(GoferOpenRequest{GoferHandle{one.handle()}, options});
  }
  auto* reply = New<proto::OpenManyReply>();
  for (GoferOpenAnswer& answer : tree_.OpenMany(requests)) {
    reply->add_errors(static_cast<uint32_t>(answer.error));
    if (answer.error == 0) {
      descriptors_.push_back(std::move(answer.fd));
    }
  }
  return reply;
}

Result<Service::Reply> Service::Create(const proto::CreateRequest& request) {
  GoferCreated created = TRY(tree_.Create(request.directory(), request.name(), request.mode(),
                                          OptionsOf(request), OwnerOf(request)));
  if (created.fd.valid()) {
    descriptors_.push_back(std::move(created.fd));
  }
  return NodeReply(created.node);
}

Result<Service::Reply> Service::MakeDirectory(const proto::CreateRequest& request) {
  return NodeReply(
      tree_.MakeDirectory(request.directory(), request.name(), request.mode(), OwnerOf(request)));
}

Result<Service::Reply> Service::MakeFifo(const proto::CreateRequest& request) {
  return NodeReply(
      tree_.MakeFifo(request.directory(), request.name(), request.mode(), OwnerOf(request)));
}

Result<Service::Reply> Service::MakeSymlink(const proto::CreateRequest& request) {
  return NodeReply(
      tree_.MakeSymlink(request.directory(), request.name(), request.target(), OwnerOf(request)));
}

Result<Service::Reply> Service::MakeLink(const proto::LinkRequest& request) {
  return NodeReply(tree_.MakeLink(request.file(), request.directory(), request.name()));
}

Result<Service::Reply> Service::HidesName(const proto::CreateRequest& request) {
  return EmptyReply(tree_.CheckName(request.directory(), request.name(), request.mode()));
}

Result<Service::Reply> Service::Unlink(const proto::UnlinkRequest& request) {
  return EmptyReply(tree_.Unlink(request.directory(), request.name()));
}

Result<Service::Reply> Service::RemoveDirectory(const proto::UnlinkRequest& request) {
  return EmptyReply(tree_.RemoveDirectory(request.directory(), request.name()));
}

Result<Service::Reply> Service::Rename(const proto::RenameRequest& request) {
  return EmptyReply(tree_.Rename(request.old_directory(), request.old_name(),
                                 request.new_directory(), request.new_name(), request.flags()));
}

Result<Service::Reply> Service::ReadLink(const proto::HandleRequest& request) {
  return BytesReply(tree_.ReadLink(request.handle()));
}

Result<Service::Reply> Service::ReadDirectory(const proto::ReadDirectoryRequest& request) {
  auto with_handles = request.with_handles() ? Tree::WithHandles::kYes : Tree::WithHandles::kNo;
  GoferDirPage page = TRY(tree_.ReadDirectory(request.directory(), request.cookie(), with_handles,
                                              kDirectoryPageBytes));
  auto* reply = New<proto::ReadDirectoryReply>();
  for (GoferDirEntry& entry : page.entries) {
    proto::DirectoryEntry* to = reply->add_entries();
    to->set_name(std::move(entry.name));
    to->set_cookie(entry.cookie);
    Fill(to->mutable_node(), entry.node);
  }
  reply->set_next_cookie(page.next_cookie);
  reply->set_end(page.end);
  return reply;
}

Result<Service::Reply> Service::StatFs(const proto::HandleRequest& request) {
  GoferStatFs from = TRY(tree_.StatFs(request.handle()));
  auto* reply = New<proto::StatFsReply>();
  reply->set_type(from.type);
  reply->set_block_size(from.block_size);
  reply->set_fragment_size(from.fragment_size);
  reply->set_blocks(from.blocks);
  reply->set_blocks_free(from.blocks_free);
  reply->set_blocks_available(from.blocks_available);
  reply->set_files(from.files);
  reply->set_files_free(from.files_free);
  reply->set_name_max(from.name_max);
  reply->set_flags(from.flags);
  return reply;
}

Result<Service::Reply> Service::GetXattr(const proto::XattrRequest& request) {
  return BytesReply(tree_.GetXattr(request.handle(), request.name()));
}

Result<Service::Reply> Service::SetXattr(const proto::XattrRequest& request) {
  return EmptyReply(
      tree_.SetXattr(request.handle(), request.name(), request.value(), request.flags()));
}

Result<Service::Reply> Service::ListXattr(const proto::HandleRequest& request) {
  return BytesReply(tree_.ListXattr(request.handle()));
}

Result<Service::Reply> Service::RemoveXattr(const proto::XattrRequest& request) {
  return EmptyReply(tree_.RemoveXattr(request.handle(), request.name()));
}

Result<Service::Reply> Service::Release(const proto::ReleaseRequest& request) {
  if (request.handles_size() > static_cast<int>(kMostReleases)) {
    return Fail(EINVAL);
  }
  for (uint64_t handle : request.handles()) {
    tree_.Release(handle);
  }
  return Nothing();
}

}  // namespace ukrun::gofer
