#include "sentry/strace/structures.h"

#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "sentry/strace/names.h"
#include "sentry/syscalls/limits.h"
#include "sentry/syscalls/system.h"
#include "sentry/syscalls/timers.h"

namespace ukrun::strace {
namespace {

constexpr int64_t kNow = UTIME_NOW, kOmit = UTIME_OMIT;

// A limit as people write it: in KiB where it is a round number of them.
void AppendLimit(std::string& out, uint64_t limit) {
  if (limit == UINT64_MAX) {
    out += "RLIM64_INFINITY";
  } else if (limit > 1024 && limit % 1024 == 0) {
    AppendFormat(out, "{}*1024", limit / 1024);
  } else {
    AppendFormat(out, "{}", limit);
  }
}

// Only what is the same for every file is left out.
void AppendIdentity(std::string& out, uint32_t mode, uint64_t device_major, uint64_t device_minor,
                    uint64_t size) {
  if (S_ISCHR(mode) || S_ISBLK(mode)) {
    AppendFormat(out, "rdev=makedev({:#x}, {:#x})", device_major, device_minor);
  } else {
    AppendFormat(out, "size={}", size);
  }
}

}  // namespace

void AppendFileMode(std::string& out, uint32_t mode) {
  if ((mode & ~uint32_t{0777}) != 0) {
    AppendNames(out, kFileTypes, mode & ~uint32_t{0777});
    out.push_back('|');
  }
  AppendMode(out, mode & 0777);
}

void AppendStructure(std::string& out, const abi::Timespec& time) {
  if (time.nanoseconds == kNow) {
    out += "UTIME_NOW";
  } else if (time.nanoseconds == kOmit) {
    out += "UTIME_OMIT";
  } else {
    AppendFormat(out, "{{tv_sec={}, tv_nsec={}}}", time.seconds, time.nanoseconds);
  }
}

void AppendStructure(std::string& out, const abi::Timeval& time) {
  AppendFormat(out, "{{tv_sec={}, tv_usec={}}}", time.seconds, time.microseconds);
}

void AppendStructure(std::string& out, const abi::Itimerspec& time) {
  out += "{it_interval=";
  AppendStructure(out, time.interval);
  out += ", it_value=";
  AppendStructure(out, time.value);
  out.push_back('}');
}

void AppendStructure(std::string& out, const abi::Timex& timex) {
  AppendFormat(out, "{{modes={:#x}, offset={}, freq={}, status={:#x}, tick={}, ...}}", timex.modes,
               timex.offset, timex.frequency, timex.status, timex.tick_us);
}

void AppendStructure(std::string& out, const Itimerval& time) {
  out += "{it_interval=";
  AppendStructure(out, time.interval);
  out += ", it_value=";
  AppendStructure(out, time.value);
  out.push_back('}');
}

void AppendStructure(std::string& out, const abi::Utimbuf& times) {
  AppendFormat(out, "{{actime={}, modtime={}}}", times.access_seconds, times.modify_seconds);
}

void AppendStructure(std::string& out, const abi::Rusage& usage) {
  out += "{ru_utime=";
  AppendStructure(out, usage.user_time);
  out += ", ru_stime=";
  AppendStructure(out, usage.system_time);
  out += ", ...}";
}

void AppendStructure(std::string& out, const TimesLayout& times) {
  AppendFormat(out, "{{tms_utime={}, tms_stime={}, tms_cutime={}, tms_cstime={}}}", times.user,
               times.system, times.children_user, times.children_system);
}

void AppendStructure(std::string& out, const Rlimit64& limit) {
  out += "{rlim_cur=";
  AppendLimit(out, limit.soft);
  out += ", rlim_max=";
  AppendLimit(out, limit.hard);
  out.push_back('}');
}

void AppendStructure(std::string& out, const Utsname& names) {
  constexpr const char* kFields[] = {"sysname", "nodename", "release"};
  out.push_back('{');
  for (size_t i = 0; i < std::size(kFields); ++i) {
    std::string_view field(names.fields[i], sizeof(names.fields[i]));
    AppendFormat(out, "{}=", kFields[i]);
    AppendQuoted(out, field.substr(0, field.find('\0')));
    out += ", ";
  }
  out += "...}";
}

void AppendStructure(std::string& out, const abi::Stat& stat) {
  out += "{st_mode=";
  AppendFileMode(out, stat.mode);
  out += ", st_";
  AppendIdentity(out, stat.mode, major(stat.special_device), minor(stat.special_device),
                 static_cast<uint64_t>(stat.size));
  out += ", ...}";
}

void AppendStructure(std::string& out, const abi::Statx& statx) {
  out += "{stx_mask=";
  AppendNames(out, kStatxMask, statx.mask);
  out += ", stx_mode=";
  AppendFileMode(out, statx.mode);
  out += ", stx_";
  AppendIdentity(out, statx.mode, statx.special_major, statx.special_minor, statx.size);
  out += ", ...}";
}

void AppendStructure(std::string& out, const abi::Statfs& statfs) {
  out += "{f_type=";
  AppendNames(out, kFileSystemTypes, static_cast<uint64_t>(statfs.type));
  AppendFormat(out, ", f_bsize={}, f_blocks={}, f_bfree={}, f_bavail={}, ...}}", statfs.block_size,
               statfs.blocks, statfs.blocks_free, statfs.blocks_available);
}

void AppendStructure(std::string& out, const abi::EpollEvent& event) {
  out += "{events=";
  AppendNames(out, kEpollEvents, event.events);
  AppendFormat(out, ", data={:#x}}}", uint64_t{event.data_high} << 32 | event.data_low);
}

}  // namespace ukrun::strace
