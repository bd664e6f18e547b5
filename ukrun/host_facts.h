// What the host is asked about before a sandbox is prepared.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace ukrun {

// Physical memory in bytes, or the memory limit of this process's container if lower.
uint64_t HostMemoryBytes();

// The processors that this process may run on.
std::vector<uint32_t> AllowedCpus();

// The home folders of the password file and $HOME, without duplicates and without "/".
std::vector<std::string> HomeFolders();

// This process's supplementary groups.
std::vector<uint32_t> SupplementaryGroups();

}  // namespace ukrun
