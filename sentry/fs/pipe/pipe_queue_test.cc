// The queue of a pipe, without tasks: what fits, and that bytes come out as they went in.
#include <gtest/gtest.h>

#include <random>
#include <string>
#include <thread>

#include "sentry/fs/pipe/pipe.h"
#include "sentry/task/credentials.h"

namespace ukrun {
namespace {

using Packets = Pipe::Packets;

class PipeQueueTest : public ::testing::Test {
 protected:
  Result<size_t> Write(const std::string& text, Packets packets = Packets::kNo) {
    std::string copy = text;
    GuestIo io(std::as_writable_bytes(std::span(copy)));
    return pipe_->Write(io, packets);
  }
  std::string Read(size_t size) {
    std::string text(size, '\0');
    GuestIo io(std::as_writable_bytes(std::span(text)));
    text.resize(pipe_->Read(io).value_or(0));
    return text;
  }

  Credentials credentials_;
  RefPtr<Pipe> pipe_ = MakeRef<Pipe>(credentials_);
  std::optional<PipeEnds> reader_{std::in_place, pipe_, true, false};
  std::optional<PipeEnds> writer_{std::in_place, pipe_, false, true};
};

TEST_F(PipeQueueTest, SingleBytesFillEverySlot) {
  for (int i = 0; i < 65'536; ++i) {
    ASSERT_TRUE(Write(std::string(1, static_cast<char>(i))).ok()) << i;
  }
  EXPECT_TRUE(Write("x").Is(EAGAIN));
  EXPECT_EQ(pipe_->bytes(), 65'536u);
  EXPECT_EQ(Read(4095).size(), 4095u);
  EXPECT_TRUE(Write("x").Is(EAGAIN));  // The first slot still holds a byte.
  EXPECT_EQ(Read(1).size(), 1u);
  EXPECT_EQ(pipe_->FreeBytes(), 4096u);
  EXPECT_TRUE(Write("x").ok());
}

TEST_F(PipeQueueTest, WritesThatDoNotFitTheLastSlotTakeANewOne) {
  for (int i = 0; i < 16; ++i) {
    ASSERT_TRUE(Write(std::string(3000, 'x')).ok());
  }
  EXPECT_TRUE(Write(std::string(3000, 'y')).Is(EAGAIN));
  EXPECT_EQ(*Write(std::string(1000, 'z')), 1000u);
  EXPECT_EQ(pipe_->bytes(), 49'000u);
}

TEST_F(PipeQueueTest, PacketsTakeASlotEach) {
  for (int i = 0; i < 16; ++i) {
    ASSERT_TRUE(Write("packet", Packets::kYes).ok());
  }
  EXPECT_TRUE(Write("packet", Packets::kYes).Is(EAGAIN));
  EXPECT_EQ(Read(3), "pac");
  EXPECT_EQ(Read(100), "packet");
  EXPECT_EQ(pipe_->bytes(), 14u * 6);
}

TEST_F(PipeQueueTest, PeekTakesNothing) {
  ASSERT_TRUE(Write("hello ").ok());
  ASSERT_TRUE(Write("world").ok());
  char buffer[8];
  GuestIo io(std::as_writable_bytes(std::span(buffer)));
  EXPECT_EQ(*pipe_->Peek(io), 8u);
  EXPECT_EQ(std::string_view(buffer, 8), "hello wo");
  EXPECT_EQ(Read(100), "hello world");
}

TEST_F(PipeQueueTest, EndsDecideAboutEofAndEpipe) {
  EXPECT_EQ(pipe_->ReaderReadiness(0), Ready::kNone);
  writer_.reset();
  EXPECT_EQ(pipe_->ReaderReadiness(0), Ready::kHangUp);
  EXPECT_EQ(pipe_->ReaderReadiness(2), Ready::kNone);  // Waits for the second writer.
  EXPECT_EQ(Read(1), "");
  writer_.emplace(pipe_, false, true);
  reader_.reset();
  EXPECT_TRUE(Write("x").Is(EPIPE));
  EXPECT_EQ(pipe_->WriterReadiness(), Ready::kWritable | Ready::kError);
}

TEST_F(PipeQueueTest, RandomReadsAndWritesKeepTheOrder) {
  std::mt19937 random(1);
  std::string expected;
  char next = 0;
  for (int i = 0; i < 5000; ++i) {
    size_t size = random() % (random() % 4 == 0 ? 20'000 : 300) + 1;
    if (random() % 2 == 0) {
      std::string text(size, '\0');
      for (char& c : text) {
        c = next++;
      }
      size_t written = Write(text).value_or(0);
      next = static_cast<char>(next - static_cast<char>(size - written));
      expected.append(text, 0, written);
    } else {
      std::string got = Read(size);
      ASSERT_EQ(got, expected.substr(0, size));
      expected.erase(0, got.size());
    }
    ASSERT_EQ(pipe_->bytes(), expected.size());
  }
}

TEST_F(PipeQueueTest, ReaderAndWriterMayRunAtOnce) {
  constexpr size_t kTotal = 4'000'000;
  std::thread writer([&] {
    std::mt19937 random(2);
    size_t written = 0;
    while (written < kTotal) {
      std::string text(std::min<size_t>(random() % 9000 + 1, kTotal - written), '\0');
      for (size_t i = 0; i < text.size(); ++i) {
        text[i] = static_cast<char>((written + i) % 251);
      }
      written += Write(text).value_or(0);
    }
  });
  size_t wrong = 0;
  for (size_t got = 0; got < kTotal;) {
    for (char c : Read(10'000)) {
      wrong += c == static_cast<char>(got++ % 251) ? 0u : 1u;
    }
  }
  writer.join();
  EXPECT_EQ(wrong, 0u);
}

}  // namespace
}  // namespace ukrun
