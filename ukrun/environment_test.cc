#include "ukrun/environment.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ukrun {
namespace {

using ::testing::Contains;
using ::testing::Not;
using ::testing::StartsWith;
using ::testing::UnorderedElementsAre;

TEST(GuestEnvironmentTest, OnlyTheShortListPasses) {
  Environment caller = {"PATH=/bin",           "HOME=/home/me", "USER=me",
                        "SHELL=/bin/sh",       "LANG=C",        "LC_TIME=C",
                        "TERM=dumb",           "TZ=UTC",        "PWD=/old",
                        "API_TOKEN=x",         "LCX=no",        "SSH_AUTH_SOCK=/x",
                        "LD_PRELOAD=/evil.so", "PATHS=no",      "garbage"};
  EXPECT_THAT(GuestEnvironment(caller, {}, "/work dir"),
              UnorderedElementsAre("PATH=/bin", "HOME=/home/me", "USER=me", "SHELL=/bin/sh",
                                   "LANG=C", "LC_TIME=C", "TERM=dumb", "TZ=UTC", "PWD=/work dir"));
}

TEST(GuestEnvironmentTest, CallerWithoutAPathGetsTheUsualOne) {
  EXPECT_THAT(GuestEnvironment({}, {}, "/"), Contains(StartsWith("PATH=/usr/local/sbin:")));
}

TEST(GuestEnvironmentTest, AddedNamesTakeTheCallersValue) {
  Environment guest = GuestEnvironment({"TOKEN=t=1", "OTHER=o"}, {"TOKEN", "ABSENT"}, "/");
  EXPECT_THAT(guest, Contains("TOKEN=t=1"));
  EXPECT_THAT(guest, Not(Contains(StartsWith("OTHER"))));
  EXPECT_THAT(guest, Not(Contains(StartsWith("ABSENT"))));
}

TEST(GuestEnvironmentTest, AddedValuesReplaceOthersAndTheLastCounts) {
  Environment guest =
      GuestEnvironment({"HOME=/home/me"}, {"HOME=/else", "A=1", "A=2=3", "B="}, "/");
  EXPECT_THAT(guest, Contains("HOME=/else"));
  EXPECT_THAT(guest, Not(Contains("HOME=/home/me")));
  EXPECT_THAT(guest, Contains("A=2=3"));
  EXPECT_THAT(guest, Not(Contains("A=1")));
  EXPECT_THAT(guest, Contains("B="));
}

}  // namespace
}  // namespace ukrun
