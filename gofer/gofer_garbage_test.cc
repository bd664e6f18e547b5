// Neither side believes the other: a Sentry that sends nonsense, a gofer that answers it.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <bit>
#include <cstring>
#include <functional>
#include <random>
#include <thread>

#include "base/host_call.h"
#include "gofer/channel.h"
#include "gofer/gofer_fixture.h"
#include "gofer/server.h"

namespace ukrun::gofer {
namespace {

class Random {
 public:
  explicit Random(uint32_t seed) : engine_(seed) {}
  uint32_t operator()() { return static_cast<uint32_t>(engine_()); }

 private:
  std::mt19937 engine_;
};

// The channel's memory, mapped once more.
class RawChannel {
 public:
  explicit RawChannel(int fd)
      : memory_(mmap(nullptr, kChannelBytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0)) {}
  ~RawChannel() { munmap(memory_, kChannelBytes); }
  ChannelHeader& header() { return *static_cast<ChannelHeader*>(memory_); }
  char* request(uint32_t slot) { return static_cast<char*>(memory_) + RequestOffset(slot); }
  char* reply(uint32_t slot) { return static_cast<char*>(memory_) + ReplyOffset(slot); }

 private:
  void* memory_;
};

class HostileSentryTest : public GoferFixture {
 protected:
  // Sends a request in the last slot, which the client does not use as long as it calls from
  // one thread. Returns the errno of the answer.
  uint32_t Send(RawChannel& channel, uint32_t method, std::string_view bytes, uint32_t length) {
    constexpr uint32_t kSlot = kSlots - 1;
    Slot& slot = channel.header().slots[kSlot];
    std::memcpy(channel.request(kSlot), bytes.data(), std::min(bytes.size(), kRequestBytes));
    slot.method = method;
    slot.request_length = length;
    slot.sequence = 7;
    slot.state = static_cast<uint32_t>(SlotState::kRequested);
    channel.header().pending.fetch_or(uint32_t{1} << kSlot);
    HostFutexWake(channel.header().pending, 1);
    for (int i = 0; i < 500'000; ++i) {
      if (slot.state == static_cast<uint32_t>(SlotState::kReplied)) {
        return slot.error;
      }
      usleep(10);
    }
    ADD_FAILURE() << "no answer";
    return 0;
  }
};

TEST_F(HostileSentryTest, NonsenseIsAnsweredWithAnErrno) {
  WriteFile("file", "x");
  Start({.hide = {}, .homes = {}, .descriptors = 4096, .program = true});
  RawChannel channel(channel_fd());
  EXPECT_EQ(Send(channel, 0, "", 0), uint32_t{ENOSYS});
  EXPECT_EQ(Send(channel, 4711, "", 0), uint32_t{ENOSYS});
  EXPECT_EQ(Send(channel, 2, "", UINT32_MAX), uint32_t{EINVAL});
  EXPECT_EQ(Send(channel, 2, "", kRequestBytes + 1), uint32_t{EINVAL});
  EXPECT_EQ(Send(channel, 2, "\xff\xff\xff", 3), uint32_t{EINVAL});
  EXPECT_TRUE(WalkTo(root(), "file").ok());
}

TEST_F(HostileSentryTest, RandomBytesHarmNobody) {
  WriteFile("file", "x");
  Start({.hide = {}, .homes = {}, .descriptors = 4096, .program = true});
  RawChannel channel(channel_fd());
  Random random(1);
  for (int i = 0; i < 3000; ++i) {
    // Mostly bytes that look like fields of the messages.
    std::string bytes;
    for (unsigned fields = random() % 8; fields > 0; --fields) {
      bytes.push_back(static_cast<char>((1 + random() % 10) << 3 | random() % 3));
      for (unsigned size = random() % 12; size > 0; --size) {
        bytes.push_back(static_cast<char>(random() % 4 == 0 ? random() : random() % 5));
      }
    }
    Send(channel, 1 + random() % 23, bytes, static_cast<uint32_t>(bytes.size()));
  }
  EXPECT_TRUE(WalkTo(root(), "file").ok());
}

TEST_F(HostileSentryTest, HeaderWordsMayHoldAnything) {
  WriteFile("file", "x");
  Start({.hide = {}, .homes = {}, .descriptors = 4096, .program = true});
  RawChannel channel(channel_fd());
  std::atomic<bool> stop{false};
  std::thread vandal([&] {
    Random random(2);
    ChannelHeader& header = channel.header();
    while (!stop) {
      header.sleepers = random() % 3;
      header.pending.fetch_or(random() & 0xfffffff0);
      Slot& slot = header.slots[16 + random() % 16];
      slot.request_length = random();
      slot.method = random() % 24;
      slot.state = random() % 5;
      HostFutexWake(header.pending, 4);
    }
  });
  for (int i = 0; i < 300; ++i) {
    EXPECT_TRUE(WalkTo(root(), "file").ok());
  }
  stop = true;
  vandal.join();
  EXPECT_FALSE(client().broken());
}

TEST_F(HostileSentryTest, ChannelThatMayShrinkIsRefused) {
  int fd = memfd_create("channel", MFD_ALLOW_SEALING | MFD_CLOEXEC);
  ASSERT_EQ(ftruncate(fd, static_cast<off_t>(kChannelBytes)), 0);
  std::string error;
  auto hiding = Hiding::Create({}, {}, error);
  Tree tree(std::move(hiding), HostFd(), 1);
  EXPECT_EQ(Server::Create(HostFd(fd), HostFd(), tree).error(), EINVAL);
}

// --- A hostile gofer ---

std::atomic<int> g_broken{0};

class HostileGoferTest : public ::testing::Test {
 protected:
  void SetUp() override {
    g_broken = 0;
    Result<HostFd> channel = Server::CreateChannel();
    ASSERT_TRUE(channel.ok());
    ASSERT_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets_), 0);
    raw_ = std::make_unique<RawChannel>(channel->get());
    auto client = GoferClient::Create(channel->Release(), sockets_[0], nullptr,
                                      [](std::string_view) { g_broken.fetch_add(1); });
    ASSERT_TRUE(client.ok());
    client_ = *std::move(client);
  }
  void TearDown() override {
    stop_ = true;
    if (gofer_.joinable()) {
      gofer_.join();
    }
    client_ = nullptr;
    close(sockets_[1]);
  }

  // Answers every request by `answer`, which fills in the slot.
  void Answer(std::function<void(uint32_t index, Slot& slot)> answer,
              uint32_t state = static_cast<uint32_t>(SlotState::kReplied)) {
    gofer_ = std::thread([this, answer, state] {
      while (!stop_) {
        uint32_t pending = raw_->header().pending.exchange(0);
        if (pending == 0) {
          usleep(50);
          continue;
        }
        uint32_t index = static_cast<uint32_t>(std::countr_zero(pending));
        Slot& slot = raw_->header().slots[index];
        slot.error = 0;
        slot.reply_length = 0;
        slot.descriptors = 0;
        answer(index, slot);
        slot.state = state;
        HostFutexWake(slot.state, 1);
      }
    });
  }
  void ExpectBroken(int error) {
    EXPECT_EQ(error, EIO);
    EXPECT_TRUE(client_->broken());
    EXPECT_EQ(client_->GetAttributes(GoferHandle{1}).error(), EIO);
    EXPECT_EQ(g_broken.load(), 1);
  }

  int sockets_[2] = {-1, -1};
  std::unique_ptr<RawChannel> raw_;
  std::unique_ptr<GoferClient> client_;
  std::atomic<bool> stop_{false};
  std::thread gofer_;
};

TEST_F(HostileGoferTest, TooLongAnAnswerBreaksTheConnection) {
  Answer([](uint32_t, Slot& slot) { slot.reply_length = UINT32_MAX; });
  ExpectBroken(client_->GetAttributes(GoferHandle{1}).error());
}

TEST_F(HostileGoferTest, ErrorsThatDoNotExistBreakTheConnection) {
  Answer([](uint32_t, Slot& slot) { slot.error = 512; });
  ExpectBroken(client_->GetAttributes(GoferHandle{1}).error());
}

TEST_F(HostileGoferTest, UndecodableAnswersBreakTheConnection) {
  Answer([this](uint32_t index, Slot& slot) {
    std::memset(raw_->reply(index), 0xff, 100);
    slot.reply_length = 100;
  });
  ExpectBroken(client_->GetAttributes(GoferHandle{1}).error());
}

TEST_F(HostileGoferTest, PromisedDescriptorsThatDoNotComeBreakTheConnection) {
  Answer([](uint32_t, Slot& slot) { slot.descriptors = 1; });
  ExpectBroken(client_->Open(GoferHandle{1}, {}).error());
}

TEST_F(HostileGoferTest, MissingDescriptorBreaksTheConnection) {
  Answer([](uint32_t, Slot&) {});
  ExpectBroken(client_->Open(GoferHandle{1}, {}).error());
}

TEST_F(HostileGoferTest, SlotInAnImpossibleStateBreaksTheConnection) {
  Answer([](uint32_t, Slot&) {}, 99);
  ExpectBroken(client_->GetAttributes(GoferHandle{1}).error());
}

TEST_F(HostileGoferTest, NamesThatNoFileHasBreakTheConnection) {
  Answer([this](uint32_t index, Slot& slot) {
    // ReadDirectoryReply{entries{name: "../x"}}
    constexpr std::string_view kReply("\x0a\x06\x0a\x04../x", 8);
    std::memcpy(raw_->reply(index), kReply.data(), kReply.size());
    slot.reply_length = kReply.size();
  });
  ExpectBroken(client_->ReadDirectory(GoferHandle{1}, 0).error());
}

TEST_F(HostileGoferTest, MoreNodesThanNamesBreakTheConnection) {
  Answer([this](uint32_t index, Slot& slot) {
    constexpr std::string_view kReply("\x0a\x00\x0a\x00", 4);  // two empty nodes
    std::memcpy(raw_->reply(index), kReply.data(), kReply.size());
    slot.reply_length = kReply.size();
  });
  std::array<std::string_view, 1> names{"x"};
  ExpectBroken(client_->Walk(GoferHandle{1}, names).error());
}

TEST_F(HostileGoferTest, RandomAnswersNeverCrashTheClient) {
  Random random(3);
  // Answers that can be decoded leave the connection whole; it is made anew when one can't.
  for (int round = 0; round < 200; ++round) {
    Answer([&](uint32_t index, Slot& slot) {
      uint32_t size = random() % 64;
      for (uint32_t i = 0; i < size; ++i) {
        raw_->reply(index)[i] = static_cast<char>(random() % 3 == 0 ? random() : random() % 24);
      }
      slot.reply_length = size;
    });
    std::array<std::string_view, 2> names{"a", "b"};
    client_->Walk(GoferHandle{1}, names).ok();
    client_->ReadDirectory(GoferHandle{1}, 0).ok();
    client_->ReadLink(GoferHandle{1}).ok();
    client_->StatFs(GoferHandle{1}).ok();
    TearDown();
    stop_ = false;
    SetUp();
  }
}

}  // namespace
}  // namespace ukrun::gofer
