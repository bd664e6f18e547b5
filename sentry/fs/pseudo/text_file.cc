#include "sentry/fs/pseudo/text_file.h"

#include <algorithm>

#include "sentry/mm/guest_io.h"
#include "sentry/task/task.h"

namespace ukrun {
namespace {

// More than this is written at once by nobody who means well (a page, as on Linux).
constexpr size_t kMostWritten = 4096;

struct SharedText : public RefCounted<SharedText> {
  explicit SharedText(std::string made) : text(std::move(made)) {}
  const std::string text;
};

class TextFile final : public SeekableFile {
 public:
  TextFile(const Path& path, const OpenOptions& options, RefPtr<TextInode> inode)
      : SeekableFile(path, options), inode_(std::move(inode)) {}

  Result<size_t> ReadAt(GuestIo& io, int64_t offset) override {
    RefPtr<SharedText> shared = TRY(TextFor(offset));
    const std::string& text = shared->text;
    size_t begin = std::min(static_cast<size_t>(offset), text.size());
    return io.Store(text.data() + begin, std::min(io.size(), text.size() - begin));
  }

  Result<size_t> WriteAt(GuestIo& io, int64_t) override {
    if (io.size() > kMostWritten) {
      return Fail(EINVAL);
    }
    std::string text(io.size(), '\0');
    text.resize(TRY(io.Load(text.data(), text.size())));
    TRY(inode_->Apply(CurrentTask(), text));
    return text.size();
  }

  Result<void> Truncate(uint64_t) override { return Ok(); }

 protected:
  // There is no end to be at.
  Result<int64_t> AppendedEnd() override { return int64_t{0}; }

 private:
  Result<RefPtr<SharedText>> TextFor(int64_t offset) {
    if (offset != 0) {
      if (RefPtr<SharedText> made = *text_.Lock()) {
        return made;
      }
    }
    auto fresh = MakeRef<SharedText>(TRY(inode_->Text(CurrentTask())));
    RefPtr<SharedText> result = fresh;
    std::swap(*text_.Lock(), fresh);
    return result;
  }

  const RefPtr<TextInode> inode_;
  Locked<RefPtr<SharedText>, LockRank::kFileObject> text_;
};

}  // namespace

Result<void> TextInode::Apply(Task&, std::string_view) { return Fail(EIO); }

Result<RefPtr<File>> TextInode::Open(Task& task, const Path& path, const OpenOptions& options) {
  TRY(CheckOpen(task));
  return RefPtr<File>(MakeRef<TextFile>(path, options, RefPtr<TextInode>::Share(this)));
}

}  // namespace ukrun
