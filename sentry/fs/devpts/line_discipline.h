// The line discipline of a terminal (termios(3)): what becomes of bytes between the keyboard
// (the master of a pseudo-terminal) and the program (its slave).
//
//   Type  -> editing, signals, echo -> TakeInput      master to slave
//   Write -> output processing      -> TakeOutput     slave to master
//
// Plain data without locks, tasks or clocks: sentry/fs/devpts/terminal.h puts it to use, and
// does what depends on those (blocking, job control, VTIME).
#pragma once

#include <deque>
#include <string>
#include <string_view>
#include <utility>

#include "sentry/fs/devpts/termios.h"

namespace ukrun {

class LineDiscipline {
 public:
  LineDiscipline() : termios_(DefaultTermios()) {}

  const Termios& termios() const { return termios_; }
  // Between modes with and without lines, what has been typed stays: going to lines, all of
  // it is one; going from lines, the unfinished one can be read.
  void SetTermios(const Termios& termios);

  // --- The master's side.
  // How many bytes Type would take.
  size_t TypeSpace() const;
  // Takes everything, even above TypeSpace.
  void Type(std::string_view bytes);
  size_t output_size() const { return output_.size(); }
  size_t TakeOutput(char* to, size_t size);

  // --- The slave's side.
  // How many bytes Write would take: none while output is stopped (Ctrl-S).
  size_t WriteSpace() const;
  // Takes everything, even above WriteSpace.
  void Write(std::string_view bytes);
  // Bytes that TakeInput could give: with lines, those of finished ones.
  size_t InputSize() const;
  // True when TakeInput has an answer: a finished line (which may be the empty one of Ctrl-D),
  // or, without lines, any byte.
  bool HasInput() const;
  // With lines, at most one of them. 0 at the end of file.
  size_t TakeInput(char* to, size_t size);

  // --- Events since the last call.
  // Signals that keys have asked for, as bits (1 << signal).
  uint32_t TakeSignals() { return std::exchange(signals_, 0); }
  // TIOCPKT_* bits for a master in packet mode.
  uint8_t TakePacketEvents() { return std::exchange(packet_events_, uint8_t{0}); }
  uint8_t packet_events() const { return packet_events_; }

  // --- tcflush(3) and tcflow(3).
  void FlushInput();
  void FlushOutput();
  void Stop();
  void Start();
  bool stopped() const { return stopped_; }
  // Puts one byte in front of the master, past all processing.
  void SendToMaster(char c) { output_ += c; }

 private:
  bool Input(uint32_t flag) const { return (termios_.input & flag) != 0; }
  bool Output(uint32_t flag) const { return (termios_.output & flag) != 0; }
  bool Local(uint32_t flag) const { return (termios_.local & flag) != 0; }
  // True for the control character at `index`, unless it is switched off.
  bool Is(unsigned char c, int index) const;

  // Typed bytes, one by one.
  void ProcessTyped();
  bool CanProcess() const;
  void Receive(unsigned char c);
  bool ReceiveFlow(unsigned char c);
  bool ReceiveSignal(unsigned char c);
  bool ReceiveEditing(unsigned char c);
  bool ReceiveLineEnd(unsigned char c);
  void ReceiveOrdinary(unsigned char c);
  void Raise(int signal, unsigned char c);
  void Put(unsigned char c);
  void FinishLine(unsigned char c);

  // Editing of the unfinished line.
  enum class Erase : uint8_t { kCharacter, kWord, kLine };
  void EraseTyped(Erase what, unsigned char key);
  void EchoErased(Erase what, std::string_view erased, unsigned char key);
  void EchoErasedTab();
  size_t LineBegin() const { return ends_.empty() ? 0 : ends_.back() + 1; }
  static bool IsControl(unsigned char c) { return c < 0x20 || c == 0x7f; }
  bool IsContinuation(unsigned char c) const;

  // Echo: as typed, or with control characters as ^X.
  void EchoRaw(unsigned char c);
  void EchoVisible(unsigned char c);
  void EchoText(std::string_view text);
  void FinishErasing();
  void ProcessOutput(unsigned char c);
  void Emit(unsigned char c) { output_ += static_cast<char>(c); }

  Termios termios_;

  // Typed, not processed yet: there was no room in `input_`.
  std::string typed_;
  // Processed: finished lines, then the unfinished one. Without lines, simply bytes.
  std::string input_;
  // Positions in input_ of the bytes that end lines, in order. An end of file is a zero byte.
  std::deque<size_t> ends_;
  bool literal_next_ = false;  // VLNEXT was typed
  bool erasing_ = false;       // inside the \.../ of ECHOPRT

  // For the master.
  std::string output_;
  // Echo that waits for output to go on.
  std::string held_echo_;
  bool stopped_ = false;
  size_t column_ = 0;
  size_t line_column_ = 0;  // where the unfinished line began

  uint32_t signals_ = 0;
  uint8_t packet_events_ = 0;
};

}  // namespace ukrun
