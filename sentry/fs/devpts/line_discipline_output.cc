// Echo and output: what reaches the master.
#include <algorithm>
#include <cstring>

#include "sentry/fs/devpts/line_discipline.h"

namespace ukrun {
namespace {

// As much as Linux keeps for the master (the flip buffers of a tty), about.
constexpr size_t kMostOutput = 16 * 1024;
// Echo that finds no room is lost, as on Linux.
constexpr size_t kMostEcho = kMostOutput + 4096;
constexpr size_t kMostHeldEcho = 4096;

unsigned char ToUpper(unsigned char c) {
  return c >= 'a' && c <= 'z' ? static_cast<unsigned char>(c - ('a' - 'A')) : c;
}

}  // namespace

void LineDiscipline::EchoRaw(unsigned char c) {
  if (stopped_) {
    if (held_echo_.size() < kMostHeldEcho) {
      held_echo_ += static_cast<char>(c);
    }
  } else if (output_.size() < kMostEcho) {
    ProcessOutput(c);
  }
}

void LineDiscipline::EchoVisible(unsigned char c) {
  if (Local(ECHOCTL) && IsControl(c) && c != '\t') {
    EchoRaw('^');
    EchoRaw(c ^ 0x40);
  } else {
    EchoRaw(c);
  }
}

void LineDiscipline::EchoText(std::string_view text) {
  for (char c : text) {
    EchoRaw(static_cast<unsigned char>(c));
  }
}

void LineDiscipline::FinishErasing() {
  if (std::exchange(erasing_, false)) {
    EchoRaw('/');
  }
}

void LineDiscipline::ProcessOutput(unsigned char c) {
  if (!Output(OPOST)) {
    Emit(c);
    return;
  }
  switch (c) {
    case '\n':
      if (Output(ONLRET)) {
        column_ = 0;
      }
      if (Output(ONLCR)) {
        column_ = 0;
        Emit('\r');
      }
      line_column_ = column_;
      break;
    case '\r':
      if (Output(ONOCR) && column_ == 0) {
        return;
      }
      if (Output(OCRNL)) {
        c = '\n';
        column_ = Output(ONLRET) ? 0 : column_;
      } else {
        column_ = 0;
      }
      line_column_ = column_;
      break;
    case '\t': {
      size_t spaces = 8 - column_ % 8;
      column_ += spaces;
      if ((termios_.output & TABDLY) == XTABS) {
        output_.append(spaces, ' ');
        return;
      }
      break;
    }
    case '\b':
      column_ -= column_ > 0 ? 1u : 0u;
      break;
    default:
      if (!IsControl(c)) {
        c = Output(OLCUC) ? ToUpper(c) : c;
        column_ += IsContinuation(c) ? 0u : 1u;
      }
      break;
  }
  Emit(c);
}

size_t LineDiscipline::WriteSpace() const {
  return stopped_ || output_.size() >= kMostOutput ? 0 : kMostOutput - output_.size();
}

void LineDiscipline::Write(std::string_view bytes) {
  for (char c : bytes) {
    ProcessOutput(static_cast<unsigned char>(c));
  }
}

size_t LineDiscipline::TakeOutput(char* to, size_t size) {
  size = std::min(size, output_.size());
  std::memcpy(to, output_.data(), size);
  output_.erase(0, size);
  return size;
}

}  // namespace ukrun
