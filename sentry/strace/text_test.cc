#include "sentry/strace/text.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "sentry/strace/names.h"

namespace ukrun::strace {
namespace {

std::string Named(const Names& names, uint64_t value) {
  std::string out;
  AppendNames(out, names, value);
  return out;
}

std::string Quoted(std::string_view bytes, Rest rest = Rest::kNone) {
  std::string out;
  AppendQuoted(out, bytes, rest);
  return out;
}

TEST(StraceTextTest, ChoiceAndFlagsAreNamedTogether) {
  EXPECT_EQ(Named(kOpenFlags, O_RDONLY), "O_RDONLY");
  EXPECT_EQ(Named(kOpenFlags, O_RDWR | O_CREAT | O_CLOEXEC), "O_RDWR|O_CREAT|O_CLOEXEC");
  EXPECT_EQ(Named(kMapFlags, MAP_PRIVATE | MAP_ANONYMOUS), "MAP_PRIVATE|MAP_ANONYMOUS");
  EXPECT_EQ(Named(kSocketTypes, SOCK_DGRAM | SOCK_NONBLOCK), "SOCK_DGRAM|SOCK_NONBLOCK");
}

TEST(StraceTextTest, FlagOfSeveralBitsIsOneName) {
  EXPECT_EQ(Named(kOpenFlags, O_RDONLY | O_SYNC), "O_RDONLY|O_SYNC");
  EXPECT_EQ(Named(kOpenFlags, O_RDONLY | O_DSYNC), "O_RDONLY|O_DSYNC");
  EXPECT_EQ(Named(kOpenFlags, O_WRONLY | O_TMPFILE), "O_WRONLY|O_TMPFILE");
  EXPECT_EQ(Named(kOpenFlags, O_RDONLY | O_DIRECTORY), "O_RDONLY|O_DIRECTORY");
}

TEST(StraceTextTest, NoFlagHasAWord) {
  EXPECT_EQ(Named(kProtection, 0), "PROT_NONE");
  EXPECT_EQ(Named(kAccessModes, 0), "F_OK");
  EXPECT_EQ(Named(kNewFdFlags, 0), "0");
}

TEST(StraceTextTest, WhatHasNoNameStaysVisible) {
  EXPECT_EQ(Named(kProtection, PROT_READ | 0x80000000), "PROT_READ|0x80000000");
  EXPECT_EQ(Named(kOpenFlags, O_ACCMODE), "3");
  EXPECT_EQ(Named(kWhence, 77), "0x4d");
  EXPECT_EQ(Named(kWhence, UINT64_MAX), "0xffffffffffffffff");
}

TEST(StraceTextTest, QuotedBytesHaveNoControlCharacter) {
  std::string all;
  for (int byte = 0; byte < 256; ++byte) {
    all.push_back(static_cast<char>(byte));
  }
  for (char c : Quoted(all)) {
    EXPECT_TRUE(c >= 0x20 && c < 0x7f);
  }
  EXPECT_EQ(Quoted("a\n\t\"\\\x1b[31m\x7f"), R"("a\n\t\"\\\33[31m\177")");
}

TEST(StraceTextTest, NumberBeforeADigitIsWrittenInFull) {
  EXPECT_EQ(Quoted(std::string_view("\0001\0a\33"
                                    "7",
                                    6)),
            R"("\0001\0a\0337")");
}

TEST(StraceTextTest, WhatIsCutSaysSo) {
  EXPECT_EQ(Quoted("abc", Rest::kCut), R"("abc"...)");
  std::string text;
  AppendBeginning(text, std::string(kMostText + 1, 'x'));
  EXPECT_EQ(text, '"' + std::string(kMostText, 'x') + "\"...");
  std::string binary;
  AppendBeginning(binary, std::string(kMostText, '\0'));
  EXPECT_TRUE(binary.ends_with("\"..."));
  EXPECT_LT(binary.size(), 2 * kMostBytes + 8);
}

TEST(StraceTextTest, SignalSetsAreShownTheShorterWay) {
  std::string out;
  AppendSignalSet(out, 0b10);
  AppendSignalSet(out, ~uint64_t{0b10});
  AppendSignalSet(out, 0);
  AppendSignalSet(out, UINT64_MAX);
  AppendSignalSet(out, uint64_t{1} << 33);
  EXPECT_EQ(out, "[INT]~[INT][]~[][RT_2]");
}

TEST(StraceTextTest, SignalsOutOfRangeAreNumbers) {
  std::string out;
  for (int64_t signal : {1, 31, 32, 64, 0, 65, -1}) {
    AppendSignal(out, signal);
    out.push_back(' ');
  }
  EXPECT_EQ(out, "SIGHUP SIGSYS SIGRT_0 SIGRT_32 0 65 -1 ");
}

}  // namespace
}  // namespace ukrun::strace
