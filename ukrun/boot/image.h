// Places the Sentry's image, a static-PIE ELF file, into the kernel window.
//
// Used by the first stage only. It is not a general ELF loader: the file is part of the
// installation, is trusted, and has no interpreter, no symbols to look up and no
// thread-local segment of its own that this stage would have to set up.
#pragma once

#include <cstdint>

namespace ukrun::boot {

// Maps the image in descriptor `fd` at kWindowImage and applies its relocations.
// Read-only and executable segments are private mappings of the file; writable ones lie
// on one shared memory file, so that every host process of the sandbox sees one copy of
// the Sentry's globals. Returns the address of its entry point; ends the process with a
// message when the file cannot be used.
uint64_t PlaceImage(int fd);

}  // namespace ukrun::boot
