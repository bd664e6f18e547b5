// Reading directories with the attributes of their entries.
#include <unistd.h>

#include <algorithm>
#include <vector>

#include "gofer/tree.h"

namespace ukrun::gofer {
namespace {

// At most what one entry with an empty name takes in a message.
constexpr size_t kEntryBytes = 160;
constexpr size_t kRecordsBytes = size_t{32} * 1024;

}  // namespace

Result<GoferDirPage> Tree::ReadDirectory(uint64_t handle, uint64_t cookie, WithHandles with_handles,
                                         size_t most_bytes) {
  Directory directory = TRY(FindDirectory(handle));
  HostFd stream = TRY(streams_.Take(handle, directory.fd->get(), cookie));
  const HiddenState* state = nodes_.HiddenStateOf(directory.node);
  GoferDirPage page;
  page.next_cookie = cookie;
  std::vector<char> buffer(kRecordsBytes);
  std::vector<StatJob> jobs;
  std::vector<RawEntry> entries;
  // A read may hold hidden entries only, and an empty page would look like the end.
  while (page.entries.empty()) {
    size_t used_bytes = 0;
    size_t size = TRY(ReadEntries(stream.get(), buffer));
    if (size == 0) {
      page.end = true;
      return page;
    }
    jobs.clear();
    entries.clear();
    std::span<const char> records(buffer.data(), size);
    while (!records.empty() && used_bytes < most_bytes) {
      RawEntry entry = NextEntry(records);
      page.next_cookie = entry.cookie;
      if (ValidName(entry.name)) {
        entries.push_back(entry);
        jobs.push_back(StatJob{.name = entry.name.data(), .error = 0, .attributes = {}});
        used_bytes += kEntryBytes + entry.name.size();
      }
    }
    bool stopped_early = !records.empty();
    batch_.Stat(directory.fd->get(), jobs);
    auto has_other_names = [](const StatJob& job) {
      return job.error == 0 && IsRegular(job.attributes) && job.attributes.nlink > 1;
    };
    auto met = std::find_if(jobs.begin(), jobs.end(), has_other_names);
    if (met != jobs.end()) {
      SearchForOtherNames(directory, met->attributes);
    }
    for (size_t i = 0; i < jobs.size(); ++i) {
      const GoferAttributes& attributes = jobs[i].attributes;
      // An entry that is gone already is left out; so is one that can't be looked at.
      if (jobs[i].error != 0 ||
          hiding_->HidesEntry(hiding_->paths().Match(state, entries[i].name), attributes) ||
          OnHiddenFilesystem(directory, CName(entries[i].name), attributes)) {
        continue;
      }
      GoferNode node{GoferHandle::kNone, attributes};
      if (with_handles == WithHandles::kYes) {
        NodeRef ref = nodes_.Intern(directory.node, entries[i].name, attributes,
                                    NodeTable::CountLookup::kYes);
        node.handle = GoferHandle{ref->handle};
      }
      page.entries.push_back(GoferDirEntry{std::string(entries[i].name), entries[i].cookie, node});
    }
    if (stopped_early && lseek(stream.get(), static_cast<off_t>(page.next_cookie), SEEK_SET) < 0) {
      return Fail(errno);
    }
  }
  streams_.GiveBack(handle, page.next_cookie, std::move(stream));
  return page;
}

}  // namespace ukrun::gofer
