// inotify(7): what is reported about watched files and directories, and what is not.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <string>
#include <vector>

#include "compat-tests/util/errno_matchers.h"
#include "compat-tests/util/files.h"
#include "compat-tests/util/process.h"
#include "compat-tests/util/temp_dir.h"

namespace ukrun::compat_tests {
namespace {

struct Event {
  int watch = 0;
  uint32_t mask = 0;
  uint32_t cookie = 0;
  std::string name;

  bool operator==(const Event& other) const {
    return watch == other.watch && mask == other.mask && name == other.name;
  }
};

void PrintTo(const Event& event, std::ostream* out) {
  *out << "{watch " << event.watch << ", mask 0x" << std::hex << event.mask << std::dec << ", '"
       << event.name << "'}";
}

class InotifyTest : public TempDirTest {
 protected:
  void SetUp() override {
    fd_ = Fd(inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
    ASSERT_OK(fd_.get());
    WriteFile(Path("file"), "content");
    ASSERT_OK(mkdir(Path("dir"), 0755));
  }

  int Watch(const char* path, uint32_t mask) const {
    const int watch = inotify_add_watch(fd_.get(), path, mask);
    EXPECT_OK(watch);
    return watch;
  }

  // Events are queued by the call that causes them, so there is nothing to wait for.
  std::vector<Event> Events() const {
    std::vector<Event> events;
    alignas(inotify_event) char buffer[65536];
    while (true) {
      const ssize_t count = read(fd_.get(), buffer, sizeof(buffer));
      if (count < 0) {
        EXPECT_EQ(errno, EAGAIN);
        return events;
      }
      for (ssize_t at = 0; at < count;) {
        inotify_event header = {};
        memcpy(&header, buffer + at, sizeof(header));
        const char* name = buffer + at + sizeof(header);
        events.push_back({header.wd, header.mask, header.cookie,
                          header.len > 0 ? std::string(name) : std::string()});
        at += static_cast<ssize_t>(sizeof(header) + header.len);
      }
    }
  }

  Fd fd_;
};

using EventList = std::vector<Event>;

TEST_F(InotifyTest, DirectoryReportsCreationOpeningWritingAndClosingByName) {
  const int watch = Watch(Root(), IN_ALL_EVENTS);
  Fd fd(open(Path("new"), O_WRONLY | O_CREAT, 0600));
  WriteAll(fd.get(), "x");
  fd.Close();
  EXPECT_EQ(Events(), (EventList{{watch, IN_CREATE, 0, "new"},
                                 {watch, IN_OPEN, 0, "new"},
                                 {watch, IN_MODIFY, 0, "new"},
                                 {watch, IN_CLOSE_WRITE, 0, "new"}}));
}

TEST_F(InotifyTest, FileItselfReportsWithoutName) {
  const int watch = Watch(Path("file"), IN_ALL_EVENTS);
  EXPECT_EQ(ReadFile(Path("file")), "content");
  const EventList events = Events();
  ASSERT_GE(events.size(), 3u);
  EXPECT_EQ(events.front(), (Event{watch, IN_OPEN, 0, ""}));
  EXPECT_EQ(events[1], (Event{watch, IN_ACCESS, 0, ""}));
  EXPECT_EQ(events.back(), (Event{watch, IN_CLOSE_NOWRITE, 0, ""}));
}

TEST_F(InotifyTest, OnlyWhatWasAskedForIsReported) {
  const int watch = Watch(Root(), IN_CREATE | IN_DELETE);
  WriteFile(Path("new"), "x");
  ASSERT_OK(chmod(Path("new"), 0600));
  ASSERT_OK(unlink(Path("new")));
  EXPECT_EQ(Events(), (EventList{{watch, IN_CREATE, 0, "new"}, {watch, IN_DELETE, 0, "new"}}));
}

TEST_F(InotifyTest, DirectoriesAreMarked) {
  const int watch = Watch(Root(), IN_CREATE | IN_DELETE | IN_ATTRIB);
  ASSERT_OK(mkdir(Path("sub"), 0755));
  ASSERT_OK(chmod(Path("sub"), 0700));
  ASSERT_OK(rmdir(Path("sub")));
  EXPECT_EQ(Events(), (EventList{{watch, IN_CREATE | IN_ISDIR, 0, "sub"},
                                 {watch, IN_ATTRIB | IN_ISDIR, 0, "sub"},
                                 {watch, IN_DELETE | IN_ISDIR, 0, "sub"}}));
}

TEST_F(InotifyTest, LinksAndSpecialFilesAreCreated) {
  const int watch = Watch(Root(), IN_CREATE);
  ASSERT_OK(symlink("target", Path("symlink")));
  ASSERT_OK(link(Path("file"), Path("hardlink")));
  ASSERT_OK(mkfifo(Path("fifo"), 0600));
  EXPECT_EQ(Events(), (EventList{{watch, IN_CREATE, 0, "symlink"},
                                 {watch, IN_CREATE, 0, "hardlink"},
                                 {watch, IN_CREATE, 0, "fifo"}}));
}

TEST_F(InotifyTest, MoveIsTwoEventsWithOneCookie) {
  const int root = Watch(Root(), IN_MOVE);
  const int dir = Watch(Path("dir"), IN_MOVE);
  ASSERT_OK(rename(Path("file"), Path("dir/moved")));
  EventList events = Events();
  ASSERT_EQ(events, (EventList{{root, IN_MOVED_FROM, 0, "file"}, {dir, IN_MOVED_TO, 0, "moved"}}));
  EXPECT_NE(events[0].cookie, 0u);
  EXPECT_EQ(events[0].cookie, events[1].cookie);
  const uint32_t first_cookie = events[0].cookie;
  ASSERT_OK(rename(Path("dir/moved"), Path("dir/again")));
  events = Events();
  ASSERT_EQ(events, (EventList{{dir, IN_MOVED_FROM, 0, "moved"}, {dir, IN_MOVED_TO, 0, "again"}}));
  EXPECT_NE(events[0].cookie, first_cookie);
}

TEST_F(InotifyTest, MovedFileIsToldItself) {
  const int watch = Watch(Path("file"), IN_MOVE_SELF);
  ASSERT_OK(rename(Path("file"), Path("dir/moved")));
  EXPECT_EQ(Events(), (EventList{{watch, IN_MOVE_SELF, 0, ""}}));
}

TEST_F(InotifyTest, ReplacedFileIsDeleted) {
  WriteFile(Path("other"), "");
  const int other = Watch(Path("other"), IN_DELETE_SELF);
  ASSERT_OK(rename(Path("file"), Path("other")));
  EXPECT_EQ(Events(), (EventList{{other, IN_DELETE_SELF, 0, ""}, {other, IN_IGNORED, 0, ""}}));
}

TEST_F(InotifyTest, UnlinkReportsTheLinkCountThenTheEnd) {
  ASSERT_OK(link(Path("file"), Path("second")));
  const int watch = Watch(Path("file"), IN_ATTRIB | IN_DELETE_SELF);
  ASSERT_OK(unlink(Path("second")));
  EXPECT_EQ(Events(), (EventList{{watch, IN_ATTRIB, 0, ""}}));
  ASSERT_OK(unlink(Path("file")));
  EXPECT_EQ(Events(), (EventList{{watch, IN_ATTRIB, 0, ""},
                                 {watch, IN_DELETE_SELF, 0, ""},
                                 {watch, IN_IGNORED, 0, ""}}));
}

TEST_F(InotifyTest, OpenFileIsDeletedOnlyAtItsLastClose) {
  Fd fd = OpenFile(Path("file"), O_RDONLY);
  const int watch = Watch(Path("file"), IN_DELETE_SELF);
  ASSERT_OK(unlink(Path("file")));
  EXPECT_EQ(Events(), EventList{});
  fd.Close();
  EXPECT_EQ(Events(), (EventList{{watch, IN_DELETE_SELF, 0, ""}, {watch, IN_IGNORED, 0, ""}}));
}

TEST_F(InotifyTest, RemovedDirectoryEndsItsWatch) {
  const int watch = Watch(Path("dir"), IN_ALL_EVENTS);
  ASSERT_OK(rmdir(Path("dir")));
  EXPECT_EQ(Events(), (EventList{{watch, IN_DELETE_SELF, 0, ""}, {watch, IN_IGNORED, 0, ""}}));
}

TEST_F(InotifyTest, AttributeChangesAreReported) {
  const int watch = Watch(Path("file"), IN_ATTRIB);
  ASSERT_OK(chmod(Path("file"), 0600));
  ASSERT_OK(chown(Path("file"), geteuid(), getegid()));
  const timespec times[2] = {{1, 0}, {2, 0}};
  ASSERT_OK(utimensat(AT_FDCWD, Path("file"), times, 0));
  const Event change = {watch, IN_ATTRIB, 0, ""};
  // Equal events that follow each other become one.
  EXPECT_EQ(Events(), EventList{change});
}

TEST_F(InotifyTest, TruncationIsAModification) {
  const int watch = Watch(Path("file"), IN_MODIFY);
  ASSERT_OK(truncate(Path("file"), 3));
  EXPECT_EQ(Events(), (EventList{{watch, IN_MODIFY, 0, ""}}));
  WriteFile(Path("file"), "");
  EXPECT_EQ(Events(), (EventList{{watch, IN_MODIFY, 0, ""}}));
}

TEST_F(InotifyTest, SubdirectoriesAreNotWatched) {
  Watch(Root(), IN_ALL_EVENTS & ~static_cast<uint32_t>(IN_OPEN | IN_CLOSE));
  WriteFile(Path("dir/inner"), "x");
  EXPECT_EQ(Events(), EventList{});
}

TEST_F(InotifyTest, EventsOfAnotherProcessArrive) {
  const int watch = Watch(Root(), IN_CREATE);
  ExpectPassesInChild([&] { WriteFile(Path("child"), ""); });
  ASSERT_TRUE(PollFor(fd_.get(), POLLIN));
  EXPECT_EQ(Events(), (EventList{{watch, IN_CREATE, 0, "child"}}));
}

TEST_F(InotifyTest, SamePathAgainReplacesTheMaskOrAddsToIt) {
  const int watch = Watch(Root(), IN_CREATE);
  EXPECT_EQ(Watch(Path("dir/.."), IN_DELETE), watch);
  WriteFile(Path("new"), "");
  EXPECT_EQ(Events(), EventList{});
  EXPECT_EQ(Watch(Root(), IN_CREATE | IN_MASK_ADD), watch);
  WriteFile(Path("newer"), "");
  ASSERT_OK(unlink(Path("newer")));
  EXPECT_EQ(Events(), (EventList{{watch, IN_CREATE, 0, "newer"}, {watch, IN_DELETE, 0, "newer"}}));
  EXPECT_ERRNO(EEXIST, inotify_add_watch(fd_.get(), Root(), IN_CREATE | IN_MASK_CREATE));
}

TEST_F(InotifyTest, OneshotWatchEndsAfterItsFirstEvent) {
  const int watch = Watch(Root(), IN_CREATE | IN_ONESHOT);
  WriteFile(Path("first"), "");
  WriteFile(Path("second"), "");
  EXPECT_EQ(Events(), (EventList{{watch, IN_CREATE, 0, "first"}, {watch, IN_IGNORED, 0, ""}}));
  EXPECT_ERRNO(EINVAL, inotify_rm_watch(fd_.get(), watch));
}

TEST_F(InotifyTest, RemovedWatchIsConfirmedAndSilent) {
  const int watch = Watch(Root(), IN_CREATE);
  ASSERT_OK(inotify_rm_watch(fd_.get(), watch));
  WriteFile(Path("new"), "");
  EXPECT_EQ(Events(), (EventList{{watch, IN_IGNORED, 0, ""}}));
  EXPECT_ERRNO(EINVAL, inotify_rm_watch(fd_.get(), watch));
  EXPECT_NE(Watch(Root(), IN_CREATE), watch);
}

TEST_F(InotifyTest, UnlinkedChildrenCanBeExcluded) {
  const int watch = Watch(Root(), IN_MODIFY | IN_EXCL_UNLINK);
  Fd fd = OpenFile(Path("file"), O_WRONLY);
  WriteAll(fd.get(), "x");
  EXPECT_EQ(Events(), (EventList{{watch, IN_MODIFY, 0, "file"}}));
  ASSERT_OK(unlink(Path("file")));
  WriteAll(fd.get(), "x");
  EXPECT_EQ(Events(), EventList{});
}

TEST_F(InotifyTest, InstancesAreIndependent) {
  Fd other(inotify_init1(IN_CLOEXEC));
  const int watch = Watch(Root(), IN_CREATE);
  ASSERT_OK(inotify_add_watch(other.get(), Root(), IN_CREATE));
  WriteFile(Path("new"), "");
  EXPECT_EQ(Events(), (EventList{{watch, IN_CREATE, 0, "new"}}));
  EXPECT_TRUE(PollFor(other.get(), POLLIN));
}

TEST_F(InotifyTest, FionreadTellsTheBytesThatWait) {
  Watch(Root(), IN_CREATE);
  int pending = -1;
  ASSERT_OK(ioctl(fd_.get(), FIONREAD, &pending));
  EXPECT_EQ(pending, 0);
  EXPECT_FALSE(PollFor(fd_.get(), POLLIN, 0));
  WriteFile(Path("new"), "");
  ASSERT_OK(ioctl(fd_.get(), FIONREAD, &pending));
  EXPECT_EQ(pending, static_cast<int>(sizeof(inotify_event)) + 16);
}

TEST_F(InotifyTest, BufferTooSmallForTheNextEventFailsWithEinval) {
  const int watch = Watch(Root(), IN_CREATE);
  WriteFile(Path("new"), "");
  char small[8];
  EXPECT_ERRNO(EINVAL, read(fd_.get(), small, sizeof(small)));
  EXPECT_EQ(Events(), (EventList{{watch, IN_CREATE, 0, "new"}}));
}

TEST_F(InotifyTest, ErrorsOfTheInotifyCalls) {
  ASSERT_OK(symlink("file", Path("link")));
  ASSERT_OK(symlink("loop", Path("loop")));
  EXPECT_ERRNO(EINVAL, inotify_init1(0x40));
  EXPECT_ERRNO(EBADF, inotify_add_watch(-1, Root(), IN_CREATE));
  Fd file = OpenFile(Path("file"), O_RDONLY);
  EXPECT_ERRNO(EINVAL, inotify_add_watch(file.get(), Root(), IN_CREATE));
  EXPECT_ERRNO(EINVAL, inotify_add_watch(fd_.get(), Root(), 0));
  EXPECT_ERRNO(EINVAL,
               inotify_add_watch(fd_.get(), Root(), IN_CREATE | IN_MASK_ADD | IN_MASK_CREATE));
  EXPECT_ERRNO(ENOENT, inotify_add_watch(fd_.get(), Path("missing"), IN_CREATE));
  EXPECT_ERRNO(ENOTDIR, inotify_add_watch(fd_.get(), Path("file"), IN_CREATE | IN_ONLYDIR));
  EXPECT_ERRNO(ENOTDIR, inotify_add_watch(fd_.get(), Path("file/x"), IN_CREATE));
  EXPECT_ERRNO(ELOOP, inotify_add_watch(fd_.get(), Path("loop"), IN_CREATE));
  EXPECT_OK(inotify_add_watch(fd_.get(), Path("link"), IN_CREATE | IN_DONT_FOLLOW));
  EXPECT_ERRNO(ENAMETOOLONG, inotify_add_watch(fd_.get(), Path(std::string(256, 'n')), IN_CREATE));
  EXPECT_ERRNO(EFAULT, inotify_add_watch(fd_.get(), BadPointer<const char>(), IN_CREATE));
  EXPECT_ERRNO(EBADF, inotify_rm_watch(-1, 1));
  EXPECT_ERRNO(EINVAL, inotify_rm_watch(file.get(), 1));
  EXPECT_ERRNO(EINVAL, inotify_rm_watch(fd_.get(), 12'345));
  EXPECT_ERRNO(EBADF, write(fd_.get(), "x", 1));
  ASSERT_OK(chmod(Path("file"), 0));
  GiveToOrdinaryUser(Path("file"));
  ExpectPassesAsOrdinaryUser(
      [&] { EXPECT_ERRNO(EACCES, inotify_add_watch(fd_.get(), Path("file"), IN_OPEN)); });
}

// Not provoked: EMFILE of inotify_init and ENOSPC of inotify_add_watch (limits of the host's user),
// ENFILE, ENOMEM; IN_UNMOUNT (needs a mount), IN_Q_OVERFLOW (needs 16,384 events by default).

}  // namespace
}  // namespace ukrun::compat_tests
