#include "sentry/fs/overlay/overlay.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>

#include "sentry/fs/overlay/changes.h"
#include "sentry/fs/overlay/overlay_directory.h"
#include "sentry/fs/overlay/overlay_regular.h"
#include "sentry/mm/page_pool.h"

namespace ukrun {
namespace {

// --- A tree below -----------------------------------------------------------------------------

class FakeFileSystem final : public FileSystem {
 public:
  std::string_view type_name() const override { return "fake"; }
  RefPtr<Inode> root() override { return root_inode; }
  Result<FileSystemStatistics> Statistics() override { return FileSystemStatistics(); }
  RefPtr<Inode> root_inode;
};

class FakeContents final : public LowerContents {
 public:
  explicit FakeContents(std::string text) : text_(std::move(text)) {}
  Result<size_t> ReadAt(GuestIo& io, uint64_t offset) override {
    size_t begin = std::min<size_t>(offset, text_.size());
    return io.Store(text_.data() + begin, text_.size() - begin);
  }
  Result<uint64_t> SeekSparse(uint64_t offset, int) override { return offset; }
  Result<RefPtr<Mappable>> GetMappable() override { return Fail(ENODEV); }

 private:
  const std::string text_;
};

class FakeInode final : public LowerInode, public ListedDirectory {
 public:
  FakeInode(FakeFileSystem& file_system, uint32_t mode, std::string contents = "")
      : file_system_(file_system), text(std::move(contents)) {
    static uint64_t number = 100;
    attributes.inode_number = ++number;
    attributes.mode = mode;
    attributes.size = text.size();
    attributes.uid = 7;
    attributes.modify_time_ns = 1234;
  }
  FileSystem& file_system() override { return file_system_; }
  uint32_t type() const override { return attributes.mode & S_IFMT; }
  Result<Attributes> GetAttributes() override { return attributes; }
  Result<std::string> ReadLink() override { return text; }
  Result<RefPtr<Inode>> Lookup(std::string_view name, std::string_view) override {
    auto it = children.find(name);
    return it == children.end() ? Fail(ENOENT) : Result<RefPtr<Inode>>(RefPtr<Inode>(it->second));
  }
  Result<RefPtr<LowerContents>> OpenContents() override {
    ++opens;
    return RefPtr<LowerContents>(MakeRef<FakeContents>(text));
  }
  ListedDirectory* listing() override { return type() == S_IFDIR ? this : nullptr; }
  // One entry a call, so that positions matter.
  Result<std::vector<ListedEntry>> List(uint64_t position) override {
    uint64_t at = kFirstPosition;
    for (const auto& [name, child] : children) {
      if (at++ == position) {
        return std::vector<ListedEntry>{
            {name, child->attributes.inode_number, DirectoryEntryType(child->type()), at}};
      }
    }
    return std::vector<ListedEntry>();
  }

  std::map<std::string, RefPtr<FakeInode>, std::less<>> children;
  Attributes attributes;
  int opens = 0;

 private:
  FakeFileSystem& file_system_;

 public:
  std::string text;
};

// --- The tests' view of the overlay -----------------------------------------------------------

class OverlayTest : public testing::Test {
 protected:
  OverlayTest() : budget_(uint64_t{16} << 20) {}
  void SetUp() override {
    PagePoolInitialize();
    lower_ = MakeRef<FakeFileSystem>();
    below_ = MakeRef<FakeInode>(*lower_, S_IFDIR | 0755u);
    lower_->root_inode = below_;
    // /a  /dir/b  /dir/sub/c  /link
    Below("a", S_IFREG | 0644u, "lower a");
    auto dir = Below("dir", S_IFDIR | 0755u);
    dir->children["b"] = MakeRef<FakeInode>(*lower_, S_IFREG | 0644u, "lower b");
    auto sub = MakeRef<FakeInode>(*lower_, S_IFDIR | 0755u);
    sub->children["c"] = MakeRef<FakeInode>(*lower_, S_IFREG | 0600u, "lower c");
    dir->children["sub"] = sub;
    Below("link", S_IFLNK | 0777u, "dir/b");
    overlay_ = OverlayFileSystem::Create(lower_, budget_);
  }
  RefPtr<FakeInode> Below(const std::string& name, uint32_t mode, std::string text = "") {
    return below_->children[name] = MakeRef<FakeInode>(*lower_, mode, std::move(text));
  }

  // No dentry cache here: every step asks, so what is not kept is forgotten.
  RefPtr<Inode> Find(std::string_view path) {
    RefPtr<Inode> inode = overlay_->root();
    while (inode && !path.empty()) {
      size_t slash = std::min(path.find('/'), path.size());
      Result<RefPtr<Inode>> found = inode->Lookup(path.substr(0, slash), "");
      inode = found.ok() ? *found : nullptr;
      path.remove_prefix(std::min(slash + 1, path.size()));
    }
    return inode;
  }
  RefPtr<File> Open(RefPtr<Inode> inode, bool write) {
    Path path;
    path.dentry = Dentry::CreateDetached("test", inode);
    OpenOptions options;
    options.read = true;
    options.write = write;
    return *inode->Open(NoTask(), path, options);
  }
  std::string Read(File& file) {
    std::string text(100, 'x');
    GuestIo io(std::as_writable_bytes(std::span(text.data(), text.size())));
    text.resize(file.ReadAt(io, 0).value_or(0));
    return text;
  }
  std::string Read(std::string_view path) {
    RefPtr<Inode> inode = Find(path);
    return inode ? Read(*Open(inode, false)) : "(none)";
  }
  Result<size_t> Write(File& file, std::string text, int64_t offset) {
    GuestIo io(std::as_writable_bytes(std::span(text.data(), text.size())));
    return file.WriteAt(io, offset);
  }
  void Write(std::string_view path, std::string text) {
    RefPtr<Inode> inode = Find(path);
    RefPtr<File> file = Open(inode, true);
    AttributeChange change;
    change.size = 0;
    ASSERT_TRUE(inode->SetAttributes(change).ok());
    ASSERT_TRUE(Write(*file, std::move(text), 0).ok());
  }
  Result<RefPtr<Inode>> Make(std::string_view directory, std::string_view name, uint32_t mode) {
    NewInode what;
    what.mode = mode;
    return Find(directory)->Make(name, what);
  }
  Result<void> Remove(std::string_view directory, std::string_view name) {
    RefPtr<Inode> parent = Find(directory);
    return parent->Remove(name, **parent->Lookup(name, ""));
  }
  Result<void> Rename(std::string_view from, std::string_view old_name, std::string_view to,
                      std::string_view new_name, RenameMode mode = RenameMode::kReplace) {
    RefPtr<Inode> source = Find(from);
    RefPtr<Inode> target = Find(to);
    RefPtr<Inode> moved = *source->Lookup(old_name, "");
    Result<RefPtr<Inode>> replaced = target->Lookup(new_name, "");
    return source->Rename(old_name, *moved, *target, new_name,
                          replaced.ok() ? replaced->get() : nullptr, mode);
  }
  std::multiset<std::string> Names(std::string_view path) {
    auto directory = StaticRefCast<OverlayDirectory>(Find(path));
    std::multiset<std::string> names;
    uint64_t position = ListedDirectory::kFirstPosition;
    for (;;) {
      std::vector<ListedEntry> entries = *directory->List(position);
      if (entries.empty()) {
        return names;
      }
      for (ListedEntry& entry : entries) {
        EXPECT_GT(entry.next, position);
        position = entry.next;
        EXPECT_EQ(entry.inode_number,
                  (*directory->Lookup(entry.name, ""))->GetAttributes()->inode_number);
        names.insert(std::move(entry.name));
      }
    }
  }
  uint32_t Links(std::string_view path) { return Find(path)->GetAttributes()->link_count; }
  static Task& NoTask() {
    alignas(16) static char memory[sizeof(void*) * 512];
    return *reinterpret_cast<Task*>(memory);
  }

  using Set = std::multiset<std::string>;
  MemoryBudget budget_;
  RefPtr<FakeFileSystem> lower_;
  RefPtr<FakeInode> below_;
  RefPtr<OverlayFileSystem> overlay_;
};

TEST_F(OverlayTest, ShowsTheTreeBelow) {
  EXPECT_EQ(Read("dir/sub/c"), "lower c");
  EXPECT_EQ(Names(""), (Set{"a", "dir", "link"}));
  EXPECT_EQ(*Find("link")->ReadLink(), "dir/b");
  EXPECT_EQ(Find("a")->GetAttributes()->uid, 7u);
  EXPECT_EQ(overlay_->ChangedFiles(), 0u);
}

TEST_F(OverlayTest, WritingChangesTheFileAboveAndKeepsItsNumber) {
  uint64_t number = Find("dir/b")->GetAttributes()->inode_number;
  RefPtr<File> file = Open(Find("dir/b"), true);
  EXPECT_EQ(*Write(*file, "UPPER", 0), 5u);
  EXPECT_EQ(Read(*file), "UPPER b");
  file = nullptr;
  EXPECT_EQ(Read("dir/b"), "UPPER b");
  EXPECT_EQ(Find("dir/b")->GetAttributes()->inode_number, number);
  EXPECT_EQ(Find("dir/b")->GetAttributes()->uid, 7u);
  EXPECT_EQ(Names("dir"), (Set{"b", "sub"}));
  EXPECT_EQ(overlay_->ChangedFiles(), 1u);
}

TEST_F(OverlayTest, ReaderSeesWhatIsWrittenLater) {
  RefPtr<Inode> inode = Find("a");
  RefPtr<File> reader = Open(inode, false);
  RefPtr<File> writer = Open(inode, true);
  ASSERT_TRUE(Write(*writer, "UPPER", 0).ok());
  EXPECT_EQ(Read(*reader), "UPPER a");
}

TEST_F(OverlayTest, TruncationToNothingCopiesNothing) {
  Write("a", "x");
  EXPECT_EQ(Read("a"), "x");
  EXPECT_LE(below_->children["a"]->opens, 2);  // by Open, for reading
}

TEST_F(OverlayTest, ChangedModeKeepsContentsBelow) {
  AttributeChange change;
  change.permissions = 0700;
  ASSERT_TRUE(Find("dir/sub/c")->SetAttributes(change).ok());
  EXPECT_EQ(Find("dir/sub/c")->GetAttributes()->mode, S_IFREG | 0700u);
  EXPECT_EQ(Find("dir/sub/c")->GetAttributes()->modify_time_ns, 1234);
  EXPECT_EQ(Read("dir/sub/c"), "lower c");
  EXPECT_EQ(overlay_->ChangedFiles(), 1u);
}

TEST_F(OverlayTest, RemovedNamesStayAwayAndCanBeMadeAgain) {
  ASSERT_TRUE(Remove("", "a").ok());
  EXPECT_EQ(Find("a").get(), nullptr);
  EXPECT_EQ(Names(""), (Set{"dir", "link"}));
  ASSERT_TRUE(Make("", "a", S_IFREG | 0600).ok());
  EXPECT_EQ(Read("a"), "");
  EXPECT_EQ(Names(""), (Set{"a", "dir", "link"}));
  ASSERT_TRUE(Remove("", "a").ok());
  EXPECT_EQ(Find("a").get(), nullptr);
}

TEST_F(OverlayTest, OpenFileSurvivesItsName) {
  RefPtr<Inode> inode = Find("a");
  RefPtr<File> file = Open(inode, true);
  ASSERT_TRUE(overlay_->root()->Remove("a", *inode).ok());
  EXPECT_EQ(Read(*file), "lower a");
  EXPECT_EQ(inode->GetAttributes()->link_count, 0u);
  ASSERT_TRUE(Write(*file, "UPPER", 0).ok());
  EXPECT_EQ(Read(*file), "UPPER a");
  EXPECT_EQ(Find("a").get(), nullptr);
}

TEST_F(OverlayTest, DirectoryIsRemovedWhenNothingShowsInIt) {
  EXPECT_TRUE(Remove("", "dir").Is(ENOTEMPTY));
  ASSERT_TRUE(Remove("dir", "b").ok());
  ASSERT_TRUE(Remove("dir/sub", "c").ok());
  ASSERT_TRUE(Remove("dir", "sub").ok());
  ASSERT_TRUE(Remove("", "dir").ok());
  // What was below does not shine through a new directory.
  ASSERT_TRUE(Make("", "dir", S_IFDIR | 0755).ok());
  EXPECT_EQ(Names("dir"), Set{});
  EXPECT_EQ(Find("dir/b").get(), nullptr);
  EXPECT_EQ(Links("dir"), 2u);
}

TEST_F(OverlayTest, RenamedDirectoryTakesAlongWhatLiesBelow) {
  ASSERT_TRUE(Make("", "new", S_IFDIR | 0755).ok());
  Write("dir/b", "changed");
  ASSERT_TRUE(Rename("", "dir", "new", "moved").ok());
  EXPECT_EQ(Find("dir").get(), nullptr);
  EXPECT_EQ(Read("new/moved/b"), "changed");
  EXPECT_EQ(Read("new/moved/sub/c"), "lower c");
  EXPECT_EQ(Names("new/moved"), (Set{"b", "sub"}));
  EXPECT_EQ(Names(""), (Set{"a", "link", "new"}));
  EXPECT_EQ(Links("new"), 3u);
}

TEST_F(OverlayTest, RenameOverAFileReplacesIt) {
  ASSERT_TRUE(Make("", "a.tmp", S_IFREG | 0600).ok());
  Write("a.tmp", "saved");
  ASSERT_TRUE(Rename("", "a.tmp", "", "a").ok());
  EXPECT_EQ(Read("a"), "saved");
  EXPECT_EQ(Names(""), (Set{"a", "dir", "link"}));
  LayerChanges changes = *CollectChanges(*overlay_);
  EXPECT_TRUE(changes.deleted.empty());
}

TEST_F(OverlayTest, ExchangeSwapsFilesAndDirectories) {
  ASSERT_TRUE(Rename("", "a", "dir", "sub", RenameMode::kExchange).ok());
  EXPECT_EQ(Read("dir/sub"), "lower a");
  EXPECT_EQ(Read("a/c"), "lower c");
  EXPECT_EQ(Names(""), (Set{"a", "dir", "link"}));
  EXPECT_EQ(Names("dir"), (Set{"b", "sub"}));
}

TEST_F(OverlayTest, LinkToAFileBelowIsTheSameFile) {
  RefPtr<Inode> file = Find("a");
  ASSERT_TRUE(Find("dir")->Link("other", *file).ok());
  file = nullptr;
  EXPECT_EQ(Links("a"), 2u);
  Write("dir/other", "both");
  EXPECT_EQ(Read("a"), "both");
  ASSERT_TRUE(Remove("", "a").ok());
  EXPECT_EQ(Links("dir/other"), 1u);
  EXPECT_EQ(Read("dir/other"), "both");
}

TEST_F(OverlayTest, NamesOfOneFileBelowStayTogether) {
  RefPtr<FakeInode> file = below_->children["a"];
  file->attributes.link_count = 2;
  below_->children["dir"]->children["alias"] = file;
  Write("a", "changed");
  EXPECT_EQ(Read("dir/alias"), "changed");
  ASSERT_TRUE(Remove("dir", "alias").ok());
  EXPECT_EQ(Links("a"), 1u);
  EXPECT_EQ(Read("a"), "changed");
}

TEST_F(OverlayTest, ListingWhileEntriesChangeMissesNothing) {
  for (int i = 0; i < 50; ++i) {
    Below("file" + std::to_string(i), S_IFREG | 0644u);
  }
  auto root = StaticRefCast<OverlayDirectory>(overlay_->root());
  Set seen;
  uint64_t position = ListedDirectory::kFirstPosition;
  for (;;) {
    std::vector<ListedEntry> entries = *root->List(position);
    if (entries.empty()) {
      break;
    }
    position = entries.back().next;
    for (const ListedEntry& entry : entries) {
      seen.insert(entry.name);
    }
    // Keeps entries that were listed, and some that are still to come.
    AttributeChange change;
    change.permissions = 0600;
    ASSERT_TRUE(Find("file" + std::to_string(seen.size() % 50))->SetAttributes(change).ok());
  }
  EXPECT_EQ(seen.size(), 53u);
  EXPECT_EQ(std::set<std::string>(seen.begin(), seen.end()).size(), 53u);
}

TEST_F(OverlayTest, FullLayerFailsCleanly) {
  Below("big", S_IFREG | 0644u, std::string(size_t{17} << 20, 'x'));
  RefPtr<Inode> inode = Find("big");
  RefPtr<File> file = Open(inode, true);
  EXPECT_TRUE(Write(*file, "y", 0).Is(ENOSPC));
  EXPECT_EQ(budget_.used(), 0u);
  EXPECT_EQ(Read(*file), std::string(100, 'x'));
  EXPECT_TRUE(Make("", "small", S_IFREG | 0600).ok());
}

TEST_F(OverlayTest, ZerosBelowBecomeHoles) {
  Below("sparse", S_IFREG | 0644u, std::string(size_t{8} << 20, '\0') + "end");
  RefPtr<Inode> inode = Find("sparse");
  ASSERT_TRUE(Write(*Open(inode, true), "y", 5 << 20).ok());
  EXPECT_LE(budget_.used(), 2 * kPageSize);
  EXPECT_EQ(inode->GetAttributes()->size, (size_t{8} << 20) + 3);
}

TEST_F(OverlayTest, CountsAndCollectsChanges) {
  ASSERT_TRUE(Make("", "mountpoint", S_IFDIR | 0755).ok());
  overlay_->ForgetChangesSoFar();
  EXPECT_EQ(overlay_->ChangedFiles(), 0u);
  ASSERT_TRUE(Make("dir/sub", "new", S_IFREG | 0600).ok());
  ASSERT_TRUE(Remove("dir", "b").ok());
  Write("a", "x");
  EXPECT_EQ(overlay_->ChangedFiles(), 3u);
  ASSERT_TRUE(Rename("dir", "sub", "", "moved").ok());
  LayerChanges changes = *CollectChanges(*overlay_);
  std::set<std::string> present;
  for (const LayerChange& change : changes.present) {
    if (!change.only_leads) {
      present.insert(change.path);
    }
  }
  EXPECT_EQ(present, (std::set<std::string>{"a", "moved", "moved/c", "moved/new"}));
  std::sort(changes.deleted.begin(), changes.deleted.end());
  EXPECT_EQ(changes.deleted, (std::vector<std::string>{"dir/b", "dir/sub"}));
}

}  // namespace
}  // namespace ukrun
