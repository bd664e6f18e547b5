#include "sentry/fs/proc/task_misc_text.h"

#include <algorithm>
#include <charconv>

#include "base/format.h"
#include "sentry/fs/proc/maps_text.h"
#include "sentry/fs/proc/process_facts.h"
#include "sentry/kernel.h"
#include "sentry/mm/memory_manager.h"
#include "sentry/start/settings.h"

namespace ukrun {
namespace {

constexpr size_t kNameBytes = 15;  // TASK_COMM_LEN without the zero

struct LimitName {
  std::string_view name;
  std::string_view unit;
};
// By the number of the limit.
constexpr LimitName kLimitNames[kRlimitCount] = {
    {"Max cpu time", "seconds"},     {"Max file size", "bytes"},
    {"Max data size", "bytes"},      {"Max stack size", "bytes"},
    {"Max core file size", "bytes"}, {"Max resident set", "bytes"},
    {"Max processes", "processes"},  {"Max open files", "files"},
    {"Max locked memory", "bytes"},  {"Max address space", "bytes"},
    {"Max file locks", "locks"},     {"Max pending signals", "signals"},
    {"Max msgqueue size", "bytes"},  {"Max nice priority", ""},
    {"Max realtime priority", ""},   {"Max realtime timeout", "us"},
};

std::string LimitValue(uint64_t value) {
  return value == UINT64_MAX ? "unlimited" : Format("{}", value);
}

Result<int32_t> ParseNumber(std::string_view text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) {
    text.remove_suffix(1);
  }
  int32_t value = 0;
  const char* end = text.data() + text.size();
  auto [rest, error] = std::from_chars(text.data(), end, value);
  return error == std::errc() && rest == end ? Result<int32_t>(value) : Fail(EINVAL);
}

}  // namespace

Result<std::string> NameText(const TargetView& view) { return view.task.name() + "\n"; }

// As prctl(PR_SET_NAME): threads of the same process only.
Result<void> ApplyName(const TargetView& view, std::string_view text) {
  if (&view.reader.thread_group() != &view.group()) {
    return Fail(EINVAL);
  }
  std::string_view name = text.substr(0, kNameBytes);
  view.task.set_name(std::string(name.substr(0, name.find('\0'))));
  return Ok();
}

Result<std::string> LimitsText(const TargetView& view) {
  std::string text =
      Format("{:<25} {:<20} {:<20} {:<10}\n", "Limit", "Soft Limit", "Hard Limit", "Units");
  std::array<ResourceLimit, kRlimitCount> limits = view.group().AllLimits();
  for (size_t i = 0; i < limits.size(); ++i) {
    AppendFormat(text, "{:<25} {:<20} {:<20} ", kLimitNames[i].name, LimitValue(limits[i].soft),
                 LimitValue(limits[i].hard));
    if (!kLimitNames[i].unit.empty()) {
      AppendFormat(text, "{:<10}", kLimitNames[i].unit);
    }
    text += '\n';
  }
  return text;
}

Result<std::string> PersonalityText(const TargetView& view) {
  return Format("{:08x}\n", view.group().personality.load());
}

Result<std::string> SchedText(const TargetView& view) {
  ProcessFacts facts = CollectFacts(view);
  int64_t run_ns = facts.usage.user_ns + facts.usage.system_ns;
  std::string text =
      Format("{} ({}, #threads: {})\n", view.task.name(), view.target.tid, facts.threads);
  text += "-------------------------------------------------------------------\n";
  AppendFormat(text, "{:<45}:{:>14}.{:06}\n", "se.sum_exec_runtime", run_ns / 1'000'000,
               run_ns % 1'000'000);
  AppendFormat(text, "{:<45}:{:>21}\n", "nr_switches",
               facts.usage.voluntary_switches + facts.usage.involuntary_switches);
  AppendFormat(text, "{:<45}:{:>21}\n", "policy", 0);
  AppendFormat(text, "{:<45}:{:>21}\n", "prio", 120 + view.task.nice.load());
  return text;
}

Result<std::string> SchedstatText(const TargetView& view) {
  ProcessFacts facts = CollectFacts(view);
  return Format("{} 0 {}\n", facts.usage.user_ns + facts.usage.system_ns,
                facts.usage.voluntary_switches + facts.usage.involuntary_switches);
}

Result<std::string> WaitChannelText(const TargetView&) { return std::string("0"); }
Result<std::string> CpusetText(const TargetView&) { return std::string("/\n"); }
Result<std::string> CgroupText(const TargetView&) { return std::string("0::/\n"); }

// Linux knows which thread made which child; here they are all the leader's.
Result<std::string> ChildrenText(const TargetView& view) {
  std::string text;
  if (view.target.tid != view.group().pid()) {
    return text;
  }
  std::vector<int32_t> pids;
  {
    MutexGuard guard(kernel().tasks().lock());
    for (const ThreadGroup* child : view.group().children) {
      pids.push_back(child->pid());
    }
  }
  std::sort(pids.begin(), pids.end());
  for (int32_t pid : pids) {
    AppendFormat(text, "{} ", pid);
  }
  return text;
}

// Counting transfers would cost every read and write something; nobody decides by these.
Result<std::string> IoText(const TargetView&) {
  return std::string(
      "rchar: 0\nwchar: 0\nsyscr: 0\nsyscw: 0\nread_bytes: 0\nwrite_bytes: 0\n"
      "cancelled_write_bytes: 0\n");
}

Result<std::string> CoredumpFilterText(const TargetView&) { return std::string("00000033\n"); }
Result<std::string> TimerSlackText(const TargetView&) { return std::string("50000\n"); }

// --- Out of memory --------------------------------------------------------------------------

// As Linux's oom_badness: the share of memory in thousandths, and what was added to it.
Result<std::string> OutOfMemoryScoreText(const TargetView& view) {
  uint64_t memory = kernel().settings().memory_bytes;
  int64_t share = 0;
  if (view.resources.mm && memory != 0) {
    uint64_t resident = std::min(GetResidentSizes(*view.resources.mm).total(), memory);
    uint64_t pages = std::max(memory / kPageSize, uint64_t{1});
    share = static_cast<int64_t>(resident / kPageSize * 1000 / pages);
  }
  int32_t adjust = view.group().out_of_memory_score_adjust.load();
  int64_t score = adjust == -1000 ? 0 : (1000 + share + adjust) * 2 / 3;
  return Format("{}\n", std::max(score, int64_t{0}));
}

Result<std::string> OutOfMemoryAdjustText(const TargetView& view) {
  return Format("{}\n", view.group().out_of_memory_score_adjust.load());
}

Result<void> ApplyOutOfMemoryAdjust(const TargetView& view, std::string_view text) {
  int32_t value = TRY(ParseNumber(text));
  if (value < -1000 || value > 1000) {
    return Fail(EINVAL);
  }
  std::atomic<int32_t>& adjust = view.group().out_of_memory_score_adjust;
  if (value < adjust.load() && !view.reader.credentials().Has(Capability::kSysResource)) {
    return Fail(EACCES);
  }
  adjust.store(value);
  return Ok();
}

// The scale of kernels before 2.6.36: -17 to 15.
Result<std::string> OldOutOfMemoryAdjustText(const TargetView& view) {
  int32_t adjust = view.group().out_of_memory_score_adjust.load();
  return Format("{}\n", adjust == 1000 ? 15 : adjust * 17 / 1000);
}

Result<void> ApplyOldOutOfMemoryAdjust(const TargetView& view, std::string_view text) {
  int32_t value = TRY(ParseNumber(text));
  if (value < -17 || value > 15) {
    return Fail(EINVAL);
  }
  int32_t scaled = value == 15 ? 1000 : value * 1000 / 17;
  return ApplyOutOfMemoryAdjust(view, Format("{}", scaled));
}

// --- Audit and user namespaces --------------------------------------------------------------

Result<std::string> NoAuditIdText(const TargetView&) { return std::string("4294967295"); }
Result<void> RefuseAuditId(const TargetView&, std::string_view) { return Fail(EPERM); }

Result<std::string> IdMapText(const TargetView&) {
  return Format("{:>10} {:>10} {:>10}\n", 0u, 0u, UINT32_MAX);
}
Result<void> RefuseIdMap(const TargetView&, std::string_view) { return Fail(EPERM); }
Result<std::string> SetgroupsText(const TargetView&) { return std::string("allow\n"); }

}  // namespace ukrun
