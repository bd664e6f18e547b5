// nanopb's side of gofer.proto: fields of variable length, to and from the messages.
//
// nanopb asks for such fields by callbacks with a void pointer. Here each kind has one
// function that sets a field up; what it points at must live until the message is encoded or
// decoded.
#pragma once

#include <pb.h>

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "gofer/gofer.nanopb.h"
#include "gofer/types.h"

namespace ukrun {

template <typename Enum>
constexpr auto Underlying(Enum value) {
  return static_cast<std::underlying_type_t<Enum>>(value);
}

pb_callback_t EncodeBytes(const std::string_view& value);
pb_callback_t EncodeNames(const std::span<const std::string_view>& names);
pb_callback_t DecodeBytes(std::string& out);
pb_callback_t DecodeNodes(std::vector<GoferNode>& out);
pb_callback_t DecodeEntries(std::vector<GoferDirEntry>& out);

GoferAttributes FromMessage(const ukrun_proto_Attributes& from);
GoferNode FromMessage(const ukrun_proto_Node& from);

}  // namespace ukrun
