// Attribute changes of inodes that keep their attributes themselves.
#pragma once

#include "sentry/vfs/attributes.h"

namespace ukrun {

// Carries out all of `change` but the size. The change time becomes now.
void ApplyChange(Attributes& attributes, const AttributeChange& change);

}  // namespace ukrun
