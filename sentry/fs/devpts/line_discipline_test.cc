#include "sentry/fs/devpts/line_discipline.h"

#include <asm/ioctls.h>
#include <gtest/gtest.h>
#include <signal.h>

namespace ukrun {
namespace {

using std::string_literals::operator""s;

std::string OutputOf(LineDiscipline& line) {
  std::string bytes(line.output_size(), '\0');
  bytes.resize(line.TakeOutput(bytes.data(), bytes.size()));
  return bytes;
}

// One read of `size` bytes; "(none)" when it would wait.
std::string ReadFrom(LineDiscipline& line, size_t size = 1024) {
  if (!line.HasInput()) {
    return "(none)";
  }
  std::string bytes(size, '\0');
  bytes.resize(line.TakeInput(bytes.data(), size));
  return bytes;
}

class LineDisciplineTest : public testing::Test {
 protected:
  void Change(uint32_t Termios::*flags, uint32_t set, uint32_t clear) {
    Termios termios = line_.termios();
    termios.*flags = (termios.*flags & ~clear) | set;
    line_.SetTermios(termios);
  }
  void SetKey(size_t index, uint8_t key) {
    Termios termios = line_.termios();
    termios.characters[index] = key;
    line_.SetTermios(termios);
  }
  void MakeRaw() {
    Change(&Termios::local, 0, ICANON | ECHO | ISIG | IEXTEN);
    Change(&Termios::input, 0, ICRNL | IXON);
    Change(&Termios::output, 0, OPOST);
  }
  // What typing echoes.
  std::string Echo(std::string_view typed) {
    line_.Type(typed);
    return OutputOf(line_);
  }

  LineDiscipline line_;
};

// --- Lines

TEST_F(LineDisciplineTest, LineCanBeReadOnceItIsFinished) {
  line_.Type("hel");
  EXPECT_EQ(ReadFrom(line_), "(none)");
  EXPECT_EQ(line_.InputSize(), 0u);
  line_.Type("lo\nnext");
  EXPECT_EQ(line_.InputSize(), 6u);
  EXPECT_EQ(ReadFrom(line_), "hello\n");
  EXPECT_EQ(ReadFrom(line_), "(none)");
}

TEST_F(LineDisciplineTest, ReadGivesOneLineAndMayTakeItInPieces) {
  line_.Type("first\nsecond\n");
  EXPECT_EQ(ReadFrom(line_, 3), "fir");
  EXPECT_EQ(ReadFrom(line_), "st\n");
  EXPECT_EQ(ReadFrom(line_), "second\n");
}

TEST_F(LineDisciplineTest, ReturnKeyEndsALine) {
  EXPECT_EQ(Echo("a\r"), "a\r\n");
  EXPECT_EQ(ReadFrom(line_), "a\n");
  Change(&Termios::input, IGNCR, 0);
  line_.Type("b\r\n");
  EXPECT_EQ(ReadFrom(line_), "b\n");
  Change(&Termios::input, INLCR, IGNCR | ICRNL);
  line_.Type("c\n");
  EXPECT_EQ(ReadFrom(line_), "(none)");
}

TEST_F(LineDisciplineTest, EndOfFileKeyEndsALineWithoutAByte) {
  line_.Type("end\x04\x04");
  EXPECT_EQ(line_.InputSize(), 3u);
  EXPECT_EQ(ReadFrom(line_), "end");
  EXPECT_EQ(ReadFrom(line_), "");
  EXPECT_EQ(ReadFrom(line_), "(none)");
  EXPECT_EQ(OutputOf(line_), "end");
}

TEST_F(LineDisciplineTest, EndOfFileBehindAFullBufferIsNotReportedAgain) {
  line_.Type("abc\x04");
  EXPECT_EQ(ReadFrom(line_, 3), "abc");
  EXPECT_EQ(ReadFrom(line_), "(none)");
}

TEST_F(LineDisciplineTest, OtherLineEndsAreKept) {
  SetKey(VEOL, ';');
  SetKey(VEOL2, '!');
  line_.Type("a;b!c\n");
  EXPECT_EQ(ReadFrom(line_), "a;");
  EXPECT_EQ(ReadFrom(line_), "b!");
  EXPECT_EQ(ReadFrom(line_), "c\n");
}

TEST_F(LineDisciplineTest, TooLongLineIsCutButEnds) {
  line_.Type(std::string(5000, 'x') + "\n");
  std::string got = ReadFrom(line_, 8192);
  EXPECT_EQ(got.size(), 4096u);
  EXPECT_EQ(got.back(), '\n');
  line_.Type("next\n");
  EXPECT_EQ(ReadFrom(line_), "next\n");
}

TEST_F(LineDisciplineTest, LinesThatNobodyReadsWait) {
  size_t space = line_.TypeSpace();
  std::string all;
  for (int i = 0; i < 2000; ++i) {
    all += "a line\n";
  }
  line_.Type(all);
  EXPECT_LT(line_.TypeSpace(), space);
  std::string got;
  while (line_.HasInput()) {
    got += ReadFrom(line_);
    OutputOf(line_);
  }
  EXPECT_EQ(got, all);
}

// --- Editing

TEST_F(LineDisciplineTest, EraseTakesOneCharacterFromLineAndScreen) {
  EXPECT_EQ(Echo("ab\x7f"), "ab\b \b");
  line_.Type("c\n");
  EXPECT_EQ(ReadFrom(line_), "ac\n");
}

TEST_F(LineDisciplineTest, EraseStopsAtTheBeginningOfTheLine) {
  EXPECT_EQ(Echo("first\n\x7f\x7f"), "first\r\n");
  EXPECT_EQ(ReadFrom(line_), "first\n");
}

TEST_F(LineDisciplineTest, EraseOfAControlCharacterTakesBothColumns) {
  EXPECT_EQ(Echo("\x01\x7f"), "^A\b \b\b \b");
}

TEST_F(LineDisciplineTest, EraseOfATabGoesBackToWhereItBegan) {
  EXPECT_EQ(Echo("abc\t\x7f"), "abc\t\b\b\b\b\b");
  line_.FlushInput();
  EXPECT_EQ(Echo("\r"), "\r\n");
  line_.Write("$ ");
  OutputOf(line_);
  EXPECT_EQ(Echo("\t\x7f"), "\t\b\b\b\b\b\b");
}

TEST_F(LineDisciplineTest, EraseTakesWholeUtf8Characters) {
  Change(&Termios::input, IUTF8, 0);
  EXPECT_EQ(Echo("a\u00e9\x7f"), "a\u00e9\b \b");
  line_.Type("\n");
  EXPECT_EQ(ReadFrom(line_), "a\n");
}

TEST_F(LineDisciplineTest, WordEraseTakesBlanksAndOneWord) {
  EXPECT_EQ(Echo("one two  \x17"), "one two  \b \b\b \b\b \b\b \b\b \b");
  line_.Type("\n");
  EXPECT_EQ(ReadFrom(line_), "one \n");
}

TEST_F(LineDisciplineTest, KillTakesTheWholeLine) {
  EXPECT_EQ(Echo("abc\x15"), "abc\b \b\b \b\b \b");
  Change(&Termios::local, 0, ECHOKE);
  EXPECT_EQ(Echo("abc\x15"), "abc^U\r\n");
  line_.Type("x\n");
  EXPECT_EQ(ReadFrom(line_), "x\n");
}

TEST_F(LineDisciplineTest, LiteralNextTakesAwayTheMeaning) {
  EXPECT_EQ(Echo("\x16\x03"), "^\b^C");
  EXPECT_EQ(line_.TakeSignals(), 0u);
  line_.Type("\x16\x7f\n");
  EXPECT_EQ(ReadFrom(line_), "\x03\x7f\n");
}

TEST_F(LineDisciplineTest, ReprintShowsTheUnfinishedLine) {
  EXPECT_EQ(Echo("ab\x12"), "ab^R\r\nab");
}

TEST_F(LineDisciplineTest, PrintedErasureIsBetweenSlashes) {
  Change(&Termios::local, ECHOPRT, 0);
  EXPECT_EQ(Echo("abc\x7f\x7fx"), "abc\\cb/x");
}

TEST_F(LineDisciplineTest, KeysThatAreSwitchedOffAreOrdinary) {
  SetKey(VERASE, 0);
  line_.Type("a\x7f\n");
  EXPECT_EQ(ReadFrom(line_), "a\x7f\n");
  line_.Type("\0\n"s);
  EXPECT_EQ(ReadFrom(line_), "\0\n"s);
}

// --- Echo

TEST_F(LineDisciplineTest, EchoOfControlCharactersHasACaret) {
  EXPECT_EQ(Echo("\x01\t\x1b"), "^A\t^[");
  Change(&Termios::local, 0, ECHOCTL);
  EXPECT_EQ(Echo("\x01"), "\x01");
}

TEST_F(LineDisciplineTest, WithoutEchoNothingShows) {
  Change(&Termios::local, 0, ECHO);
  EXPECT_EQ(Echo("secret\x7f\n"), "");
  EXPECT_EQ(ReadFrom(line_), "secre\n");
  Change(&Termios::local, ECHONL, 0);
  EXPECT_EQ(Echo("secret\n"), "\r\n");
}

// --- Signals

TEST_F(LineDisciplineTest, KeysRaiseSignalsAndDiscardTheLine) {
  EXPECT_EQ(Echo("typed\x03"), "typed^C");
  EXPECT_EQ(line_.TakeSignals(), 1u << SIGINT);
  EXPECT_EQ(line_.TakeSignals(), 0u);
  line_.Type("\x1c");
  EXPECT_EQ(line_.TakeSignals(), 1u << SIGQUIT);
  line_.Type(
      "\x1a"
      "after\n");
  EXPECT_EQ(line_.TakeSignals(), 1u << SIGTSTP);
  EXPECT_EQ(ReadFrom(line_), "after\n");
}

TEST_F(LineDisciplineTest, NoFlushKeepsTheLine) {
  Change(&Termios::local, NOFLSH, 0);
  line_.Type("kept\x03\n");
  EXPECT_EQ(ReadFrom(line_), "kept\n");
}

TEST_F(LineDisciplineTest, WithoutIsigKeysAreBytes) {
  Change(&Termios::local, 0, ISIG);
  line_.Type("\x03\x1a\n");
  EXPECT_EQ(line_.TakeSignals(), 0u);
  EXPECT_EQ(ReadFrom(line_), "\x03\x1a\n");
}

// --- Flow control

TEST_F(LineDisciplineTest, StopKeyHoldsOutputAndEcho) {
  line_.Type("\x13");
  EXPECT_TRUE(line_.stopped());
  EXPECT_EQ(line_.WriteSpace(), 0u);
  EXPECT_EQ(Echo("ab"), "");
  EXPECT_EQ(Echo("\x11"), "ab");
  EXPECT_GT(line_.WriteSpace(), 0u);
}

TEST_F(LineDisciplineTest, AnyKeyMayStartOutputAgain) {
  Change(&Termios::input, IXANY, 0);
  line_.Type("\x13");
  EXPECT_EQ(Echo("x"), "x");
  EXPECT_FALSE(line_.stopped());
}

TEST_F(LineDisciplineTest, SwitchingFlowControlOffStartsOutput) {
  line_.Type("\x13");
  Change(&Termios::input, 0, IXON);
  EXPECT_FALSE(line_.stopped());
  line_.Type("\x13\n");
  EXPECT_EQ(ReadFrom(line_), "\x13\n");
}

TEST_F(LineDisciplineTest, PacketEventsTellOfFlowAndFlush) {
  line_.TakePacketEvents();
  line_.Type("\x13");
  EXPECT_EQ(line_.TakePacketEvents(), TIOCPKT_STOP);
  line_.Type("\x11");
  EXPECT_EQ(line_.TakePacketEvents(), TIOCPKT_START);
  line_.FlushInput();
  EXPECT_EQ(line_.TakePacketEvents(), TIOCPKT_FLUSHREAD);
  Change(&Termios::input, 0, IXON);
  EXPECT_EQ(line_.TakePacketEvents(), TIOCPKT_NOSTOP);
}

// --- Without lines

TEST_F(LineDisciplineTest, RawModePassesEveryByteAtOnce) {
  MakeRaw();
  EXPECT_EQ(Echo("a\x03\r\x04\x7f\xff"), "");
  EXPECT_EQ(ReadFrom(line_), "a\x03\r\x04\x7f\xff");
  line_.Write("x\ny");
  EXPECT_EQ(OutputOf(line_), "x\ny");
}

TEST_F(LineDisciplineTest, UnfinishedLineCanBeReadWhenLinesEnd) {
  line_.Type("unfinished");
  Change(&Termios::local, 0, ICANON);
  EXPECT_EQ(ReadFrom(line_), "unfinished");
}

TEST_F(LineDisciplineTest, BytesBecomeALineWhenLinesBegin) {
  Change(&Termios::local, 0, ICANON);
  line_.Type("bytes");
  Change(&Termios::local, ICANON, 0);
  EXPECT_EQ(ReadFrom(line_), "bytes");
}

TEST_F(LineDisciplineTest, StripAndMark) {
  MakeRaw();
  Change(&Termios::input, PARMRK, 0);
  line_.Type("\xff");
  EXPECT_EQ(ReadFrom(line_), "\xff\xff");
  Change(&Termios::input, ISTRIP, 0);
  line_.Type("\xe1");
  EXPECT_EQ(ReadFrom(line_), "a");
}

TEST_F(LineDisciplineTest, RawInputIsLimitedAndNothingIsLost) {
  MakeRaw();
  std::string all;
  for (int i = 0; i < 20'000; ++i) {
    all += static_cast<char>('a' + i % 26);
  }
  line_.Type(all);
  EXPECT_LE(line_.InputSize(), 4096u);
  std::string got;
  while (line_.HasInput()) {
    got += ReadFrom(line_, 1000);
  }
  EXPECT_EQ(got, all);
}

// --- Output

TEST_F(LineDisciplineTest, NewlineBecomesReturnAndNewline) {
  line_.Write("a\nb\r\n");
  EXPECT_EQ(OutputOf(line_), "a\r\nb\r\r\n");
  Change(&Termios::output, 0, ONLCR);
  line_.Write("a\n");
  EXPECT_EQ(OutputOf(line_), "a\n");
}

TEST_F(LineDisciplineTest, ReturnCanBecomeNewlineOrNothing) {
  Change(&Termios::output, ONOCR, 0);
  line_.Write("\ra\r");
  EXPECT_EQ(OutputOf(line_), "a\r");
  Change(&Termios::output, OCRNL, ONOCR | ONLCR);
  line_.Write("a\r");
  EXPECT_EQ(OutputOf(line_), "a\n");
}

TEST_F(LineDisciplineTest, TabsAreExpandedToColumns) {
  Change(&Termios::output, XTABS, 0);
  line_.Write("ab\tc\n\td");
  EXPECT_EQ(OutputOf(line_), "ab      c\r\n        d");
}

TEST_F(LineDisciplineTest, OutputThatNobodyTakesEndsTheSpace) {
  while (line_.WriteSpace() > 0) {
    line_.Write(std::string(1024, 'x'));
  }
  EXPECT_LE(line_.output_size(), 17u * 1024);
  OutputOf(line_);
  EXPECT_GT(line_.WriteSpace(), 0u);
}

TEST_F(LineDisciplineTest, EchoThatNobodyTakesIsBounded) {
  for (int i = 0; i < 1000; ++i) {
    line_.Type(std::string(99, 'x') + "\n");
    ReadFrom(line_);
  }
  EXPECT_LE(line_.output_size(), 22u * 1024);
}

}  // namespace
}  // namespace ukrun
