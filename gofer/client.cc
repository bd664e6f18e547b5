#include "gofer/client.h"

#include <pb_decode.h>
#include <pb_encode.h>

#include <utility>

#include "base/locked.h"
#include "gofer/client_channel.h"
#include "gofer/client_messages.h"

namespace ukrun {
namespace {

using Call = GoferChannel::Call;

// Encodes `request`, sends it, waits, and decodes the answer into `reply`, whose callbacks
// have been set up.
template <typename Request, typename Reply>
Result<void> Exchange(Call& call, ukrun_proto_Method method, const pb_msgdesc_t* request_fields,
                      const Request& request, const pb_msgdesc_t* reply_fields, Reply& reply) {
  std::span<uint8_t> buffer = call.request();
  pb_ostream_t out = pb_ostream_from_buffer(buffer.data(), buffer.size());
  if (!pb_encode(&out, request_fields, &request)) {
    return Fail(E2BIG);
  }
  TRY(call.Finish(method, out.bytes_written));
  pb_istream_t in = pb_istream_from_buffer(call.reply().data(), call.reply().size());
  if (!pb_decode_ex(&in, reply_fields, &reply, PB_DECODE_NOINIT)) {
    return call.Garbage("the gofer's answer can't be decoded");
  }
  return Ok();
}

// Methods that answer with a plain message: no callbacks, no descriptors.
template <typename Reply, typename Request>
Result<Reply> Ask(GoferChannel& channel, ukrun_proto_Method method,
                  const pb_msgdesc_t* request_fields, const Request& request,
                  const pb_msgdesc_t* reply_fields) {
  Call call(channel);
  Reply reply{};
  TRY(Exchange(call, method, request_fields, request, reply_fields, reply));
  if (!call.descriptors().empty()) {
    return call.Garbage("the gofer sent descriptors that nobody wants");
  }
  return reply;
}

// Methods that answer with an empty message.
template <typename Request>
Result<void> Tell(GoferChannel& channel, ukrun_proto_Method method,
                  const pb_msgdesc_t* request_fields, const Request& request) {
  TRY(Ask<ukrun_proto_Empty>(channel, method, request_fields, request, ukrun_proto_Empty_fields));
  return Ok();
}

// Methods that answer with bytes.
template <typename Request>
Result<std::string> AskBytes(GoferChannel& channel, ukrun_proto_Method method,
                             const pb_msgdesc_t* request_fields, const Request& request) {
  Call call(channel);
  std::string value;
  ukrun_proto_BytesReply reply{};
  reply.value = DecodeBytes(value);
  TRY(Exchange(call, method, request_fields, request, ukrun_proto_BytesReply_fields, reply));
  return value;
}

ukrun_proto_HandleRequest RequestFor(GoferHandle handle) {
  return ukrun_proto_HandleRequest{Underlying(handle)};
}

// The one descriptor that an answer has to have.
Result<HostFd> OnlyDescriptor(Call& call) {
  if (call.descriptors().size() != 1) {
    return call.Garbage("the gofer sent the wrong number of descriptors");
  }
  return std::move(call.descriptors().front());
}

ukrun_proto_OpenRequest OpenMessage(GoferHandle handle, const GoferOpenOptions& options) {
  return ukrun_proto_OpenRequest{Underlying(handle), Underlying(options.access), options.append,
                                 options.truncate};
}

ukrun_proto_TimeChange TimeMessage(const GoferTimeChange& change) {
  return ukrun_proto_TimeChange{Underlying(change.kind), change.time_ns};
}

}  // namespace

struct GoferClient::Impl {
  explicit Impl(std::unique_ptr<GoferChannel> channel_in) : channel(std::move(channel_in)) {}

  struct Released {
    size_t count = 0;
    uint64_t handles[256];
  };
  std::unique_ptr<GoferChannel> channel;        // Synchronizes itself.
  Locked<Released, LockRank::kGofer> released;  // handles that wait to be given back
};

GoferClient::GoferClient(std::unique_ptr<Impl> impl)
    : impl_(std::move(impl)), channel_(*impl_->channel) {}
GoferClient::~GoferClient() = default;

Result<std::unique_ptr<GoferClient>> GoferClient::Create(int channel_fd, int socket_fd,
                                                         void* map_at, BrokenHandler on_broken) {
  std::unique_ptr<GoferChannel> channel =
      TRY(GoferChannel::Create(HostFd(channel_fd), HostFd(socket_fd), map_at, on_broken));
  return std::unique_ptr<GoferClient>(new GoferClient(std::make_unique<Impl>(std::move(channel))));
}

bool GoferClient::broken() const { return channel_.broken(); }
int GoferClient::socket_fd() const { return channel_.socket_fd(); }
void GoferClient::NoticeEnd() { channel_.NoticeEnd(); }

Result<GoferNode> GoferClient::Attach(uint32_t index) {
  ukrun_proto_AttachRequest request{index};
  return FromMessage(TRY(Ask<ukrun_proto_Node>(channel_, ukrun_proto_Method_ATTACH,
                                               ukrun_proto_AttachRequest_fields, request,
                                               ukrun_proto_Node_fields)));
}

Result<GoferWalk> GoferClient::Walk(GoferHandle from, std::span<const std::string_view> names,
                                    OpenLast open_last) {
  if (names.size() > kMaxWalkNames) {
    return Fail(EINVAL);
  }
  Call call(channel_);
  GoferWalk walk;
  ukrun_proto_WalkRequest request{Underlying(from), EncodeNames(names),
                                  open_last == OpenLast::kForReading};
  ukrun_proto_WalkReply reply{};
  reply.nodes = DecodeNodes(walk.nodes);
  reply.link_target = DecodeBytes(walk.link_target);
  TRY(Exchange(call, ukrun_proto_Method_WALK, ukrun_proto_WalkRequest_fields, request,
               ukrun_proto_WalkReply_fields, reply));
  constexpr uint32_t kLargestErrno = 133;
  size_t most_descriptors = open_last == OpenLast::kForReading ? 1 : 0;
  if (walk.nodes.size() > names.size() || reply.error > kLargestErrno ||
      call.descriptors().size() > most_descriptors) {
    return call.Garbage("the gofer walked too far");
  }
  walk.error = static_cast<int>(reply.error);
  if (!call.descriptors().empty()) {
    walk.fd = std::move(call.descriptors().front());
  }
  return walk;
}

Result<GoferAttributes> GoferClient::GetAttributes(GoferHandle handle) {
  return FromMessage(TRY(Ask<ukrun_proto_Attributes>(
      channel_, ukrun_proto_Method_GET_ATTRIBUTES, ukrun_proto_HandleRequest_fields,
      RequestFor(handle), ukrun_proto_Attributes_fields)));
}

Result<GoferAttributes> GoferClient::SetAttributes(GoferHandle handle,
                                                   const GoferSetAttributes& change) {
  ukrun_proto_SetAttributesRequest request{.handle = Underlying(handle),
                                           .has_size = change.size != GoferSetAttributes::kKeepSize,
                                           .size = change.size,
                                           .has_mode = change.mode != GoferSetAttributes::kKeepMode,
                                           .mode = change.mode,
                                           .has_uid = change.owner.uid != GoferOwner::kUnchanged,
                                           .uid = change.owner.uid,
                                           .has_gid = change.owner.gid != GoferOwner::kUnchanged,
                                           .gid = change.owner.gid,
                                           .has_atime = true,
                                           .atime = TimeMessage(change.atime),
                                           .has_mtime = true,
                                           .mtime = TimeMessage(change.mtime)};
  return FromMessage(TRY(Ask<ukrun_proto_Attributes>(channel_, ukrun_proto_Method_SET_ATTRIBUTES,
                                                     ukrun_proto_SetAttributesRequest_fields,
                                                     request, ukrun_proto_Attributes_fields)));
}

Result<GoferOpened> GoferClient::Open(GoferHandle handle, GoferOpenOptions options) {
  Call call(channel_);
  ukrun_proto_Attributes reply{};
  TRY(Exchange(call, ukrun_proto_Method_OPEN, ukrun_proto_OpenRequest_fields,
               OpenMessage(handle, options), ukrun_proto_Attributes_fields, reply));
  return GoferOpened{TRY(OnlyDescriptor(call)), FromMessage(reply)};
}

Result<std::vector<GoferOpenAnswer>> GoferClient::OpenMany(
    std::span<const GoferOpenRequest> requests) {
  if (requests.size() > kMaxBatch) {
    return Fail(EINVAL);
  }
  Call call(channel_);
  ukrun_proto_OpenManyRequest request{};
  for (const GoferOpenRequest& one : requests) {
    request.requests[request.requests_count++] = OpenMessage(one.handle, one.options);
  }
  ukrun_proto_OpenManyReply reply{};
  TRY(Exchange(call, ukrun_proto_Method_OPEN_MANY, ukrun_proto_OpenManyRequest_fields, request,
               ukrun_proto_OpenManyReply_fields, reply));
  std::vector<GoferOpenAnswer> answers;
  size_t taken = 0;
  for (size_t i = 0; i < reply.errors_count; ++i) {
    GoferOpenAnswer& answer = answers.emplace_back();
    answer.error = static_cast<int>(reply.errors[i]);
    if (answer.error == 0 && taken < call.descriptors().size()) {
      answer.fd = std::move(call.descriptors()[taken++]);
    }
    if (answer.error < 0 || (answer.error == 0) != answer.fd.valid()) {
      return call.Garbage("the gofer sent the wrong number of descriptors");
    }
  }
  if (answers.size() != requests.size() || taken != call.descriptors().size()) {
    return call.Garbage("the gofer did not answer every open");
  }
  return answers;
}

namespace {

// `name` and `target` must outlive the message.
ukrun_proto_CreateRequest CreateMessage(GoferHandle directory, const std::string_view& name,
                                        uint32_t mode, const GoferOpenOptions& options,
                                        GoferOwner owner, const std::string_view& target) {
  return ukrun_proto_CreateRequest{.directory = Underlying(directory),
                                   .name = EncodeBytes(name),
                                   .mode = mode,
                                   .access = Underlying(options.access),
                                   .append = options.append,
                                   .has_uid = owner.uid != GoferOwner::kUnchanged,
                                   .uid = owner.uid,
                                   .has_gid = owner.gid != GoferOwner::kUnchanged,
                                   .gid = owner.gid,
                                   .target = EncodeBytes(target)};
}

Result<GoferNode> Make(GoferChannel& channel, ukrun_proto_Method method, GoferHandle directory,
                       const std::string_view& name, uint32_t mode, GoferOwner owner,
                       const std::string_view& target) {
  return FromMessage(TRY(
      Ask<ukrun_proto_Node>(channel, method, ukrun_proto_CreateRequest_fields,
                            CreateMessage(directory, name, mode, GoferOpenOptions{}, owner, target),
                            ukrun_proto_Node_fields)));
}

}  // namespace

Result<GoferCreated> GoferClient::Create(GoferHandle directory, std::string_view name,
                                         uint32_t mode, GoferOpenOptions options,
                                         GoferOwner owner) {
  Call call(channel_);
  std::string_view no_target;
  ukrun_proto_Node reply{};
  TRY(Exchange(call, ukrun_proto_Method_CREATE, ukrun_proto_CreateRequest_fields,
               CreateMessage(directory, name, mode, options, owner, no_target),
               ukrun_proto_Node_fields, reply));
  GoferCreated created{FromMessage(reply), {}};
  if (options.access != GoferAccess::kNone) {
    created.fd = TRY(OnlyDescriptor(call));
  }
  return created;
}

Result<GoferNode> GoferClient::MakeDirectory(GoferHandle directory, std::string_view name,
                                             uint32_t mode, GoferOwner owner) {
  return Make(channel_, ukrun_proto_Method_MAKE_DIRECTORY, directory, name, mode, owner, {});
}

Result<GoferNode> GoferClient::MakeFifo(GoferHandle directory, std::string_view name, uint32_t mode,
                                        GoferOwner owner) {
  return Make(channel_, ukrun_proto_Method_MAKE_FIFO, directory, name, mode, owner, {});
}

Result<GoferNode> GoferClient::MakeSymlink(GoferHandle directory, std::string_view name,
                                           std::string_view target, GoferOwner owner) {
  return Make(channel_, ukrun_proto_Method_MAKE_SYMLINK, directory, name, 0, owner, target);
}

Result<GoferNode> GoferClient::MakeLink(GoferHandle file, GoferHandle directory,
                                        std::string_view name) {
  ukrun_proto_LinkRequest request{Underlying(file), Underlying(directory), EncodeBytes(name)};
  return FromMessage(
      TRY(Ask<ukrun_proto_Node>(channel_, ukrun_proto_Method_MAKE_LINK,
                                ukrun_proto_LinkRequest_fields, request, ukrun_proto_Node_fields)));
}

Result<bool> GoferClient::HidesName(GoferHandle directory, std::string_view name, uint32_t mode) {
  std::string_view no_target;
  Result<void> visible =
      Tell(channel_, ukrun_proto_Method_HIDES_NAME, ukrun_proto_CreateRequest_fields,
           CreateMessage(directory, name, mode, GoferOpenOptions{}, GoferOwner{}, no_target));
  if (visible.ok() || visible.Is(EACCES)) {
    return !visible.ok();
  }
  return visible.failure();
}

Result<void> GoferClient::Unlink(GoferHandle directory, std::string_view name) {
  ukrun_proto_UnlinkRequest request{Underlying(directory), EncodeBytes(name)};
  return Tell(channel_, ukrun_proto_Method_UNLINK, ukrun_proto_UnlinkRequest_fields, request);
}

Result<void> GoferClient::RemoveDirectory(GoferHandle directory, std::string_view name) {
  ukrun_proto_UnlinkRequest request{Underlying(directory), EncodeBytes(name)};
  return Tell(channel_, ukrun_proto_Method_REMOVE_DIRECTORY, ukrun_proto_UnlinkRequest_fields,
              request);
}

Result<void> GoferClient::Rename(GoferHandle old_directory, std::string_view old_name,
                                 GoferHandle new_directory, std::string_view new_name,
                                 uint32_t flags) {
  ukrun_proto_RenameRequest request{Underlying(old_directory), EncodeBytes(old_name),
                                    Underlying(new_directory), EncodeBytes(new_name), flags};
  return Tell(channel_, ukrun_proto_Method_RENAME, ukrun_proto_RenameRequest_fields, request);
}

Result<std::string> GoferClient::ReadLink(GoferHandle handle) {
  return AskBytes(channel_, ukrun_proto_Method_READ_LINK, ukrun_proto_HandleRequest_fields,
                  RequestFor(handle));
}

Result<GoferDirPage> GoferClient::ReadDirectory(GoferHandle directory, uint64_t cookie,
                                                WithHandles with_handles) {
  Call call(channel_);
  GoferDirPage page;
  ukrun_proto_ReadDirectoryRequest request{Underlying(directory), cookie,
                                           with_handles == WithHandles::kYes};
  ukrun_proto_ReadDirectoryReply reply{};
  reply.entries = DecodeEntries(page.entries);
  TRY(Exchange(call, ukrun_proto_Method_READ_DIRECTORY, ukrun_proto_ReadDirectoryRequest_fields,
               request, ukrun_proto_ReadDirectoryReply_fields, reply));
  page.next_cookie = reply.next_cookie;
  page.end = reply.end;
  for (const GoferDirEntry& entry : page.entries) {
    if (entry.name.empty() || entry.name.size() > 255 || entry.name == "." || entry.name == ".." ||
        entry.name.find('/') != std::string::npos || entry.name.find('\0') != std::string::npos) {
      return call.Garbage("the gofer lists a name that no file can have");
    }
  }
  return page;
}

Result<GoferStatFs> GoferClient::StatFs(GoferHandle handle) {
  auto reply = TRY(Ask<ukrun_proto_StatFsReply>(
      channel_, ukrun_proto_Method_STAT_FS, ukrun_proto_HandleRequest_fields, RequestFor(handle),
      ukrun_proto_StatFsReply_fields));
  return GoferStatFs{.type = reply.type,
                     .block_size = reply.block_size,
                     .fragment_size = reply.fragment_size,
                     .blocks = reply.blocks,
                     .blocks_free = reply.blocks_free,
                     .blocks_available = reply.blocks_available,
                     .files = reply.files,
                     .files_free = reply.files_free,
                     .name_max = reply.name_max,
                     .flags = reply.flags};
}

Result<std::string> GoferClient::GetXattr(GoferHandle handle, std::string_view name) {
  ukrun_proto_XattrRequest request{Underlying(handle), EncodeBytes(name), {}, 0};
  return AskBytes(channel_, ukrun_proto_Method_GET_XATTR, ukrun_proto_XattrRequest_fields, request);
}

Result<void> GoferClient::SetXattr(GoferHandle handle, std::string_view name,
                                   std::string_view value, uint32_t flags) {
  ukrun_proto_XattrRequest request{Underlying(handle), EncodeBytes(name), EncodeBytes(value),
                                   flags};
  return Tell(channel_, ukrun_proto_Method_SET_XATTR, ukrun_proto_XattrRequest_fields, request);
}

Result<std::string> GoferClient::ListXattr(GoferHandle handle) {
  return AskBytes(channel_, ukrun_proto_Method_LIST_XATTR, ukrun_proto_HandleRequest_fields,
                  RequestFor(handle));
}

Result<void> GoferClient::RemoveXattr(GoferHandle handle, std::string_view name) {
  ukrun_proto_XattrRequest request{Underlying(handle), EncodeBytes(name), {}, 0};
  return Tell(channel_, ukrun_proto_Method_REMOVE_XATTR, ukrun_proto_XattrRequest_fields, request);
}

void GoferClient::Release(GoferHandle handle) {
  if (handle == GoferHandle::kNone) {
    return;
  }
  ukrun_proto_ReleaseRequest request;
  {
    auto released = impl_->released.Lock();
    released->handles[released->count++] = Underlying(handle);
    if (released->count < std::size(released->handles)) {
      return;
    }
    request.handles_count = static_cast<pb_size_t>(released->count);
    std::copy(std::begin(released->handles), std::end(released->handles), request.handles);
    released->count = 0;
  }
  // Whether this works changes nothing for the caller.
  static_cast<void>(
      Tell(channel_, ukrun_proto_Method_RELEASE, ukrun_proto_ReleaseRequest_fields, request));
}

}  // namespace ukrun
