// Terminal modes as the kernel's ioctls carry them (asm/termbits.h). The C library's struct
// of the same purpose is larger.
#pragma once

#include <asm/termbits.h>

#include <array>
#include <cstdint>

namespace ukrun {

// struct termios of TCGETS; its flags and indices have their names from asm/termbits.h.
struct Termios {
  uint32_t input = 0;
  uint32_t output = 0;
  uint32_t control = 0;
  uint32_t local = 0;
  uint8_t line = 0;
  std::array<uint8_t, NCCS> characters = {};
};
static_assert(sizeof(Termios) == 36);

// struct termios2 of TCGETS2: with speeds as numbers.
struct Termios2 {
  Termios termios;
  uint32_t input_speed = 0;
  uint32_t output_speed = 0;
};
static_assert(sizeof(Termios2) == 44);

// struct winsize
struct WindowSize {
  uint16_t rows = 0;
  uint16_t columns = 0;
  uint16_t x_pixels = 0;
  uint16_t y_pixels = 0;
  friend bool operator==(const WindowSize&, const WindowSize&) = default;
};

// What a new pseudo-terminal starts with (tty_std_termios).
constexpr Termios DefaultTermios() {
  Termios termios;
  termios.input = ICRNL | IXON;
  termios.output = OPOST | ONLCR;
  termios.control = B38400 | CS8 | CREAD;
  termios.local = ISIG | ICANON | ECHO | ECHOE | ECHOK | ECHOCTL | ECHOKE | IEXTEN;
  termios.characters[VINTR] = 'C' & 0x1f;
  termios.characters[VQUIT] = '\\' & 0x1f;
  termios.characters[VERASE] = 0x7f;
  termios.characters[VKILL] = 'U' & 0x1f;
  termios.characters[VEOF] = 'D' & 0x1f;
  termios.characters[VMIN] = 1;
  termios.characters[VSTART] = 'Q' & 0x1f;
  termios.characters[VSTOP] = 'S' & 0x1f;
  termios.characters[VSUSP] = 'Z' & 0x1f;
  termios.characters[VREPRINT] = 'R' & 0x1f;
  termios.characters[VDISCARD] = 'O' & 0x1f;
  termios.characters[VWERASE] = 'W' & 0x1f;
  termios.characters[VLNEXT] = 'V' & 0x1f;
  return termios;
}

}  // namespace ukrun
