#include "sentry/vfs/attribute_change.h"

#include "sentry/vfs/vfs.h"

namespace ukrun {

void ApplyChange(Attributes& attributes, const AttributeChange& change) {
  if (change.permissions) {
    attributes.mode = (attributes.mode & S_IFMT) | (*change.permissions & 07777);
  }
  attributes.uid = change.uid.value_or(attributes.uid);
  attributes.gid = change.gid.value_or(attributes.gid);
  attributes.access_time_ns = change.access_time_ns.value_or(attributes.access_time_ns);
  attributes.modify_time_ns = change.modify_time_ns.value_or(attributes.modify_time_ns);
  attributes.change_time_ns = FileTimeNow();
}

}  // namespace ukrun
