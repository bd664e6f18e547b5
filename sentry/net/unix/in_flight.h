// What all Unix-domain sockets have in common: the abstract names, and the files that are
// on their way in messages (SCM_RIGHTS).
//
// A socket that is in flight and that nobody else holds may sit, over some detour, in its own
// queue, and would never be closed. CollectUnreachable finds those, as Linux's unix_gc: a
// socket all of whose references are in flight is alive only if one of the queues that hold
// it belongs to a socket that is.
//
// Files enter and leave queues with the table's lock held, so the collector sees all of them.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/locked.h"
#include "sentry/vfs/file.h"

namespace ukrun {

class UnixEndpoint;

struct UnixTable {
  // Endpoints with a file, and its inode's number. Not owned, as below.
  std::map<UnixEndpoint*, uint64_t> open;
  // Type and name, as names of one type only clash with each other. Not owned: an endpoint
  // takes itself out when it is closed.
  std::map<std::string, UnixEndpoint*, std::less<>> abstract_names;
  uint32_t next_automatic_name = 0;
  // How many references to the file of a socket are in queues.
  std::map<UnixEndpoint*, uint32_t> in_flight;
  size_t closed_since_collection = 0;
  // Files in queues by the user who sent them; bounded by RLIMIT_NOFILE.
  std::map<uint32_t, size_t> sent_by_user;
  // The files that a thread is just releasing (ReleaseFiles).
  std::map<const void*, std::vector<RefPtr<File>>*> releasing;
};
using LockedUnixTable = Locked<UnixTable, LockRank::kSocketTable>;

LockedUnixTable& TheUnixTable();

// The two require the table's lock.
void AddInFlight(UnixTable& table, const std::vector<RefPtr<File>>& files, uint32_t user);
void RemoveInFlight(UnixTable& table, const std::vector<RefPtr<File>>& files, uint32_t user);

// Drops references. Never recursive: the end of a socket that holds sockets that hold sockets
// adds to the work of the caller that came first. No locks held.
void ReleaseFiles(std::vector<RefPtr<File>> files);

// Called when a socket has been closed: closes those that only they themselves hold. Looks at
// all sockets in flight, so the more there are the less often it does. No locks held.
void CollectUnreachable();

// For /proc/net/unix and the collector: the endpoint of a Unix socket, else null.
UnixEndpoint* EndpointOf(File& file);

}  // namespace ukrun
