#include "ukrun/environment.h"

#include <unistd.h>

#include <algorithm>
#include <array>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace ukrun {
namespace {

constexpr auto kNames = std::to_array<absl::string_view>(
    {"PATH", "HOME", "USER", "SHELL", "LANG", "TERM", "TZ", "PWD"});

// What a shell would search where the caller has no PATH.
constexpr absl::string_view kDefaultPath =
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

absl::string_view NameOf(absl::string_view entry) { return entry.substr(0, entry.find('=')); }

void Set(Environment& environment, std::string entry) {
  auto same_name = [&entry](const std::string& other) { return NameOf(other) == NameOf(entry); };
  auto found = std::find_if(environment.begin(), environment.end(), same_name);
  if (found == environment.end()) {
    environment.push_back(std::move(entry));
  } else {
    *found = std::move(entry);
  }
}

}  // namespace

bool PassesByDefault(absl::string_view name) {
  return std::find(kNames.begin(), kNames.end(), name) != kNames.end() ||
         absl::StartsWith(name, "LC_");
}

Environment GuestEnvironment(const Environment& caller, const std::vector<std::string>& added,
                             absl::string_view cwd) {
  Environment guest = {std::string(kDefaultPath)};
  for (const std::string& entry : caller) {
    if (absl::StrContains(entry, '=') && PassesByDefault(NameOf(entry))) {
      Set(guest, entry);
    }
  }
  Set(guest, absl::StrCat("PWD=", cwd));
  for (const std::string& entry : added) {
    if (absl::StrContains(entry, '=')) {
      Set(guest, entry);
      continue;
    }
    for (const std::string& of_caller : caller) {
      if (NameOf(of_caller) == entry && absl::StrContains(of_caller, '=')) {
        Set(guest, of_caller);
      }
    }
  }
  return guest;
}

Environment CallerEnvironment() {
  Environment all;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    all.emplace_back(*entry);
  }
  return all;
}

}  // namespace ukrun
