#include "loader/vdso.h"

#include <dlfcn.h>
#include <gtest/gtest.h>
#include <sys/auxv.h>

#include <cstring>
#include <fstream>
#include <sstream>
#include <vector>

#include "abi/elf.h"

namespace ukrun {
namespace {

// A copy of this process's vDSO.
std::vector<std::byte> HostImage() {
  std::ifstream maps("/proc/self/maps");
  std::string line;
  while (std::getline(maps, line)) {
    if (line.find("[vdso]") == std::string::npos) {
      continue;
    }
    uint64_t begin = 0;
    uint64_t end = 0;
    char dash = 0;
    std::istringstream(line) >> std::hex >> begin >> dash >> end;
    std::vector<std::byte> image(end - begin);
    std::memcpy(image.data(), reinterpret_cast<const void*>(begin), image.size());
    return image;
  }
  return {};
}

class VdsoTest : public ::testing::Test {
 protected:
  void SetUp() override {
    image_ = HostImage();
    if (image_.empty()) {
      GTEST_SKIP() << "this process has no vDSO";
    }
  }

  std::vector<std::byte> image_;
};

TEST_F(VdsoTest, FindsWhatTheDynamicLinkerFinds) {
  Result<Vdso> vdso = Vdso::Parse(image_);
  ASSERT_TRUE(vdso.ok());
  EXPECT_LE(vdso->loaded_bytes(), image_.size());
  void* library = dlopen("linux-vdso.so.1", RTLD_LAZY | RTLD_NOLOAD);
  ASSERT_NE(library, nullptr);
  for (const char* name : {"__vdso_clock_gettime", "__vdso_gettimeofday", "__vdso_time",
                           "__vdso_getcpu", "clock_gettime"}) {
    std::optional<Vdso::Symbol> symbol = vdso->FindFunction(name);
    ASSERT_TRUE(symbol.has_value()) << name;
    uint64_t base = getauxval(AT_SYSINFO_EHDR);
    EXPECT_EQ(base + symbol->offset, reinterpret_cast<uint64_t>(dlsym(library, name))) << name;
    EXPECT_GT(symbol->bytes, 0u);
  }
  dlclose(library);
}

TEST_F(VdsoTest, NamesAreComparedWhole) {
  Result<Vdso> vdso = Vdso::Parse(image_);
  ASSERT_TRUE(vdso.ok());
  for (const char* name : {"", "__vdso_clock_gettim", "__vdso_clock_gettime2", "vdso_time"}) {
    EXPECT_FALSE(vdso->FindFunction(name).has_value()) << name;
  }
}

// Without DT_HASH, as on kernels that no longer have it, symbols are counted by
// DT_GNU_HASH, and without that too there is nothing to count them by.
TEST_F(VdsoTest, EitherHashTableWillDo) {
  auto header = abi::ElfHeader{};
  std::memcpy(&header, image_.data(), sizeof(header));
  auto disable = [&](abi::ElfDynamicTag tag) {
    bool found = false;
    for (size_t i = 0; i < header.e_phnum; ++i) {
      abi::ElfProgramHeader segment;
      std::memcpy(&segment, image_.data() + header.e_phoff + i * sizeof(segment), sizeof(segment));
      if (segment.p_type != static_cast<uint32_t>(abi::ElfSegmentType::kDynamic)) {
        continue;
      }
      for (uint64_t at = segment.p_vaddr; at < segment.p_vaddr + segment.p_memsz; at += 16) {
        abi::ElfDynamic entry;
        std::memcpy(&entry, image_.data() + at, sizeof(entry));
        if (entry.d_tag == static_cast<int64_t>(tag)) {
          entry.d_tag = 0x6fff'0000;  // nothing that is known
          std::memcpy(image_.data() + at, &entry, sizeof(entry));
          found = true;
        }
      }
    }
    return found;
  };
  std::optional<Vdso::Symbol> before = Vdso::Parse(image_)->FindFunction("__vdso_time");
  ASSERT_TRUE(before.has_value());
  bool had_hash = disable(abi::ElfDynamicTag::kHash);
  Result<Vdso> without_hash = Vdso::Parse(image_);
  if (without_hash.ok()) {
    EXPECT_EQ(without_hash->FindFunction("__vdso_time")->offset, before->offset);
    EXPECT_TRUE(disable(abi::ElfDynamicTag::kGnuHash));
    EXPECT_EQ(Vdso::Parse(image_).error(), ENOEXEC);
  } else {
    EXPECT_TRUE(had_hash);
  }
}

TEST_F(VdsoTest, EveryCutAndEverySpoiltByteIsSurvived) {
  for (size_t size = 0; size < image_.size(); size += 13) {
    // A copy, so that reading one byte too many is seen by the sanitizers.
    std::vector<std::byte> cut(image_.begin(), image_.begin() + static_cast<ptrdiff_t>(size));
    Result<Vdso> vdso = Vdso::Parse(cut);
    if (vdso.ok()) {
      vdso->FindFunction("__vdso_time");
    }
  }
  size_t spoilt_bytes = std::min(image_.size(), size_t{2048});
  for (size_t i = 0; i < spoilt_bytes; ++i) {
    for (auto value : {std::byte{0}, std::byte{0x7f}, std::byte{0xff}}) {
      std::byte old = std::exchange(image_[i], value);
      Result<Vdso> vdso = Vdso::Parse(image_);
      if (vdso.ok()) {
        vdso->FindFunction("__vdso_time");
      }
      image_[i] = old;
    }
  }
}

}  // namespace
}  // namespace ukrun
