#include "sentry/strace/rows.h"

#include <algorithm>

#include "base/format.h"
#include "sentry/strace/text.h"

namespace ukrun::strace {

const CallFormat* FindCallFormat(uint64_t number) {
  for (auto rows : {FileRows(), DataRows(), DescriptorRows(), MemoryRows(), ProcessRows(),
                    SignalRows(), SocketRows(), WaitingRows(), SystemRows()}) {
    auto found = std::find_if(rows.begin(), rows.end(), [number](const CallFormat& row) {
      return static_cast<uint64_t>(row.number) == number;
    });
    if (found != rows.end()) {
      return &*found;
    }
  }
  return nullptr;
}

void AppendResultMode(const Call& call, std::string& out) {
  AppendMode(out, static_cast<uint32_t>(call.result));
}

void AppendResultHex(const Call& call, std::string& out) {
  AppendFormat(out, "{:#x}", static_cast<uint64_t>(call.result));
}

}  // namespace ukrun::strace
