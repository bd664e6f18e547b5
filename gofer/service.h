// Service: one request of the Sentry in, one answer out. Parses and builds the messages of
// gofer.proto around the calls of Tree.
//
// Each worker thread has its own (it reuses memory between calls); all share one Tree. The
// request is hostile: it is a private copy, but holds anything.
#pragma once

#include <google/protobuf/arena.h>

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/host_fd.h"
#include "base/result.h"
#include "gofer/tree.h"

namespace google::protobuf {
class MessageLite;
}
namespace ukrun::proto {
class AttachRequest;
class CreateRequest;
class HandleRequest;
class LinkRequest;
class OpenManyRequest;
class OpenRequest;
class ReadDirectoryRequest;
class ReleaseRequest;
class RenameRequest;
class SetAttributesRequest;
class UnlinkRequest;
class WalkRequest;
class XattrRequest;
}  // namespace ukrun::proto

namespace ukrun::gofer {

class Service {
 public:
  explicit Service(Tree& tree);

  struct Answer {
    uint32_t error = 0;  // an errno; then there is nothing else
    size_t length = 0;   // of the message in the reply buffer
    std::vector<HostFd> descriptors;
  };
  Answer Handle(uint32_t method, std::span<const char> request, std::span<char> reply);

 private:
  // Made on the arena, valid until the next call.
  using Reply = const google::protobuf::MessageLite*;

  template <typename Request>
  Result<Reply> Call(std::span<const char> request,
                     Result<Reply> (Service::*handler)(const Request&));
  Result<Reply> Dispatch(uint32_t method, std::span<const char> request);
  template <typename Message>
  Message* New() {
    return google::protobuf::Arena::CreateMessage<Message>(&arena_);
  }
  Reply Nothing();
  Result<Reply> NodeReply(Result<GoferNode> node);
  Result<Reply> BytesReply(Result<std::string> value);
  Result<Reply> EmptyReply(Result<void> result);

  Result<Reply> Attach(const proto::AttachRequest& request);
  Result<Reply> Walk(const proto::WalkRequest& request);
  Result<Reply> GetAttributes(const proto::HandleRequest& request);
  Result<Reply> SetAttributes(const proto::SetAttributesRequest& request);
  Result<Reply> Open(const proto::OpenRequest& request);
  Result<Reply> OpenMany(const proto::OpenManyRequest& request);
  Result<Reply> Create(const proto::CreateRequest& request);
  Result<Reply> MakeDirectory(const proto::CreateRequest& request);
  Result<Reply> MakeFifo(const proto::CreateRequest& request);
  Result<Reply> MakeSymlink(const proto::CreateRequest& request);
  Result<Reply> MakeLink(const proto::LinkRequest& request);
  Result<Reply> HidesName(const proto::CreateRequest& request);
  Result<Reply> Unlink(const proto::UnlinkRequest& request);
  Result<Reply> RemoveDirectory(const proto::UnlinkRequest& request);
  Result<Reply> Rename(const proto::RenameRequest& request);
  Result<Reply> ReadLink(const proto::HandleRequest& request);
  Result<Reply> ReadDirectory(const proto::ReadDirectoryRequest& request);
  Result<Reply> StatFs(const proto::HandleRequest& request);
  Result<Reply> GetXattr(const proto::XattrRequest& request);
  Result<Reply> SetXattr(const proto::XattrRequest& request);
  Result<Reply> ListXattr(const proto::HandleRequest& request);
  Result<Reply> RemoveXattr(const proto::XattrRequest& request);
  Result<Reply> Release(const proto::ReleaseRequest& request);

  Tree& tree_;
  std::unique_ptr<char[]> arena_block_;
  google::protobuf::Arena arena_;
  std::vector<HostFd> descriptors_;
};

}  // namespace ukrun::gofer
