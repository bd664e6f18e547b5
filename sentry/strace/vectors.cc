#include "sentry/strace/vectors.h"

#include <algorithm>

#include "abi/file.h"
#include "base/format.h"
#include "sentry/strace/formats.h"

namespace ukrun::strace {

void AppendVector(const Call& call, uint64_t address, uint64_t count, uint64_t filled,
                  std::string& out) {
  AppendArray<abi::Iovec>(call, address, count, out, [&](const abi::Iovec& part) {
    out += "{iov_base=";
    uint64_t shown = std::min(part.size, filled);
    AppendData(call, part.address, shown, out);
    AppendFormat(out, ", iov_len={}}}", part.size);
    filled -= shown;
  });
}

}  // namespace ukrun::strace
