#include "ukrun/boot/image.h"

#include <elf.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <vector>

#include "base/window.h"
#include "ukrun/boot/boot_error.h"

namespace ukrun::boot {
namespace {

constexpr uint64_t kPage = 4096;
// Generous for an image of a few MiB, and far below the next area of the window.
constexpr uint64_t kMaxImageBytes = uint64_t{1} << 32;

constexpr uint64_t PageDown(uint64_t value) { return value & ~(kPage - 1); }
constexpr uint64_t PageUp(uint64_t value) { return PageDown(value + kPage - 1); }

template <typename T>
T* At(uint64_t address) {
  return reinterpret_cast<T*>(address);
}

// Reads exactly `size` bytes; a short file is a broken installation.
void ReadExactly(int fd, void* out, size_t size, uint64_t offset) {
  char* to = static_cast<char*>(out);
  while (size > 0) {
    ssize_t got = pread(fd, to, size, static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) {
      continue;
    }
    if (got < 0) {
      Fail("cannot read the Sentry's image", errno);
    }
    if (got == 0) {
      Fail("the Sentry's image is cut off; build or install ukrun again", 0);
    }
    to += got;
    offset += static_cast<uint64_t>(got);
    size -= static_cast<size_t>(got);
  }
}

Elf64_Ehdr ReadHeader(int fd) {
  Elf64_Ehdr header{};
  ReadExactly(fd, &header, sizeof(header), 0);
  if (std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 || header.e_ident[EI_CLASS] != ELFCLASS64 ||
      header.e_machine != EM_X86_64 || header.e_type != ET_DYN ||
      header.e_phentsize != sizeof(Elf64_Phdr)) {
    Fail("the Sentry's image is not a static-PIE program for x86-64", 0);
  }
  return header;
}

int ProtectionOf(const Elf64_Phdr& segment) {
  int protection = PROT_NONE;
  protection |= (segment.p_flags & PF_R) != 0 ? PROT_READ : 0;
  protection |= (segment.p_flags & PF_W) != 0 ? PROT_WRITE : 0;
  protection |= (segment.p_flags & PF_X) != 0 ? PROT_EXEC : 0;
  return protection;
}

void MapFixed(uint64_t address, uint64_t size, int protection, int flags, int fd, uint64_t offset) {
  void* wanted = At<void>(address);
  void* got =
      mmap(wanted, size, protection, flags | MAP_FIXED_NOREPLACE, fd, static_cast<off_t>(offset));
  if (got == MAP_FAILED) {
    Fail("cannot map the Sentry's image into the kernel window", errno);
  }
  if (got != wanted) {
    // A kernel before 4.17 takes the address as a hint.
    Fail("the kernel window is not free in this process", 0);
  }
}

// Puts one writable segment on the shared memory file, at `shared_offset` of it.
void PlaceWritable(int image, int shared, uint64_t shared_offset, const Elf64_Phdr& segment) {
  uint64_t begin = kWindowImage + PageDown(segment.p_vaddr);
  uint64_t end = kWindowImage + PageUp(segment.p_vaddr + segment.p_memsz);
  MapFixed(begin, end - begin, ProtectionOf(segment), MAP_SHARED, shared, shared_offset);
  ReadExactly(image, At<char>(kWindowImage + segment.p_vaddr), segment.p_filesz, segment.p_offset);
}

void PlaceReadOnly(int image, const Elf64_Phdr& segment) {
  uint64_t begin = kWindowImage + PageDown(segment.p_vaddr);
  uint64_t end = kWindowImage + PageUp(segment.p_vaddr + segment.p_memsz);
  MapFixed(begin, end - begin, ProtectionOf(segment), MAP_PRIVATE, image,
           PageDown(segment.p_offset));
}

// Applies the relative relocations. The image is linked without any other kind; another
// one means that a symbol was left to a dynamic linker that does not exist.
void Relocate(const Elf64_Phdr& dynamic) {
  const Elf64_Dyn* entry = At<const Elf64_Dyn>(kWindowImage + dynamic.p_vaddr);
  const Elf64_Rela* table = nullptr;
  uint64_t bytes = 0;
  for (; entry->d_tag != DT_NULL; ++entry) {
    if (entry->d_tag == DT_RELA) {
      table = At<const Elf64_Rela>(kWindowImage + entry->d_un.d_ptr);
    } else if (entry->d_tag == DT_RELASZ) {
      bytes = entry->d_un.d_val;
    } else if (entry->d_tag == DT_RELR || entry->d_tag == DT_JMPREL) {
      Fail("the Sentry's image has relocations of an unknown kind", 0);
    }
  }
  for (uint64_t i = 0; table != nullptr && i < bytes / sizeof(Elf64_Rela); ++i) {
    if (ELF64_R_TYPE(table[i].r_info) != R_X86_64_RELATIVE) {
      Fail("the Sentry's image has relocations of an unknown kind", 0);
    }
    uint64_t value = kWindowImage + static_cast<uint64_t>(table[i].r_addend);
    *At<uint64_t>(kWindowImage + table[i].r_offset) = value;
  }
}

int CreateShared(uint64_t bytes) {
  int shared = memfd_create("ukrun-sentry-data", MFD_CLOEXEC);
  if (shared < 0 || ftruncate(shared, static_cast<off_t>(bytes)) != 0) {
    Fail("cannot make shared memory for the Sentry", errno);
  }
  return shared;
}

}  // namespace

uint64_t PlaceImage(int fd) {
  Elf64_Ehdr header = ReadHeader(fd);
  std::vector<Elf64_Phdr> segments(header.e_phnum);
  ReadExactly(fd, segments.data(), segments.size() * sizeof(Elf64_Phdr), header.e_phoff);

  uint64_t shared_bytes = 0;
  for (const Elf64_Phdr& segment : segments) {
    if (segment.p_type != PT_LOAD) {
      continue;
    }
    if (segment.p_vaddr + segment.p_memsz > kMaxImageBytes || segment.p_filesz > segment.p_memsz) {
      Fail("the Sentry's image has a segment out of range", 0);
    }
    if ((segment.p_flags & PF_W) != 0) {
      shared_bytes += PageUp(segment.p_vaddr + segment.p_memsz) - PageDown(segment.p_vaddr);
    }
  }
  int shared = CreateShared(shared_bytes);
  uint64_t shared_offset = 0;
  for (const Elf64_Phdr& segment : segments) {
    if (segment.p_type != PT_LOAD || segment.p_memsz == 0) {
      continue;
    }
    if ((segment.p_flags & PF_W) == 0) {
      PlaceReadOnly(fd, segment);
      continue;
    }
    PlaceWritable(fd, shared, shared_offset, segment);
    shared_offset += PageUp(segment.p_vaddr + segment.p_memsz) - PageDown(segment.p_vaddr);
  }
  // Nothing reopens the Sentry's data once it is mapped.
  close(shared);
  for (const Elf64_Phdr& segment : segments) {
    if (segment.p_type == PT_DYNAMIC) {
      Relocate(segment);
    }
  }
  return kWindowImage + header.e_entry;
}

}  // namespace ukrun::boot
