#include "sentry/net/unix/in_flight.h"

#include <atomic>

#include "base/thread.h"
#include "sentry/net/unix/endpoint.h"

namespace ukrun {
namespace {

// A collection follows when a sixteenth as many sockets have been closed as are in flight.
constexpr size_t kCollectionShare = 16;

// Made at first use: the maps have constructors.
constinit std::atomic<LockedUnixTable*> the_table{nullptr};

using References = std::map<UnixEndpoint*, uint32_t>;

// Sockets all of whose references are in flight, with the number of those.
References FindCandidates(const UnixTable& table) {
  References candidates;
  for (auto [endpoint, count] : table.in_flight) {
    // In flight, so the file is alive. A count that is just growing or shrinking elsewhere
    // belongs to somebody who holds the file, so it is above ours.
    if (endpoint->file != nullptr && endpoint->file->ref_count() == count) {
      candidates.emplace(endpoint, count);
    }
  }
  return candidates;
}

// Leaves those that cannot be reached from outside.
void RemoveReachable(References& candidates) {
  References outside = candidates;
  for (auto [endpoint, count] : candidates) {
    endpoint->ForEachQueuedSocket([&](UnixEndpoint& queued) {
      auto found = outside.find(&queued);
      if (found != outside.end() && found->second > 0) {
        --found->second;
      }
    });
  }
  std::vector<UnixEndpoint*> reachable;
  for (auto [endpoint, count] : outside) {
    if (count > 0) {
      reachable.push_back(endpoint);
      candidates.erase(endpoint);
    }
  }
  while (!reachable.empty()) {
    UnixEndpoint* endpoint = reachable.back();
    reachable.pop_back();
    endpoint->ForEachQueuedSocket([&](UnixEndpoint& queued) {
      if (candidates.erase(&queued) != 0) {
        reachable.push_back(&queued);
      }
    });
  }
}

}  // namespace

LockedUnixTable& TheUnixTable() {
  LockedUnixTable* table = the_table.load(std::memory_order_acquire);
  if (table == nullptr) {
    auto* fresh = new LockedUnixTable();
    if (the_table.compare_exchange_strong(table, fresh, std::memory_order_acq_rel)) {
      table = fresh;
    } else {
      delete fresh;
    }
  }
  return *table;
}

void AddInFlight(UnixTable& table, const std::vector<RefPtr<File>>& files, uint32_t user) {
  if (files.empty()) {
    return;
  }
  table.sent_by_user[user] += files.size();
  for (const RefPtr<File>& file : files) {
    if (UnixEndpoint* endpoint = EndpointOf(*file)) {
      ++table.in_flight[endpoint];
    }
  }
}

void RemoveInFlight(UnixTable& table, const std::vector<RefPtr<File>>& files, uint32_t user) {
  if (files.empty()) {
    return;
  }
  auto sent = table.sent_by_user.find(user);
  sent->second -= files.size();
  if (sent->second == 0) {
    table.sent_by_user.erase(sent);
  }
  for (const RefPtr<File>& file : files) {
    if (UnixEndpoint* endpoint = EndpointOf(*file)) {
      auto found = table.in_flight.find(endpoint);
      if (--found->second == 0) {
        table.in_flight.erase(found);
      }
    }
  }
}

void ReleaseFiles(std::vector<RefPtr<File>> files) {
  if (files.empty()) {
    return;
  }
  const void* thread = &CurrentThread();
  {
    auto table = TheUnixTable().Lock();
    auto [place, first] = table->releasing.emplace(thread, &files);
    if (!first) {
      for (RefPtr<File>& file : files) {
        place->second->push_back(std::move(file));
      }
      return;
    }
  }
  for (;;) {
    RefPtr<File> file;
    {
      auto table = TheUnixTable().Lock();
      if (files.empty()) {
        table->releasing.erase(thread);
        return;
      }
      file = std::move(files.back());
      files.pop_back();
    }
  }
}

void CollectUnreachable() {
  std::vector<RefPtr<File>> dead;
  {
    auto table = TheUnixTable().Lock();
    if (++table->closed_since_collection * kCollectionShare < table->in_flight.size()) {
      return;
    }
    table->closed_since_collection = 0;
    if (table->in_flight.empty()) {
      return;
    }
    References candidates = FindCandidates(*table);
    RemoveReachable(candidates);
    for (auto [endpoint, count] : candidates) {
      endpoint->TakeQueuedFiles(*table, dead);
    }
  }
  ReleaseFiles(std::move(dead));
}

}  // namespace ukrun
