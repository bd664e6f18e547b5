// Sockets' addresses and messages as text.
#pragma once

#include "sentry/strace/call.h"

namespace ukrun::strace {

// {sa_family=AF_UNIX, sun_path="/run/x"}
void AppendSocketAddress(const Call& call, uint64_t address, uint64_t size, std::string& out);
// struct msghdr, with its data: of that the first `filled` bytes.
void AppendMessage(const Call& call, uint64_t address, uint64_t filled, std::string& out);
// An array of struct mmsghdr. Of one that was received, its size says how much is filled.
enum class Received : uint8_t { kNo, kYes };
void AppendMessages(const Call& call, uint64_t address, uint64_t count, Received received,
                    std::string& out);

}  // namespace ukrun::strace
