// What a handler's signature doesn't tell about a call's arguments: names of flags, data
// whose size is elsewhere. One file a subject; see formats.h for the words in the rows.
#pragma once

#include <array>
#include <span>

#include "sentry/strace/call.h"

namespace ukrun::strace {

// Appends what stands behind "= ".
using ResultFormatter = void (*)(const Call& call, std::string& out);

struct CallFormat {
  int number;
  std::array<Argument, 6> arguments{};
  ResultFormatter result = nullptr;  // null: a number, or an address if the handler says so
};

std::span<const CallFormat> FileRows();
std::span<const CallFormat> DataRows();
std::span<const CallFormat> DescriptorRows();
std::span<const CallFormat> MemoryRows();
std::span<const CallFormat> ProcessRows();
std::span<const CallFormat> SignalRows();
std::span<const CallFormat> SocketRows();
std::span<const CallFormat> WaitingRows();
std::span<const CallFormat> SystemRows();

// Null when the signature says everything.
const CallFormat* FindCallFormat(uint64_t number);

// Some results.
void AppendResultMode(const Call& call, std::string& out);
void AppendResultHex(const Call& call, std::string& out);

}  // namespace ukrun::strace
