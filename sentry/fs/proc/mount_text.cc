#include "sentry/fs/proc/mount_text.h"

#include "base/format.h"
#include "sentry/vfs/vfs.h"

namespace ukrun {
namespace {

struct Line {
  RefPtr<Mount> mount;
  std::string point;
  std::string source;
};

// Fields are separated by spaces, so white space in them is written in octal.
std::string Escape(std::string_view text) {
  std::string escaped;
  for (char c : text) {
    if (c == ' ' || c == '\t' || c == '\n' || c == '\\') {
      AppendFormat(escaped, "\\{:03o}", static_cast<unsigned>(static_cast<unsigned char>(c)));
    } else {
      escaped += c;
    }
  }
  return escaped;
}

// Those below the reader's root, in order of mounting.
std::vector<Line> VisibleMounts(const TargetView& view) {
  std::vector<Line> lines;
  Path root = view.resources.fs ? view.resources.fs->root() : view.reader.fs().root();
  for (const RefPtr<Mount>& mount : AllMounts()) {
    std::string point = PathName(Path{mount, mount->root()}, root);
    if (point.starts_with("(unreachable)")) {
      continue;
    }
    std::string_view type = mount->file_system().type_name();
    lines.push_back(
        Line{mount, Escape(point), Escape(mount->source().empty() ? type : mount->source())});
  }
  return lines;
}

std::string Options(const Mount& mount) {
  const MountFlags& flags = mount.flags();
  std::string options = flags.read_only ? "ro" : "rw";
  options += flags.no_suid ? ",nosuid" : "";
  options += flags.no_dev ? ",nodev" : "";
  options += flags.no_exec ? ",noexec" : "";
  return options + ",relatime";
}

}  // namespace

Result<std::string> MountsText(const TargetView& view) {
  std::string text;
  for (const Line& line : VisibleMounts(view)) {
    AppendFormat(text, "{} {} {} {} 0 0\n", line.source, line.point,
                 line.mount->file_system().type_name(), Options(*line.mount));
  }
  return text;
}

Result<std::string> MountinfoText(const TargetView& view) {
  std::string text;
  for (const Line& line : VisibleMounts(view)) {
    const Mount& mount = *line.mount;
    Attributes attributes = mount.root()->inode()->GetAttributes().value_or(Attributes());
    // As Linux shows a root mount: its parent is itself, or something outside.
    uint64_t parent = mount.parent ? mount.parent->id() : mount.id();
    std::string root = mount.root()->parent() ? Escape(mount.root()->name()) : "/";
    AppendFormat(text, "{} {} {}:{} {} {} {} - {} {} {}\n", mount.id(), parent,
                 DeviceMajor(attributes.device), DeviceMinor(attributes.device), root, line.point,
                 Options(mount), mount.file_system().type_name(), line.source,
                 mount.flags().read_only ? "ro" : "rw");
  }
  return text;
}

Result<std::string> MountstatsText(const TargetView& view) {
  std::string text;
  for (const Line& line : VisibleMounts(view)) {
    AppendFormat(text, "device {} mounted on {} with fstype {}\n", line.source, line.point,
                 line.mount->file_system().type_name());
  }
  return text;
}

}  // namespace ukrun
