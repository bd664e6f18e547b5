// Typing, editing, reading. Echo and output: line_discipline_output.cc.
#include "sentry/fs/devpts/line_discipline.h"

#include <asm/ioctls.h>

#include <algorithm>
#include <cstring>

#include "abi/signal.h"

namespace ukrun {
namespace {

// As Linux's N_TTY: a line has at most this many bytes, its end included.
constexpr size_t kMostInput = 4096;
// What lies between the two ends (the flip buffers of a tty), about as much as on Linux.
constexpr size_t kMostTyped = 12 * 1024;
// What a flush leaves of the output: bytes that the master has as good as received.
constexpr size_t kReceivedOutput = 4095;

constexpr unsigned char kDisabled = '\0';  // _POSIX_VDISABLE

bool IsWordCharacter(unsigned char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
         c >= 0xc0;
}
unsigned char ToLower(unsigned char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<unsigned char>(c + ('a' - 'A')) : c;
}

}  // namespace

bool LineDiscipline::Is(unsigned char c, int index) const {
  unsigned char wanted = termios_.characters[static_cast<size_t>(index)];
  return wanted != kDisabled && c == wanted;
}

// The bytes behind the first of a character, when the terminal is said to speak UTF-8.
bool LineDiscipline::IsContinuation(unsigned char c) const {
  return Input(IUTF8) && (c & 0xc0) == 0x80;
}

void LineDiscipline::SetTermios(const Termios& termios) {
  Termios old = std::exchange(termios_, termios);
  if (((old.local ^ termios.local) & ICANON) != 0) {
    ends_.clear();
    if (Local(ICANON) && !input_.empty()) {
      ends_.push_back(input_.size() - 1);
    }
    literal_next_ = false;
    erasing_ = false;
  }
  if (stopped_ && (old.input & IXON) != 0 && !Input(IXON)) {
    Start();
  }
  bool flow_keys = Input(IXON) && termios_.characters[VSTOP] == ('S' & 0x1f) &&
                   termios_.characters[VSTART] == ('Q' & 0x1f);
  bool had_flow_keys = (old.input & IXON) != 0 && old.characters[VSTOP] == ('S' & 0x1f) &&
                       old.characters[VSTART] == ('Q' & 0x1f);
  if (flow_keys != had_flow_keys) {
    packet_events_ &= static_cast<uint8_t>(~(TIOCPKT_DOSTOP | TIOCPKT_NOSTOP));
    packet_events_ |= static_cast<uint8_t>(flow_keys ? TIOCPKT_DOSTOP : TIOCPKT_NOSTOP);
  }
  ProcessTyped();
}

// --- Typing -----------------------------------------------------------------------------------

size_t LineDiscipline::TypeSpace() const {
  return typed_.size() < kMostTyped ? kMostTyped - typed_.size() : 0;
}

void LineDiscipline::Type(std::string_view bytes) {
  typed_ += bytes;
  ProcessTyped();
}

// An unfinished line may always be typed at, though what is too long of it gets lost: only
// its end makes room.
bool LineDiscipline::CanProcess() const {
  return input_.size() < kMostInput - 1 || (Local(ICANON) && ends_.empty());
}

void LineDiscipline::ProcessTyped() {
  size_t done = 0;
  while (done < typed_.size() && CanProcess()) {
    Receive(static_cast<unsigned char>(typed_[done++]));
  }
  typed_.erase(0, done);
}

void LineDiscipline::Receive(unsigned char c) {
  if (Input(ISTRIP)) {
    c &= 0x7f;
  }
  if (Input(IUCLC) && Local(IEXTEN)) {
    c = ToLower(c);
  }
  if (std::exchange(literal_next_, false)) {
    ReceiveOrdinary(c);
    return;
  }
  if (ReceiveFlow(c) || ReceiveSignal(c)) {
    return;
  }
  if (c == '\r') {
    if (Input(IGNCR)) {
      return;
    }
    if (Input(ICRNL)) {
      c = '\n';
    }
  } else if (c == '\n' && Input(INLCR)) {
    c = '\r';
  }
  if (Local(ICANON) && (ReceiveEditing(c) || ReceiveLineEnd(c))) {
    return;
  }
  ReceiveOrdinary(c);
}

bool LineDiscipline::ReceiveFlow(unsigned char c) {
  if (!Input(IXON)) {
    return false;
  }
  if (Is(c, VSTART)) {
    Start();
    return true;
  }
  if (Is(c, VSTOP)) {
    Stop();
    return true;
  }
  if (stopped_ && Input(IXANY)) {
    Start();
  }
  return false;
}

bool LineDiscipline::ReceiveSignal(unsigned char c) {
  if (!Local(ISIG)) {
    return false;
  }
  if (Is(c, VINTR)) {
    Raise(abi::kSigInt, c);
  } else if (Is(c, VQUIT)) {
    Raise(abi::kSigQuit, c);
  } else if (Is(c, VSUSP)) {
    Raise(abi::kSigTstp, c);
  } else {
    return false;
  }
  return true;
}

void LineDiscipline::Raise(int signal, unsigned char c) {
  signals_ |= 1u << signal;
  if (!Local(NOFLSH)) {
    input_.clear();
    ends_.clear();
    held_echo_.clear();
    erasing_ = false;
    output_.resize(std::min(output_.size(), kReceivedOutput));
    packet_events_ |= TIOCPKT_FLUSHREAD | TIOCPKT_FLUSHWRITE;
  }
  if (Input(IXON)) {
    Start();
  }
  if (Local(ECHO)) {
    EchoVisible(c);
  }
}

bool LineDiscipline::ReceiveEditing(unsigned char c) {
  bool extended = Local(IEXTEN);
  if (Is(c, VERASE)) {
    EraseTyped(Erase::kCharacter, c);
  } else if (Is(c, VKILL)) {
    EraseTyped(Erase::kLine, c);
  } else if (extended && Is(c, VWERASE)) {
    EraseTyped(Erase::kWord, c);
  } else if (extended && Is(c, VLNEXT)) {
    literal_next_ = true;
    if (Local(ECHO)) {
      FinishErasing();
      if (Local(ECHOCTL)) {
        EchoText("^\b");
      }
    }
  } else if (extended && Local(ECHO) && Is(c, VREPRINT)) {
    FinishErasing();
    EchoVisible(c);
    EchoRaw('\n');
    for (char typed : std::string_view(input_).substr(LineBegin())) {
      EchoVisible(static_cast<unsigned char>(typed));
    }
  } else {
    return false;
  }
  return true;
}

bool LineDiscipline::ReceiveLineEnd(unsigned char c) {
  if (c == '\n') {
    if (Local(ECHO) || Local(ECHONL)) {
      EchoRaw('\n');
    }
    FinishLine(c);
  } else if (Is(c, VEOF)) {
    FinishLine(kDisabled);
  } else if (Is(c, VEOL) || (Local(IEXTEN) && Is(c, VEOL2))) {
    if (Local(ECHO)) {
      EchoVisible(c);
    }
    FinishLine(c);
  } else {
    return false;
  }
  return true;
}

void LineDiscipline::ReceiveOrdinary(unsigned char c) {
  if (Local(ECHO)) {
    FinishErasing();
    if (c == '\n') {
      EchoRaw(c);
    } else {
      if (LineBegin() == input_.size()) {
        line_column_ = column_;
      }
      EchoVisible(c);
    }
  }
  if (Input(PARMRK) && c == 0xff) {
    Put(c);
  }
  Put(c);
}

void LineDiscipline::Put(unsigned char c) {
  if (input_.size() < kMostInput - 1) {
    input_ += static_cast<char>(c);
  }
}

void LineDiscipline::FinishLine(unsigned char c) {
  input_ += static_cast<char>(c);
  ends_.push_back(input_.size() - 1);
}

// --- Editing ----------------------------------------------------------------------------------

void LineDiscipline::EraseTyped(Erase what, unsigned char key) {
  size_t begin = LineBegin();
  if (input_.size() == begin) {
    return;
  }
  if (what == Erase::kLine) {
    if (!Local(ECHO)) {
      input_.resize(begin);
      return;
    }
    if (!Local(ECHOK) || !Local(ECHOKE) || !Local(ECHOE)) {
      input_.resize(begin);
      FinishErasing();
      EchoVisible(key);
      if (Local(ECHOK)) {
        EchoRaw('\n');
      }
      return;
    }
  }
  bool word_seen = false;
  while (input_.size() > begin) {
    // One character, whatever its bytes.
    size_t head = input_.size() - 1;
    while (head > begin && IsContinuation(static_cast<unsigned char>(input_[head]))) {
      --head;
    }
    auto first = static_cast<unsigned char>(input_[head]);
    if (IsContinuation(first)) {
      break;  // a character is not erased in part
    }
    if (what == Erase::kWord) {
      bool in_word = IsWordCharacter(first);
      if (!in_word && word_seen) {
        break;
      }
      word_seen = word_seen || in_word;
    }
    std::string erased = input_.substr(head);
    input_.resize(head);
    if (Local(ECHO)) {
      EchoErased(what, erased, key);
    }
    if (what == Erase::kCharacter) {
      break;
    }
  }
  if (input_.size() == begin && Local(ECHO)) {
    FinishErasing();
  }
}

void LineDiscipline::EchoErased(Erase what, std::string_view erased, unsigned char key) {
  auto first = static_cast<unsigned char>(erased.front());
  if (Local(ECHOPRT)) {
    if (!std::exchange(erasing_, true)) {
      EchoRaw('\\');
    }
    EchoVisible(first);
    for (char rest : erased.substr(1)) {
      EchoRaw(static_cast<unsigned char>(rest));
    }
  } else if (what == Erase::kCharacter && !Local(ECHOE)) {
    EchoVisible(key);
  } else if (first == '\t') {
    EchoErasedTab();
  } else {
    if (IsControl(first) && Local(ECHOCTL)) {
      EchoText("\b \b");
    }
    if (!IsControl(first) || Local(ECHOCTL)) {
      EchoText("\b \b");
    }
  }
}

// Goes back over the blanks that a tab has made: to the column where it was typed.
void LineDiscipline::EchoErasedTab() {
  size_t width = 0;
  bool after_tab = false;
  for (size_t i = input_.size(); i > LineBegin() && !after_tab;) {
    auto c = static_cast<unsigned char>(input_[--i]);
    if (c == '\t') {
      after_tab = true;
    } else if (IsControl(c)) {
      width += Local(ECHOCTL) ? 2u : 0u;
    } else if (!IsContinuation(c)) {
      ++width;
    }
  }
  if (!after_tab) {
    width += line_column_;
  }
  for (size_t backs = 8 - width % 8; backs > 0; --backs) {
    EchoRaw('\b');
  }
}

// --- Reading ------------------------------------------------------------------------------------

bool LineDiscipline::HasInput() const { return Local(ICANON) ? !ends_.empty() : !input_.empty(); }

size_t LineDiscipline::InputSize() const {
  if (!Local(ICANON)) {
    return input_.size();
  }
  // Ends of file are no bytes to be read.
  auto is_end_of_file = [this](size_t end) { return input_[end] == '\0'; };
  auto marks = static_cast<size_t>(std::count_if(ends_.begin(), ends_.end(), is_end_of_file));
  return LineBegin() - marks;
}

size_t LineDiscipline::TakeInput(char* to, size_t size) {
  size_t taken = 0;   // leaves input_
  size_t copied = 0;  // of that, reaches the reader
  if (!Local(ICANON)) {
    taken = copied = std::min(size, input_.size());
  } else if (!ends_.empty()) {
    size_t end = ends_.front();
    bool end_of_file = input_[end] == '\0';
    size_t length = end_of_file ? end : end + 1;
    copied = std::min(size, length);
    // An end of file behind bytes that fill the reader's buffer is gone with them, so that
    // the next read does not report it.
    taken = copied == length ? end + 1 : copied;
  }
  std::memcpy(to, input_.data(), copied);
  input_.erase(0, taken);
  if (!ends_.empty() && ends_.front() < taken) {
    ends_.pop_front();
  }
  for (size_t& end : ends_) {
    end -= taken;
  }
  ProcessTyped();
  return copied;
}

// --- Flushing and flow --------------------------------------------------------------------------

void LineDiscipline::FlushInput() {
  typed_.clear();
  input_.clear();
  ends_.clear();
  literal_next_ = false;
  erasing_ = false;
  packet_events_ |= TIOCPKT_FLUSHREAD;
}

void LineDiscipline::FlushOutput() {
  output_.resize(std::min(output_.size(), kReceivedOutput));
  packet_events_ |= TIOCPKT_FLUSHWRITE;
}

void LineDiscipline::Stop() {
  if (!std::exchange(stopped_, true)) {
    packet_events_ &= static_cast<uint8_t>(~TIOCPKT_START);
    packet_events_ |= TIOCPKT_STOP;
  }
}

void LineDiscipline::Start() {
  if (!std::exchange(stopped_, false)) {
    return;
  }
  packet_events_ &= static_cast<uint8_t>(~TIOCPKT_STOP);
  packet_events_ |= TIOCPKT_START;
  std::string held;
  held.swap(held_echo_);
  EchoText(held);
}

}  // namespace ukrun
