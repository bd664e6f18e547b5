// A program without a C library: the stack and the registers at entry, and raw system calls.
// build: gcc -O2 -static -nostdlib -ffreestanding -fno-stack-protector -o %o %s
// status: 23

typedef unsigned long Word;

static long Call(long number, long a, long b, long c) {
  long result;
  __asm__ volatile("syscall"
                   : "=a"(result)
                   : "a"(number), "D"(a), "S"(b), "d"(c)
                   : "rcx", "r11", "memory");
  return result;
}

static void Print(const char* text) {
  long length = 0;
  while (text[length] != '\0') length++;
  Call(1, 1, (long)text, length);
}

static void PrintNumber(const char* what, long value) {
  char digits[24];
  int at = sizeof digits;
  digits[--at] = '\0';
  digits[--at] = '\n';
  Word magnitude = value < 0 ? 0 - (Word)value : (Word)value;
  do {
    digits[--at] = (char)('0' + magnitude % 10);
    magnitude /= 10;
  } while (magnitude != 0);
  if (value < 0) digits[--at] = '-';
  Print(what);
  Print(digits + at);
}

// What a system call leaves in the registers that it doesn't return in.
static long CountChangedRegisters(void) {
  long changed = 0;
  __asm__ volatile(
      "mov $0x1111, %%rbx; mov $0x2222, %%r12; mov $0x3333, %%r13; mov $0x4444, %%r14;"
      "mov $0x5555, %%r15; mov $0x6666, %%r8; mov $0x7777, %%r9; mov $0x8888, %%r10;"
      "mov $0x9999, %%rdi; mov $0xaaaa, %%rsi; mov $0xbbbb, %%rdx;"
      "mov $39, %%eax; syscall;"
      "xor %%eax, %%eax;"
      "cmp $0x1111, %%rbx; setne %%cl; add %%cl, %%al;"
      "cmp $0x2222, %%r12; setne %%cl; add %%cl, %%al;"
      "cmp $0x3333, %%r13; setne %%cl; add %%cl, %%al;"
      "cmp $0x4444, %%r14; setne %%cl; add %%cl, %%al;"
      "cmp $0x5555, %%r15; setne %%cl; add %%cl, %%al;"
      "cmp $0x6666, %%r8; setne %%cl; add %%cl, %%al;"
      "cmp $0x7777, %%r9; setne %%cl; add %%cl, %%al;"
      "cmp $0x8888, %%r10; setne %%cl; add %%cl, %%al;"
      "cmp $0x9999, %%rdi; setne %%cl; add %%cl, %%al;"
      "cmp $0xaaaa, %%rsi; setne %%cl; add %%cl, %%al;"
      "cmp $0xbbbb, %%rdx; setne %%cl; add %%cl, %%al;"
      : "=a"(changed)
      :
      : "rbx", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15",
        "memory");
  return changed;
}

// rcx holds the next instruction's address and r11 the flags, as the instruction defines.
static long ReturnsAddressAndFlags(void) {
  long right;
  __asm__ volatile(
      "mov $39, %%eax; stc; pushfq; pop %%rdx; syscall; 1: lea 1b(%%rip), %%rax;"
      "cmp %%rax, %%rcx; jne 2f; cmp %%rdx, %%r11; jne 2f; mov $1, %%eax; jmp 3f;"
      "2: xor %%eax, %%eax; 3:"
      : "=a"(right)
      :
      : "rcx", "rdx", "r11", "memory", "cc");
  return right;
}

__attribute__((used)) void Main(const Word* stack, Word rdx) {
  long argc = (long)stack[0];
  const char** argv = (const char**)(stack + 1);
  const char** environment = argv + argc + 1;
  PrintNumber("argc ", argc);
  Print(argv[0]);
  PrintNumber("\nargv ends with ", (long)argv[argc]);
  PrintNumber("stack pointer modulo 16: ", (long)((Word)stack % 16));
  PrintNumber("rdx at entry: ", (long)rdx);
  long variables = 0;
  while (environment[variables] != 0) variables++;
  PrintNumber("environment: ", variables);
  const Word* auxiliary = (const Word*)(environment + variables + 1);
  for (; auxiliary[0] != 0; auxiliary += 2) {
    if (auxiliary[0] == 6) PrintNumber("page size ", (long)auxiliary[1]);
    if (auxiliary[0] == 4) PrintNumber("program header size ", (long)auxiliary[1]);
    if (auxiliary[0] == 9) PrintNumber("entry is known ", auxiliary[1] != 0);
  }
  PrintNumber("changed registers: ", CountChangedRegisters());
  PrintNumber("address and flags: ", ReturnsAddressAndFlags());
  PrintNumber("no such call: ", Call(9999, 0, 0, 0));
  PrintNumber("a negative call: ", Call(-1, 0, 0, 0));
  PrintNumber("write from nowhere: ", Call(1, 1, 16, 10));
  PrintNumber("write to nothing: ", Call(1, 99, (long)"x", 1));
  PrintNumber("close: ", Call(3, -1, 0, 0));
  Call(231, 23, 0, 0);
  Call(60, 1, 0, 0);
}

__asm__(".globl _start\n_start: mov %rsp, %rdi; and $-16, %rsp; call Main; hlt");
