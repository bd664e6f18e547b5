// The files of /proc/sys that are more than a constant.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace ukrun {

class Task;

Result<std::string> HostNameText(Task& reader);
Result<void> ApplyHostName(Task& writer, std::string_view text);
Result<std::string> DomainNameText(Task& reader);
Result<void> ApplyDomainName(Task& writer, std::string_view text);
Result<std::string> ThreadsMaxText(Task& reader);
Result<std::string> BootIdText(Task& reader);
Result<std::string> UuidText(Task& reader);
Result<std::string> FileNumberText(Task& reader);
Result<std::string> InodeNumberText(Task& reader);

}  // namespace ukrun
