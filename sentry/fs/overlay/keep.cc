#include "sentry/fs/overlay/keep.h"

#include <algorithm>
#include <map>
#include <set>

#include "sentry/fs/host/host_descriptor.h"
#include "sentry/mm/bounce_buffer.h"
#include "sentry/mm/page_pool.h"

namespace ukrun {
namespace {

constexpr std::string_view kDeletedList = ".ukrun-deleted";

std::string Escape(std::string_view path) {
  std::string line;
  for (char c : path) {
    if (c == '\n') {
      line += "\\n";
    } else if (c == '\\') {
      line += "\\\\";
    } else {
      line += c;
    }
  }
  return line;
}

class Keeper {
 public:
  Keeper(GoferClient& client, GoferHandle root) : client_(client) { directories_[""] = root; }

  Result<KeepReport> Run(const LayerChanges& changes) {
    std::set<std::string, std::less<>> needed = NeededDirectories(changes);
    for (const LayerChange& change : changes.present) {
      if (change.only_leads && !needed.contains(change.path)) {
        continue;
      }
      Result<void> written = Write(change);
      if (written.Is(EACCES) || written.Is(EPERM) || written.Is(EOPNOTSUPP)) {
        ++report_.skipped;
      } else if (!written.ok()) {
        return written.failure();
      } else if (!change.only_leads) {
        ++report_.files;
      }
    }
    TRY(WriteDeleted(changes.deleted));
    // From the deepest on, as writing into a directory changes its times, and as its mode
    // may forbid that.
    for (auto it = changes.present.rbegin(); it != changes.present.rend(); ++it) {
      auto written = directories_.find(it->path);
      if (it->inode->type() == S_IFDIR && written != directories_.end()) {
        Attributes attributes = TRY(it->inode->GetAttributes());
        TRY(Finish(written->second, attributes));
      }
    }
    return report_;
  }

 private:
  struct Place {
    GoferHandle directory;
    std::string_view name;
  };

  // The directories above everything that is to be written.
  static std::set<std::string, std::less<>> NeededDirectories(const LayerChanges& changes) {
    std::set<std::string, std::less<>> needed;
    for (const LayerChange& change : changes.present) {
      std::string_view path = change.path;
      for (size_t slash = path.rfind('/'); !change.only_leads && slash != path.npos;
           slash = path.rfind('/')) {
        path = path.substr(0, slash);
        if (!needed.emplace(path).second) {
          break;
        }
      }
    }
    return needed;
  }

  // Makes the directories on the way that have not changed themselves, as those above a
  // mount. Errors: EACCES when one was refused.
  Result<Place> PlaceOf(std::string_view path) {
    GoferHandle directory = directories_[""];
    size_t begin = 0;
    for (size_t slash = path.find('/'); slash != path.npos; slash = path.find('/', begin)) {
      std::string parent(path.substr(0, slash));
      if (!directories_.contains(parent)) {
        Place place{directory, path.substr(begin, slash - begin)};
        TRY(WriteDirectory(parent, place, 0755));
      }
      directory = directories_[parent];
      begin = slash + 1;
    }
    return Place{directory, path.substr(begin)};
  }

  // make() until the name is free: what an earlier run has left is replaced.
  template <typename Make>
  auto Replacing(const Place& place, Make make) -> decltype(make()) {
    auto made = make();
    if (made.Is(EEXIST)) {
      TRY(client_.Unlink(place.directory, place.name));
      made = make();
    }
    return made;
  }

  Result<void> Write(const LayerChange& change) {
    Place place = TRY(PlaceOf(change.path));
    Inode& inode = *change.inode;
    Attributes attributes = TRY(inode.GetAttributes());
    if (inode.type() == S_IFDIR) {
      return directories_.contains(change.path) ? Ok() : WriteDirectory(change.path, place, 0700);
    }
    auto other_name = written_.find(&inode);
    if (other_name != written_.end()) {
      GoferNode node = TRY(Replacing(place, [&] {
        return client_.MakeLink(other_name->second, place.directory, place.name);
      }));
      client_.Release(node.handle);
      return Ok();
    }
    GoferHandle handle = TRY(WriteObject(change, attributes, place));
    if (attributes.link_count > 1) {
      written_[&inode] = handle;
    }
    CopyXattrs(inode, handle);
    if (inode.type() != S_IFLNK) {
      return Finish(handle, attributes);
    }
    return Ok();
  }

  Result<GoferHandle> WriteObject(const LayerChange& change, const Attributes& attributes,
                                  const Place& place) {
    uint32_t mode = attributes.mode & 07777;
    switch (change.inode->type()) {
      case S_IFREG: {
        GoferOpenOptions options;
        options.access = GoferAccess::kWrite;
        GoferCreated created = TRY(Replacing(
            place, [&] { return client_.Create(place.directory, place.name, mode, options); }));
        HostDescriptor file(std::move(created.fd), GoferAccess::kWrite);
        TRY(WriteContents(change, attributes.size, file));
        return created.node.handle;
      }
      case S_IFLNK: {
        std::string target = TRY(change.inode->ReadLink());
        return TRY(Replacing(
                       place,
                       [&] { return client_.MakeSymlink(place.directory, place.name, target); }))
            .handle;
      }
      case S_IFIFO:
        return TRY(Replacing(place,
                             [&] { return client_.MakeFifo(place.directory, place.name, mode); }))
            .handle;
      default:
        return Fail(EOPNOTSUPP);
    }
  }

  Result<void> WriteDirectory(const std::string& path, const Place& place, uint32_t mode) {
    Result<GoferNode> made = client_.MakeDirectory(place.directory, place.name, mode);
    if (made.Is(EEXIST)) {
      std::string_view name = place.name;
      GoferWalk walk = TRY(client_.Walk(place.directory, std::span(&name, 1)));
      if (walk.nodes.size() == 1 && IsDirectoryMode(walk.nodes[0].attributes.mode)) {
        directories_[path] = walk.nodes[0].handle;
        return Ok();
      }
      TRY(client_.Unlink(place.directory, place.name));
      made = client_.MakeDirectory(place.directory, place.name, mode);
    }
    GoferNode node = TRY(std::move(made));
    directories_[path] = node.handle;
    return Ok();
  }

  static Result<void> WriteContents(const LayerChange& change, uint64_t size,
                                    const HostDescriptor& file) {
    RefPtr<LowerContents> below;
    if (!change.above) {
      below = TRY(change.below->OpenContents());
    }
    BounceBuffer buffer(std::max<uint64_t>(size, 1));
    uint64_t offset = 0;
    while (offset < size) {
      GuestIo reading(std::as_writable_bytes(std::span(buffer.data(), buffer.size())));
      Result<size_t> read = change.above ? change.above->contents().ReadAt(reading, offset)
                                         : below->ReadAt(reading, offset);
      size_t got = TRY(std::move(read));
      if (got == 0) {
        break;
      }
      // Holes stay holes.
      bool zeros = std::all_of(buffer.data(), buffer.data() + got, [](char c) { return c == 0; });
      GuestIo writing(std::as_writable_bytes(std::span(buffer.data(), got)));
      if (!zeros && TRY(file.WriteAt(writing, offset)) != got) {
        return Fail(ENOSPC);
      }
      offset += got;
    }
    return file.Truncate(size);
  }

  // Not every host file system has them.
  void CopyXattrs(Inode& inode, GoferHandle handle) {
    Result<std::vector<std::string>> names = inode.ListXattrs();
    if (!names.ok()) {
      return;
    }
    for (const std::string& name : *names) {
      Result<std::string> value = inode.GetXattr(name);
      if (name.starts_with("user.") && value.ok() &&
          !client_.SetXattr(handle, name, *value, 0).ok()) {
        return;
      }
    }
  }

  Result<void> Finish(GoferHandle handle, const Attributes& attributes) {
    GoferSetAttributes change;
    change.mode = attributes.mode & 0777;
    change.atime = GoferTimeChange{GoferTimeChange::Kind::kSet, attributes.access_time_ns};
    change.mtime = GoferTimeChange{GoferTimeChange::Kind::kSet, attributes.modify_time_ns};
    TRY(client_.SetAttributes(handle, change));
    return Ok();
  }

  Result<void> WriteDeleted(const std::vector<std::string>& deleted) {
    if (deleted.empty()) {
      return Ok();
    }
    std::string text;
    for (const std::string& path : deleted) {
      text += "/" + Escape(path) + "\n";
    }
    Place place{directories_[""], kDeletedList};
    GoferOpenOptions options;
    options.access = GoferAccess::kWrite;
    GoferCreated created = TRY(Replacing(
        place, [&] { return client_.Create(place.directory, place.name, 0644, options); }));
    HostDescriptor file(std::move(created.fd), GoferAccess::kWrite);
    GuestIo writing(std::as_writable_bytes(std::span(text.data(), text.size())));
    if (TRY(file.WriteAt(writing, 0)) != text.size()) {
      return Fail(ENOSPC);
    }
    report_.files += deleted.size();
    return Ok();
  }

  GoferClient& client_;
  std::map<std::string, GoferHandle, std::less<>> directories_;  // by path
  std::map<const Inode*, GoferHandle> written_;                  // with more names to come
  KeepReport report_;
};

}  // namespace

Result<KeepReport> KeepChanges(const LayerChanges& changes, GoferClient& client, uint32_t attach) {
  GoferNode root = TRY(client.Attach(attach));
  return Keeper(client, root.handle).Run(changes);
}

}  // namespace ukrun
