#include "sentry/fs/proc/cpuinfo_text.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "base/format.h"
#include "base/mutex.h"
#include "sentry/fs/proc/cpu_flags_table.h"
#include "sentry/fs/proc/cpuid.h"
#include "sentry/kernel.h"
#include "sentry/start/settings.h"

namespace ukrun {
namespace {

void AppendRegister(std::string& out, uint32_t value) {
  std::array<char, 4> bytes;
  std::memcpy(bytes.data(), &value, bytes.size());
  out.append(bytes.data(), bytes.size());
}

std::string VendorName() {
  CpuidResult answer = QueryCpuid(0);
  std::string name;
  AppendRegister(name, answer.ebx);
  AppendRegister(name, answer.edx);
  AppendRegister(name, answer.ecx);
  return name;
}

std::string ModelName() {
  std::string name;
  for (uint32_t leaf = 0x8000'0002; leaf <= 0x8000'0004; ++leaf) {
    CpuidResult answer = QueryCpuid(leaf);
    for (uint32_t part : {answer.eax, answer.ebx, answer.ecx, answer.edx}) {
      AppendRegister(name, part);
    }
  }
  name.resize(std::min(name.find('\0'), name.size()));
  size_t first = name.find_first_not_of(' ');
  size_t last = name.find_last_not_of(' ');
  return first == std::string::npos ? "unknown" : name.substr(first, last - first + 1);
}

struct Version {
  uint32_t family = 0;
  uint32_t model = 0;
  uint32_t stepping = 0;
};

// The composed numbers, as x86_family() and x86_model() of Linux make them.
Version DecodeVersion() {
  uint32_t signature = QueryCpuid(1).eax;
  Version version;
  version.family = (signature >> 8) & 0xf;
  version.model = (signature >> 4) & 0xf;
  version.stepping = signature & 0xf;
  if (version.family == 0xf) {
    version.family += (signature >> 20) & 0xff;
  }
  if (version.family >= 0x6) {
    version.model += ((signature >> 16) & 0xf) << 4;
  }
  return version;
}

uint32_t CpuMegahertz() {
  uint32_t nominal = QueryCpuid(0x16).eax & 0xffff;
  // Not every processor says. The number is for show, as it is on every machine that
  // changes its frequency.
  constexpr uint32_t kUsual = 2000;
  return nominal != 0 ? nominal : kUsual;
}

bool HasFlag(const CpuFlag& flag) {
  CpuidResult answer = QueryCpuid(flag.leaf, flag.subleaf);
  uint32_t word = 0;
  switch (flag.in) {
    case CpuFlag::Register::kEax:
      word = answer.eax;
      break;
    case CpuFlag::Register::kEbx:
      word = answer.ebx;
      break;
    case CpuFlag::Register::kEcx:
      word = answer.ecx;
      break;
    case CpuFlag::Register::kEdx:
      word = answer.edx;
      break;
  }
  return (word >> flag.bit & 1) != 0;
}

std::string FlagNames() {
  std::string names;
  for (const CpuFlag& flag : CpuFlags()) {
    if (HasFlag(flag)) {
      names += names.empty() ? "" : " ";
      names += flag.name;
    }
  }
  return names;
}

// What all blocks have in common, before and after the lines that number a CPU.
struct CommonText {
  std::string identity;
  std::string features;
};

CommonText DescribeProcessor() {
  Version version = DecodeVersion();
  uint32_t megahertz = CpuMegahertz();
  CommonText text;
  text.identity = Format(
      "vendor_id\t: {}\ncpu family\t: {}\nmodel\t\t: {}\nmodel name\t: {}\n"
      "stepping\t: {}\nmicrocode\t: 0xffffffff\ncpu MHz\t\t: {}.000\ncache size\t: {} KB\n",
      VendorName(), version.family, version.model, ModelName(), version.stepping, megahertz,
      QueryCpuid(0x8000'0006).ecx >> 16);
  uint32_t sizes = QueryCpuid(0x8000'0008).eax;
  uint32_t flush_bytes = (QueryCpuid(1).ebx >> 8 & 0xff) * 8;
  text.features = Format(
      "fpu\t\t: yes\nfpu_exception\t: yes\ncpuid level\t: {}\nwp\t\t: yes\nflags\t\t: {}\n"
      "bugs\t\t:\nbogomips\t: {}.00\nclflush size\t: {}\ncache_alignment\t: {}\n"
      "address sizes\t: {} bits physical, {} bits virtual\npower management:\n\n",
      QueryCpuid(0).eax, FlagNames(), megahertz * 2, flush_bytes, flush_bytes, sizes & 0xff,
      sizes >> 8 & 0xff);
  return text;
}

// Made once: where CPUID is emulated, asking takes long.
const CommonText& TheProcessor() {
  static constinit Mutex lock{LockRank::kServiceStart};
  static constinit const CommonText* text = nullptr;
  MutexGuard guard(lock);
  if (text == nullptr) {
    text = new CommonText(DescribeProcessor());
  }
  return *text;
}

}  // namespace

Result<std::string> CpuinfoText(Task&) {
  const CommonText& common = TheProcessor();
  uint32_t cpus = kernel().settings().cpu_count;
  std::string text;
  for (uint32_t cpu = 0; cpu < cpus; ++cpu) {
    AppendFormat(text, "processor\t: {}\n", cpu);
    text += common.identity;
    AppendFormat(text,
                 "physical id\t: 0\nsiblings\t: {}\ncore id\t\t: {}\ncpu cores\t: {}\n"
                 "apicid\t\t: {}\ninitial apicid\t: {}\n",
                 cpus, cpu, cpus, cpu, cpu);
    text += common.features;
  }
  return text;
}

}  // namespace ukrun
