// An open directory of a file system that lists its entries by stable positions: tmpfs,
// host, overlay.
#pragma once

#include <string>
#include <vector>

#include "sentry/vfs/file.h"

namespace ukrun {

struct ListedEntry {
  std::string name;
  uint64_t inode_number = 0;
  uint8_t type = 0;   // DT_*
  uint64_t next = 0;  // the position behind this entry
};

// What a directory inode offers its open files.
class ListedDirectory {
 public:
  // Positions 0 and 1 are the places of "." and "..", which are not listed here.
  static constexpr uint64_t kFirstPosition = 2;

  // Some of the entries behind `position` (at least kFirstPosition); none at the end.
  virtual Result<std::vector<ListedEntry>> List(uint64_t position) = 0;
  // It is being listed: for the access time.
  virtual void Listed() {}

 protected:
  ~ListedDirectory() = default;
};

// DT_* for a mode.
constexpr uint8_t DirectoryEntryType(uint32_t mode) {
  return static_cast<uint8_t>((mode & S_IFMT) >> 12);
}

class DirectoryFile final : public File {
 public:
  // `directory` belongs to the inode that `path` leads to.
  DirectoryFile(Path path, const OpenOptions& options, ListedDirectory& directory)
      : File(std::move(path), options), directory_(directory) {}

  Result<size_t> Read(GuestIo& io) override;
  Result<size_t> ReadAt(GuestIo& io, int64_t offset) override;
  Result<int64_t> Seek(int64_t offset, int whence) override;
  Result<void> ReadDirectory(DirectorySink& sink) override;
  Result<void> Synchronize(Sync) override { return Ok(); }

 private:
  ListedDirectory& directory_;
};

}  // namespace ukrun
