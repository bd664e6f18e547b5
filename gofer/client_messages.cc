#include "gofer/client_messages.h"

#include <pb_decode.h>
#include <pb_encode.h>

namespace ukrun {
namespace {

// More than one page ever holds; an answer that says otherwise is garbage.
constexpr size_t kMostEntries = 8192;
constexpr size_t kMostNodes = 64;

bool PutBytes(pb_ostream_t* stream, const pb_field_t* field, std::string_view value) {
  return pb_encode_tag_for_field(stream, field) &&
         pb_encode_string(stream,
                          static_cast<const pb_byte_t*>(static_cast<const void*>(value.data())),
                          value.size());
}

bool PutOne(pb_ostream_t* stream, const pb_field_t* field, void* const* argument) {
  return PutBytes(stream, field, *static_cast<const std::string_view*>(*argument));
}

bool PutAll(pb_ostream_t* stream, const pb_field_t* field, void* const* argument) {
  for (std::string_view name : *static_cast<const std::span<const std::string_view>*>(*argument)) {
    if (!PutBytes(stream, field, name)) {
      return false;
    }
  }
  return true;
}

bool TakeBytes(pb_istream_t* stream, const pb_field_t*, void** argument) {
  auto* out = static_cast<std::string*>(*argument);
  // No larger than the answer: nanopb has checked the length against it.
  out->resize(stream->bytes_left);
  return pb_read(stream, static_cast<pb_byte_t*>(static_cast<void*>(out->data())), out->size());
}

bool TakeNode(pb_istream_t* stream, const pb_field_t*, void** argument) {
  auto* out = static_cast<std::vector<GoferNode>*>(*argument);
  ukrun_proto_Node node = ukrun_proto_Node_init_zero;
  if (out->size() >= kMostNodes || !pb_decode(stream, ukrun_proto_Node_fields, &node)) {
    return false;
  }
  out->push_back(FromMessage(node));
  return true;
}

bool TakeEntry(pb_istream_t* stream, const pb_field_t*, void** argument) {
  auto* out = static_cast<std::vector<GoferDirEntry>*>(*argument);
  GoferDirEntry entry;
  ukrun_proto_DirectoryEntry message = ukrun_proto_DirectoryEntry_init_zero;
  message.name = DecodeBytes(entry.name);
  if (out->size() >= kMostEntries ||
      !pb_decode(stream, ukrun_proto_DirectoryEntry_fields, &message)) {
    return false;
  }
  entry.cookie = message.cookie;
  entry.node = FromMessage(message.node);
  out->push_back(std::move(entry));
  return true;
}

pb_callback_t Encoder(bool (*function)(pb_ostream_t*, const pb_field_t*, void* const*),
                      const void* argument) {
  pb_callback_t callback{};
  callback.funcs.encode = function;
  callback.arg = const_cast<void*>(argument);
  return callback;
}

pb_callback_t Decoder(bool (*function)(pb_istream_t*, const pb_field_t*, void**), void* argument) {
  pb_callback_t callback{};
  callback.funcs.decode = function;
  callback.arg = argument;
  return callback;
}

}  // namespace

pb_callback_t EncodeBytes(const std::string_view& value) { return Encoder(&PutOne, &value); }

pb_callback_t EncodeNames(const std::span<const std::string_view>& names) {
  return Encoder(&PutAll, &names);
}

pb_callback_t DecodeBytes(std::string& out) { return Decoder(&TakeBytes, &out); }

pb_callback_t DecodeNodes(std::vector<GoferNode>& out) { return Decoder(&TakeNode, &out); }

pb_callback_t DecodeEntries(std::vector<GoferDirEntry>& out) { return Decoder(&TakeEntry, &out); }

GoferAttributes FromMessage(const ukrun_proto_Attributes& from) {
  return GoferAttributes{.dev = from.dev,
                         .ino = from.ino,
                         .mode = from.mode,
                         .nlink = from.nlink,
                         .uid = from.uid,
                         .gid = from.gid,
                         .rdev = from.rdev,
                         .size = from.size,
                         .blocks = from.blocks,
                         .block_size = from.block_size,
                         .atime_ns = from.atime_ns,
                         .mtime_ns = from.mtime_ns,
                         .ctime_ns = from.ctime_ns,
                         .btime_ns = from.btime_ns};
}

GoferNode FromMessage(const ukrun_proto_Node& from) {
  return GoferNode{GoferHandle{from.handle}, FromMessage(from.attributes)};
}

}  // namespace ukrun
