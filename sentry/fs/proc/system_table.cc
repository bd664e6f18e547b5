#include "sentry/fs/proc/system_table.h"

#include "sentry/fs/proc/cpuinfo_text.h"
#include "sentry/fs/proc/kernel_text.h"
#include "sentry/fs/proc/memory_text.h"
#include "sentry/fs/proc/net_text.h"
#include "sentry/fs/proc/sysctl_text.h"
#include "sentry/fs/proc/time_text.h"
#include "sentry/fs/pseudo/text_file.h"

namespace ukrun {
namespace {

struct SystemEntry {
  std::string_view path;
  uint32_t permissions;
  TextFunction text;
  ApplyFunction apply = nullptr;
};

// Text that is always the same.
struct FixedEntry {
  std::string_view path;
  uint32_t permissions;
  std::string_view text;
};

struct LinkEntry {
  std::string_view path;
  std::string_view target;
};

constexpr SystemEntry kEntries[] = {
    {"cpuinfo", 0444, &CpuinfoText},
    {"devices", 0444, &DevicesText},
    {"filesystems", 0444, &FilesystemsText},
    {"interrupts", 0444, &InterruptsText},
    {"loadavg", 0444, &LoadavgText},
    {"locks", 0444, &LocksText},
    {"meminfo", 0444, &MeminfoText},
    {"softirqs", 0444, &SoftirqsText},
    {"stat", 0444, &SystemStatText},
    {"uptime", 0444, &UptimeText},
    {"version", 0444, &VersionText},
    {"vmstat", 0444, &VmstatText},

    {"sys/kernel/hostname", 0644, &HostNameText, &ApplyHostName},
    {"sys/kernel/domainname", 0644, &DomainNameText, &ApplyDomainName},
    {"sys/kernel/osrelease", 0444, &ReleaseText},
    {"sys/kernel/version", 0444, &KernelVersionText},
    {"sys/kernel/threads-max", 0444, &ThreadsMaxText},
    {"sys/kernel/random/boot_id", 0444, &BootIdText},
    {"sys/kernel/random/uuid", 0444, &UuidText},
    {"sys/fs/file-nr", 0444, &FileNumberText},
    {"sys/fs/inode-nr", 0444, &InodeNumberText},
};

constexpr FixedEntry kFixedEntries[] = {
    {"buddyinfo", 0400, ""},
    {"cmdline", 0444, "\n"},
    {"consoles", 0444, ""},
    {"crypto", 0444, ""},
    {"diskstats", 0444, ""},
    {"iomem", 0400, ""},
    {"ioports", 0400, ""},
    {"kallsyms", 0444, ""},
    {"key-users", 0444, ""},
    {"keys", 0444, ""},
    {"kmsg", 0400, ""},
    {"misc", 0444, ""},
    {"modules", 0444, ""},
    {"partitions", 0444, "major minor  #blocks  name\n\n"},
    {"swaps", 0444, "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n"},
    {"zoneinfo", 0444, ""},
    {"pressure/cpu", 0444, "some avg10=0.00 avg60=0.00 avg300=0.00 total=0\n"},
    {"pressure/io", 0444,
     "some avg10=0.00 avg60=0.00 avg300=0.00 total=0\n"
     "full avg10=0.00 avg60=0.00 avg300=0.00 total=0\n"},
    {"pressure/memory", 0444,
     "some avg10=0.00 avg60=0.00 avg300=0.00 total=0\n"
     "full avg10=0.00 avg60=0.00 avg300=0.00 total=0\n"},
    {"sysvipc/msg", 0444,
     "       key      msqid perms      cbytes       qnum lspid lrpid   uid   gid  cuid  cgid"
     "      stime      rtime      ctime\n"},
    {"sysvipc/sem", 0444,
     "       key      semid perms      nsems   uid   gid  cuid  cgid      otime      ctime\n"},
    {"sysvipc/shm", 0444,
     "       key      shmid perms                  size  cpid  lpid nattch   uid   gid  cuid"
     "  cgid      atime      dtime      ctime                   rss                  swap\n"},

    // What cannot be changed here is not writable either: the values are how things are.
    {"sys/kernel/ostype", 0444, "Linux\n"},
    {"sys/kernel/cap_last_cap", 0444, "40\n"},
    {"sys/kernel/core_pattern", 0444, "core\n"},
    {"sys/kernel/core_uses_pid", 0444, "0\n"},
    {"sys/kernel/dmesg_restrict", 0444, "1\n"},
    {"sys/kernel/io_uring_disabled", 0444, "2\n"},
    {"sys/kernel/kptr_restrict", 0444, "2\n"},
    {"sys/kernel/msgmax", 0444, "8192\n"},
    {"sys/kernel/msgmnb", 0444, "16384\n"},
    {"sys/kernel/msgmni", 0444, "32000\n"},
    {"sys/kernel/ngroups_max", 0444, "65536\n"},
    {"sys/kernel/overflowgid", 0444, "65534\n"},
    {"sys/kernel/overflowuid", 0444, "65534\n"},
    {"sys/kernel/panic", 0444, "0\n"},
    {"sys/kernel/perf_event_paranoid", 0444, "4\n"},
    {"sys/kernel/pid_max", 0444, "4194304\n"},
    {"sys/kernel/printk", 0444, "4\t4\t1\t7\n"},
    {"sys/kernel/random/entropy_avail", 0444, "256\n"},
    {"sys/kernel/random/poolsize", 0444, "256\n"},
    {"sys/kernel/random/urandom_min_reseed_secs", 0444, "60\n"},
    {"sys/kernel/random/write_wakeup_threshold", 0444, "256\n"},
    {"sys/kernel/randomize_va_space", 0444, "2\n"},
    {"sys/kernel/sched_child_runs_first", 0444, "0\n"},
    {"sys/kernel/seccomp/actions_avail", 0444,
     "kill_process kill_thread trap errno user_notif trace log allow\n"},
    {"sys/kernel/sem", 0444, "32000\t1024000000\t500\t32000\n"},
    {"sys/kernel/shmall", 0444, "18446744073692774399\n"},
    {"sys/kernel/shmmax", 0444, "18446744073692774399\n"},
    {"sys/kernel/shmmni", 0444, "4096\n"},
    {"sys/kernel/sysrq", 0444, "0\n"},
    {"sys/kernel/tainted", 0444, "0\n"},
    {"sys/kernel/unprivileged_bpf_disabled", 0444, "2\n"},
    {"sys/kernel/yama/ptrace_scope", 0444, "1\n"},
    {"sys/vm/max_map_count", 0444, "65530\n"},
    {"sys/vm/min_free_kbytes", 0444, "67584\n"},
    {"sys/vm/mmap_min_addr", 0444, "65536\n"},
    {"sys/vm/nr_hugepages", 0444, "0\n"},
    {"sys/vm/overcommit_kbytes", 0444, "0\n"},
    {"sys/vm/overcommit_memory", 0444, "0\n"},
    {"sys/vm/overcommit_ratio", 0444, "50\n"},
    {"sys/vm/panic_on_oom", 0444, "0\n"},
    {"sys/vm/swappiness", 0444, "60\n"},
    {"sys/vm/vfs_cache_pressure", 0444, "100\n"},
    {"sys/fs/aio-max-nr", 0444, "65536\n"},
    {"sys/fs/aio-nr", 0444, "0\n"},
    {"sys/fs/epoll/max_user_watches", 0444, "3566469\n"},
    {"sys/fs/file-max", 0444, "9223372036854775807\n"},
    {"sys/fs/inotify/max_queued_events", 0444, "16384\n"},
    {"sys/fs/inotify/max_user_instances", 0444, "128\n"},
    {"sys/fs/inotify/max_user_watches", 0444, "65536\n"},
    {"sys/fs/mqueue/msg_default", 0444, "10\n"},
    {"sys/fs/mqueue/msg_max", 0444, "10\n"},
    {"sys/fs/mqueue/msgsize_default", 0444, "8192\n"},
    {"sys/fs/mqueue/msgsize_max", 0444, "8192\n"},
    {"sys/fs/mqueue/queues_max", 0444, "256\n"},
    {"sys/fs/nr_open", 0444, "1048576\n"},
    {"sys/fs/overflowgid", 0444, "65534\n"},
    {"sys/fs/overflowuid", 0444, "65534\n"},
    {"sys/fs/pipe-max-size", 0444, "1048576\n"},
    {"sys/fs/pipe-user-pages-hard", 0444, "0\n"},
    {"sys/fs/pipe-user-pages-soft", 0444, "16384\n"},
    {"sys/fs/protected_hardlinks", 0444, "0\n"},
    {"sys/fs/protected_symlinks", 0444, "0\n"},
    {"sys/fs/suid_dumpable", 0444, "0\n"},
    {"sys/net/core/netdev_max_backlog", 0444, "1000\n"},
    {"sys/net/core/optmem_max", 0444, "131072\n"},
    {"sys/net/core/rmem_default", 0444, "212992\n"},
    {"sys/net/core/rmem_max", 0444, "212992\n"},
    {"sys/net/core/somaxconn", 0444, "4096\n"},
    {"sys/net/core/wmem_default", 0444, "212992\n"},
    {"sys/net/core/wmem_max", 0444, "212992\n"},
    {"sys/net/ipv4/ip_forward", 0444, "0\n"},
    {"sys/net/ipv4/ip_local_port_range", 0444, "32768\t60999\n"},
    {"sys/net/ipv4/ip_unprivileged_port_start", 0444, "1024\n"},
    {"sys/net/ipv4/ping_group_range", 0444, "1\t0\n"},
    {"sys/net/ipv4/tcp_congestion_control", 0444, "cubic\n"},
    {"sys/net/ipv4/tcp_available_congestion_control", 0444, "cubic\n"},
    {"sys/net/ipv4/tcp_fin_timeout", 0444, "60\n"},
    {"sys/net/ipv4/tcp_keepalive_intvl", 0444, "75\n"},
    {"sys/net/ipv4/tcp_keepalive_probes", 0444, "9\n"},
    {"sys/net/ipv4/tcp_keepalive_time", 0444, "7200\n"},
    {"sys/net/ipv4/tcp_max_syn_backlog", 0444, "4096\n"},
    {"sys/net/ipv4/tcp_rmem", 0444, "4096\t131072\t6291456\n"},
    {"sys/net/ipv4/tcp_sack", 0444, "1\n"},
    {"sys/net/ipv4/tcp_timestamps", 0444, "1\n"},
    {"sys/net/ipv4/tcp_wmem", 0444, "4096\t16384\t4194304\n"},
    {"sys/net/ipv6/conf/all/disable_ipv6", 0444, "0\n"},
    {"sys/net/ipv6/conf/default/disable_ipv6", 0444, "0\n"},
    {"sys/net/ipv6/conf/lo/disable_ipv6", 0444, "0\n"},
    {"sys/net/unix/max_dgram_qlen", 0444, "512\n"},
    {"sys/user/max_user_namespaces", 0444, "0\n"},
};

constexpr LinkEntry kLinkEntries[] = {
    {"mounts", "self/mounts"},
    {"net", "self/net"},
};

constexpr SystemEntry kNetEntries[] = {
    {"dev", 0444, &NetDevicesText}, {"unix", 0444, &UnixSocketsText},
    {"tcp", 0444, &TcpSocketsText}, {"tcp6", 0444, &Tcp6SocketsText},
    {"udp", 0444, &UdpSocketsText}, {"udp6", 0444, &Udp6SocketsText},
};

constexpr FixedEntry kFixedNetEntries[] = {
    {"arp", 0444,
     "IP address       HW type     Flags       HW address            Mask     Device\n"},
    {"if_inet6", 0444, "00000000000000000000000000000001 01 80 10 80       lo\n"},
    {"ip_tables_names", 0440, ""},
    {"netlink", 0444,
     "sk               Eth Pid        Groups   Rmem     Wmem     Dump  Locks    Drops    Inode\n"},
    {"packet", 0444, "sk               RefCnt Type Proto  Iface R Rmem   User   Inode\n"},
    {"protocols", 0444, ""},
    {"raw", 0444,
     "   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout"
     " inode ref pointer drops\n"},
    {"route", 0444,
     "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT"
     "                                                       \n"},
    {"ipv6_route", 0444,
     "00000000000000000000000000000001 80 00000000000000000000000000000000 00 "
     "00000000000000000000000000000000 00000000 00000002 00000000 80200001       lo\n"},
    {"snmp", 0444, kSnmpText},
    {"sockstat", 0444,
     "sockets: used 0\nTCP: inuse 0 orphan 0 tw 0 alloc 0 mem 0\nUDP: inuse 0 mem 0\n"
     "UDPLITE: inuse 0\nRAW: inuse 0\nFRAG: inuse 0 memory 0\n"},
    {"wireless", 0444,
     "Inter-| sta-|   Quality        |   Discarded packets               | Missed | WE\n"
     " face | tus | link level noise |  nwid  crypt   frag  retry   misc | beacon | 22\n"},
};

struct Place {
  PseudoDirectory& directory;
  std::string_view name;
};

Place FindPlace(PseudoDirectory& root, std::string_view path) {
  size_t slash = path.rfind('/');
  if (slash == std::string_view::npos) {
    return Place{root, path};
  }
  return Place{root.MakeDirectories(path.substr(0, slash)), path.substr(slash + 1)};
}

void AddEntry(PseudoFileSystem& file_system, PseudoDirectory& root, const SystemEntry& entry) {
  Place place = FindPlace(root, entry.path);
  place.directory.Add(
      place.name, MakeRef<FunctionText>(file_system, entry.permissions, entry.text, entry.apply));
}

void AddEntry(PseudoFileSystem& file_system, PseudoDirectory& root, const FixedEntry& entry) {
  Place place = FindPlace(root, entry.path);
  place.directory.Add(place.name,
                      MakeRef<FixedText>(file_system, entry.permissions, std::string(entry.text)));
}

void AddEntry(PseudoFileSystem& file_system, PseudoDirectory& root, const LinkEntry& entry) {
  Place place = FindPlace(root, entry.path);
  place.directory.Add(place.name, MakeRef<PseudoLink>(file_system, std::string(entry.target)));
}

template <typename Entries>
void AddEntries(PseudoFileSystem& file_system, PseudoDirectory& root, const Entries& entries) {
  for (const auto& entry : entries) {
    AddEntry(file_system, root, entry);
  }
}

}  // namespace

void AddSystemEntries(ProcFileSystem& file_system, PseudoDirectory& root) {
  AddEntries(file_system, root, kEntries);
  AddEntries(file_system, root, kFixedEntries);
  AddEntries(file_system, root, kLinkEntries);
  // Directories that are there though nothing is in them.
  for (std::string_view path :
       {"bus", "driver", "fs", "irq", "sys/abi", "sys/debug", "sys/dev", "tty"}) {
    root.MakeDirectories(path);
  }
}

void AddNetEntries(ProcFileSystem& file_system, PseudoDirectory& net) {
  AddEntries(file_system, net, kNetEntries);
  AddEntries(file_system, net, kFixedNetEntries);
}

}  // namespace ukrun
