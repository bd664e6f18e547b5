// Files whose text is made when somebody reads them.
//
// A text is made as a whole at the first read, and again at each read from the beginning;
// so a reader in small pieces sees one state, and one that rewinds a new one (as with
// Linux's seq_file).
#pragma once

#include <string>
#include <string_view>

#include "sentry/fs/pseudo/pseudo_file_system.h"
#include "sentry/vfs/file.h"

namespace ukrun {

class TextInode : public PseudoInode {
 public:
  using PseudoInode::PseudoInode;
  Result<RefPtr<File>> Open(Task& task, const Path& path, const OpenOptions& options) override;

  virtual Result<std::string> Text(Task& reader) = 0;
  // What was written, in one piece. Default: EIO, as for files that have no meaning for it.
  virtual Result<void> Apply(Task& writer, std::string_view text);
  // Whether it may be opened, besides what its mode says.
  virtual Result<void> CheckOpen(Task&) { return Ok(); }
};

// A text that needs nothing but the kernel.
using TextFunction = Result<std::string> (*)(Task& reader);
using ApplyFunction = Result<void> (*)(Task& writer, std::string_view text);

class FunctionText final : public TextInode {
 public:
  FunctionText(PseudoFileSystem& file_system, uint32_t permissions, TextFunction text,
               ApplyFunction apply = nullptr)
      : TextInode(file_system, S_IFREG | permissions), text_(text), apply_(apply) {}

  Result<std::string> Text(Task& reader) override { return text_(reader); }
  Result<void> Apply(Task& writer, std::string_view text) override {
    return apply_ == nullptr ? TextInode::Apply(writer, text) : apply_(writer, text);
  }

 private:
  const TextFunction text_;
  const ApplyFunction apply_;
};

// Text that never changes.
class FixedText final : public TextInode {
 public:
  FixedText(PseudoFileSystem& file_system, uint32_t permissions, std::string text)
      : TextInode(file_system, S_IFREG | permissions), text_(std::move(text)) {}
  Result<std::string> Text(Task&) override { return text_; }

 private:
  const std::string text_;
};

}  // namespace ukrun
