// /proc/net/unix: all Unix-domain sockets of the sandbox.
#pragma once

#include <string>

namespace ukrun {

// Appends a line for each, as unix_seq_show() of Linux writes it.
void ListUnixSockets(std::string& out);

}  // namespace ukrun
