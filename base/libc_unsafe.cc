// What the compiler and the C++ library's header code expect of a C library, and no more.
// Freestanding image only. `rep movsb` is fast on every processor that this runs on, and
// leaves vector registers, which belong to the guest, alone.
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>

#include "base/check.h"
#include "base/heap.h"

extern "C" {

void* memcpy(void* to, const void* from, size_t size) {
  void* result = to;
  asm volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(size)::"memory");
  return result;
}

void* memmove(void* to, const void* from, size_t size) {
  auto to_address = reinterpret_cast<uintptr_t>(to);
  auto from_address = reinterpret_cast<uintptr_t>(from);
  if (to_address - from_address >= size) {
    return memcpy(to, from, size);
  }
  void* result = to;
  to = static_cast<char*>(to) + size - 1;
  from = static_cast<const char*>(from) + size - 1;
  asm volatile("std; rep movsb; cld" : "+D"(to), "+S"(from), "+c"(size)::"memory");
  return result;
}

void* memset(void* to, int value, size_t size) {
  void* result = to;
  asm volatile("rep stosb" : "+D"(to), "+c"(size) : "a"(value) : "memory");
  return result;
}

int memcmp(const void* a, const void* b, size_t size) {
  const auto* x = static_cast<const unsigned char*>(a);
  const auto* y = static_cast<const unsigned char*>(b);
  for (size_t i = 0; i < size; ++i) {
    if (x[i] != y[i]) {
      return x[i] < y[i] ? -1 : 1;
    }
  }
  return 0;
}

// <cstring> declares memchr with C++ overloads, so the C symbol is defined under another name.
void* UkrunMemchr(const void* memory, int value, size_t size) asm("memchr");
void* UkrunMemchr(const void* memory, int value, size_t size) {
  const auto* bytes = static_cast<const unsigned char*>(memory);
  for (size_t i = 0; i < size; ++i) {
    if (bytes[i] == static_cast<unsigned char>(value)) {
      return const_cast<unsigned char*>(bytes + i);
    }
  }
  return nullptr;
}

size_t strlen(const char* string) {
  size_t size = 0;
  while (string[size] != '\0') {
    asm volatile("");
    ++size;
  }
  return size;
}

int strcmp(const char* a, const char* b) {
  while (*a != '\0' && *a == *b) {
    ++a;
    ++b;
  }
  return static_cast<unsigned char>(*a) - static_cast<unsigned char>(*b);
}

void* malloc(size_t size) { return ukrun::HeapAllocate(size); }
void free(void* pointer) { ukrun::HeapFree(pointer); }
void* realloc(void* old, size_t size) {
  if (old == nullptr) {
    return malloc(size);
  }
  size_t usable = ukrun::HeapUsableSize(old);
  if (size != 0 && size <= usable) {
    return old;
  }
  void* fresh = malloc(size);
  if (fresh != nullptr) {
    memcpy(fresh, old, usable < size ? usable : size);
    free(old);
  }
  return fresh;
}

[[noreturn]] void abort() { ukrun::Panic("abort"); }
[[noreturn]] void __stack_chk_fail() { ukrun::Panic("kernel stack overrun"); }
[[noreturn]] void __cxa_pure_virtual() { ukrun::Panic("pure virtual call"); }
int __cxa_atexit(void (*)(void*), void*, void*) { return 0; }
__attribute__((visibility("hidden"))) void* __dso_handle = nullptr;

}  // extern "C"

// A kernel that cannot allocate for itself cannot go on; guest-sized memory is asked for
// with limits checked first and never by operator new.
void* operator new(size_t size) {
  void* result = ukrun::HeapAllocate(size);
  UKRUN_CHECK(result != nullptr);
  return result;
}
void* operator new[](size_t size) { return operator new(size); }
void* operator new(size_t size, const std::nothrow_t&) noexcept {
  return ukrun::HeapAllocate(size);
}
void operator delete(void* pointer) noexcept { ukrun::HeapFree(pointer); }
void operator delete(void* pointer, size_t) noexcept { ukrun::HeapFree(pointer); }
void operator delete[](void* pointer) noexcept { ukrun::HeapFree(pointer); }
void operator delete[](void* pointer, size_t) noexcept { ukrun::HeapFree(pointer); }

// The library declares that they do not return.
namespace std {
void __throw_bad_alloc() { ukrun::Panic("bad_alloc"); }
void __throw_bad_array_new_length() { ukrun::Panic("bad_array_new_length"); }
void __throw_length_error(const char* what) { ukrun::Panic(what); }
void __throw_logic_error(const char* what) { ukrun::Panic(what); }
void __throw_out_of_range(const char* what) { ukrun::Panic(what); }
void __throw_out_of_range_fmt(const char* what, ...) { ukrun::Panic(what); }
void __throw_bad_function_call() { ukrun::Panic("bad_function_call"); }
}  // namespace std
