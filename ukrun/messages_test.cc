#include "ukrun/messages.h"

#include <gtest/gtest.h>

namespace ukrun {
namespace {

TEST(PrintableTest, ControlCharactersAreShownAndOthersStay) {
  EXPECT_EQ(Printable("plain text, é"), "plain text, é");
  EXPECT_EQ(Printable("a\nb\x1b[2J\x7f"), "a\\x0ab\\x1b[2J\\x7f");
  EXPECT_EQ(Printable(absl::string_view("\0x", 2)), "\\x00x");
}

}  // namespace
}  // namespace ukrun
