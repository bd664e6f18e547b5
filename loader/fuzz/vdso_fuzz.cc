// Any image must be refused or searchable, and what is found lies inside it.
#include <cstdint>
#include <cstdlib>

#include "loader/vdso.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  ukrun::Result<ukrun::Vdso> vdso = ukrun::Vdso::Parse(std::as_bytes(std::span(data, size)));
  if (!vdso.ok()) {
    return 0;
  }
  std::optional<ukrun::Vdso::Symbol> symbol = vdso->FindFunction("__vdso_time");
  if (vdso->loaded_bytes() > size ||
      (symbol.has_value() && (symbol->offset >= size || symbol->bytes > size - symbol->offset))) {
    std::abort();
  }
  return 0;
}
