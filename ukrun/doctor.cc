#include "ukrun/doctor.h"

#include <sched.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "ukrun/control_groups.h"
#include "ukrun/host_facts.h"
#include "ukrun/outcome.h"
#include "ukrun/probes.h"
#include "ukrun/sizes.h"
#include "ukrun/version.h"

namespace ukrun {
namespace {

using Verdict = Finding::Verdict;

// A finding about a call that gave `error`; 0 is success.
Finding FromCall(absl::string_view subject, int error, Verdict otherwise, absl::string_view yes,
                 absl::string_view no) {
  if (error == 0) {
    return {std::string(subject), Verdict::kYes, std::string(yes)};
  }
  return {std::string(subject), otherwise, absl::StrCat(std::strerror(error), "; ", no)};
}

Section Platforms() {
  Section section{"Platforms (who catches the command's system calls)", {}};
  int scope = YamaScope();
  std::string remedy =
      scope >= 2 ? absl::StrCat("kernel.yama.ptrace_scope is ", scope, "; ukrun needs 0 or 1")
                 : "a container runtime's seccomp profile may forbid it; allow ptrace there";
  section.findings.push_back(FromCall("ptrace", TryPtrace(), Verdict::kMissing,
                                      "works everywhere; 5 microseconds and more a call", remedy));
  section.findings.push_back(
      HasProtectionKeys()
          ? Finding{"protection keys", Verdict::kYes, "this processor has them; not used yet"}
          : Finding{"protection keys", Verdict::kNo, "this processor lacks them; not used yet"});
  return section;
}

Section SentryRing() {
  Section section{"Around the Sentry and the command's processes", {}};
  auto& found = section.findings;
  found.push_back(HasSeccomp()
                      ? Finding{"seccomp", Verdict::kYes, "a short list of host calls is allowed"}
                      : Finding{"seccomp", Verdict::kMissing, "the host kernel must have it"});
  int landlock = LandlockVersion();
  found.push_back(landlock > 0
                      ? Finding{"Landlock", Verdict::kYes, absl::StrCat("version ", landlock)}
                      : Finding{"Landlock", Verdict::kNo,
                                "needs Linux 5.13 with landlock among the lsm= of its start"});
  struct Kind {
    absl::string_view name;
    uint64_t flag;
  };
  constexpr auto kKinds = std::to_array<Kind>({{"user namespace", CLONE_NEWUSER},
                                               {"pid namespace", CLONE_NEWPID},
                                               {"net namespace", CLONE_NEWNET},
                                               {"mount namespace", CLONE_NEWNS},
                                               {"ipc namespace", CLONE_NEWIPC},
                                               {"uts namespace", CLONE_NEWUTS}});
  for (const Kind& kind : kKinds) {
    found.push_back(FromCall(kind.name, TryNamespaces(CLONE_NEWUSER | kind.flag), Verdict::kNo, "",
                             "an extra wall is missing; the host or container would have to "
                             "allow user namespaces"));
  }
  found.push_back(FromCall("memory files", TryMemfd(), Verdict::kMissing, "",
                           "the Sentry's memory lies in them"));
  return section;
}

Section GoferRing() {
  Section section{"Around the gofer, which reaches the host's files", {}};
  auto& found = section.findings;
  found.push_back(FromCall("openat2", TryOpenat2(), Verdict::kMissing, "paths cannot escape",
                           "needs Linux 5.6, and a container runtime that allows it"));
  found.push_back(FromCall("io_uring", TryIoUring(), Verdict::kNo, "carries batches of requests",
                           "plain calls serve instead, a little slower"));
  if (geteuid() == 0) {
    found.push_back(FromCall(
        "own namespaces",
        TryNamespaces(CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS),
        Verdict::kNo, "", "seccomp and Landlock hold it all the same"));
  } else {
    found.push_back({"own namespaces", Verdict::kNo,
                     "for root only, since files must keep their owners; seccomp and Landlock "
                     "hold it all the same"});
  }
  return section;
}

Section Limits() {
  Section section{"Limits, and who enforces them", {}};
  auto& found = section.findings;
  auto group_backed = [&found](absl::string_view subject, absl::string_view controller,
                               absl::string_view own) {
    std::string parent = GroupParentFor(controller);
    found.push_back({std::string(subject), Verdict::kYes,
                     parent.empty() ? absl::StrCat(own, "; no cgroup of its own can be made here")
                                    : absl::StrCat(own, "; when given as a flag, a cgroup too")});
  };
  group_backed("memory", "memory",
               absl::StrCat("of ", FormatSize(HostMemoryBytes()),
                            "; sampled, and the Sentry kills the largest process"));
  group_backed("pids", "pids", "the Sentry counts");
  group_backed("cpus", "cpu", absl::StrCat("affinity, to some of ", AllowedCpus().size()));
  found.push_back({"descriptors", Verdict::kYes,
                   absl::StrCat("the host allows a process ", DescriptorLimit())});
  return section;
}

absl::string_view Word(Verdict verdict) { return verdict == Verdict::kYes ? "yes" : "no"; }

}  // namespace

std::vector<Section> Examine() { return {Platforms(), SentryRing(), GoferRing(), Limits()}; }

bool CanRun(const std::vector<Section>& sections) {
  for (const Section& section : sections) {
    for (const Finding& finding : section.findings) {
      if (finding.verdict == Verdict::kMissing) {
        return false;
      }
    }
  }
  return true;
}

std::string FormatReport(const std::vector<Section>& sections) {
  utsname system{};
  uname(&system);
  std::string text = absl::StrCat("ukrun ", kVersion, " on ", system.sysname, " ", system.release,
                                  ", ", system.machine, "\n");
  std::string missing;
  for (const Section& section : sections) {
    absl::StrAppend(&text, "\n", section.title, ":\n");
    for (const Finding& finding : section.findings) {
      std::string line = absl::StrFormat("  %-17s %-3s  %s", finding.subject, Word(finding.verdict),
                                         finding.detail);
      absl::StrAppend(&text, absl::StripTrailingAsciiWhitespace(line), "\n");
      if (finding.verdict == Verdict::kMissing) {
        absl::StrAppend(&missing, missing.empty() ? "" : ", ", finding.subject);
      }
    }
  }
  absl::StrAppend(&text, "\n",
                  missing.empty() ? "Commands can run in a sandbox here."
                                  : absl::StrCat("No command can run here for lack of ", missing),
                  "\n");
  return text;
}

int RunDoctor() {
  std::vector<Section> sections = Examine();
  std::string report = FormatReport(sections);
  if (std::fputs(report.c_str(), stdout) < 0 || std::fflush(stdout) != 0) {
    return kOwnFailureStatus;
  }
  return CanRun(sections) ? 0 : kOwnFailureStatus;
}

}  // namespace ukrun
