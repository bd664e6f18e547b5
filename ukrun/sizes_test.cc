#include "ukrun/sizes.h"

#include <gtest/gtest.h>

namespace ukrun {
namespace {

TEST(ParseSizeTest, UnitsArePowersOf1024) {
  EXPECT_EQ(*ParseSize("0"), 0u);
  EXPECT_EQ(*ParseSize("4096"), 4096u);
  EXPECT_EQ(*ParseSize("10B"), 10u);
  EXPECT_EQ(*ParseSize("1k"), 1024u);
  EXPECT_EQ(*ParseSize("512M"), uint64_t{512} << 20);
  EXPECT_EQ(*ParseSize("512MB"), uint64_t{512} << 20);
  EXPECT_EQ(*ParseSize("1.5GiB"), uint64_t{3} << 29);
  EXPECT_EQ(*ParseSize("2t"), uint64_t{2} << 40);
}

TEST(ParseSizeTest, WhatIsNotASizeIsRefused) {
  for (const char* text : {"", "M", "-1", "+1", "1X", "1.5.2G", "1e3", "1 G", "0x10", "1iB", "1KK",
                           "nan", "inf", "99999999999999999999", "9999999T"}) {
    EXPECT_FALSE(ParseSize(text).ok()) << text;
  }
}

TEST(ParseDurationTest, NumbersWithUnitsAndBareSeconds) {
  EXPECT_EQ(*ParseDuration("10"), 10'000'000'000);
  EXPECT_EQ(*ParseDuration("10s"), 10'000'000'000);
  EXPECT_EQ(*ParseDuration("0.5s"), 500'000'000);
  EXPECT_EQ(*ParseDuration("250ms"), 250'000'000);
  EXPECT_EQ(*ParseDuration("5m"), 300'000'000'000);
  EXPECT_EQ(*ParseDuration("5min"), 300'000'000'000);
  EXPECT_EQ(*ParseDuration("1.5h"), 5'400'000'000'000);
  EXPECT_EQ(*ParseDuration("1h30m"), 5'400'000'000'000);
  EXPECT_EQ(*ParseDuration("1d"), 86'400'000'000'000);
}

TEST(ParseDurationTest, WhatIsNotADurationIsRefused) {
  for (const char* text :
       {"", "soon", "-1s", "0", "0s", "0ms", "1y", "s", "1s1", "1e99h", "1 s", "99999999999999d"}) {
    EXPECT_FALSE(ParseDuration(text).ok()) << text;
  }
}

TEST(ParseCountTest, WholeNumbersWithinBounds) {
  EXPECT_EQ(*ParseCount("1", 1, 10), 1u);
  EXPECT_EQ(*ParseCount("10", 1, 10), 10u);
  for (const char* text : {"", "0", "11", "-1", "+1", "1.0", " 1", "1x", "99999999999999999999"}) {
    EXPECT_FALSE(ParseCount(text, 1, 10).ok()) << text;
  }
}

TEST(ParseModeTest, OctalUpToSetIdAndSticky) {
  EXPECT_EQ(*ParseMode("755"), 0755u);
  EXPECT_EQ(*ParseMode("01777"), 01777u);
  EXPECT_EQ(*ParseMode("7777"), 07777u);
  for (const char* text : {"", "9", "10000", "-1", "7x"}) {
    EXPECT_FALSE(ParseMode(text).ok()) << text;
  }
}

TEST(FormatTest, SizesHaveTheUnitThatFits) {
  EXPECT_EQ(FormatSize(0), "0 bytes");
  EXPECT_EQ(FormatSize(1023), "1023 bytes");
  EXPECT_EQ(FormatSize(uint64_t{16} << 20), "16 MiB");
  EXPECT_EQ(FormatSize(uint64_t{3} << 29), "1.5 GiB");
}

TEST(FormatTest, DurationsReadAsTheyAreWritten) {
  EXPECT_EQ(FormatDuration(250'000'000), "250ms");
  EXPECT_EQ(FormatDuration(1'000'000'000), "1s");
  EXPECT_EQ(FormatDuration(1'500'000'000), "1.5s");
  EXPECT_EQ(FormatDuration(90'000'000'000), "1m30s");
  EXPECT_EQ(FormatDuration(5'400'000'000'000), "1h30m");
  for (const char* text : {"250ms", "1s", "59s", "2m", "1h", "1h0m", "27h"}) {
    int64_t ns = *ParseDuration(text);
    EXPECT_EQ(*ParseDuration(FormatDuration(ns)), ns) << text;
  }
}

}  // namespace
}  // namespace ukrun
