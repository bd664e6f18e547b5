// Writes the fuzz targets' first inputs: loader_fuzz_seeds DIRECTORY
#include <sys/auxv.h>

#include <cstdio>
#include <filesystem>
#include <fstream>

#include "loader/testing_image.h"

namespace {

using ukrun::testing::NamedImage;

void Write(const std::filesystem::path& directory, const std::vector<NamedImage>& images) {
  std::filesystem::create_directories(directory);
  for (const NamedImage& image : images) {
    std::ofstream file(directory / image.name, std::ios::binary);
    for (std::byte byte : image.bytes) {
      file.put(static_cast<char>(byte));
    }
  }
}

// This process's own vDSO, its first pages.
std::vector<NamedImage> OwnVdso() {
  uint64_t base = getauxval(AT_SYSINFO_EHDR);
  if (base == 0) {
    return {};
  }
  std::ifstream memory("/proc/self/mem", std::ios::binary);
  memory.seekg(static_cast<std::streamoff>(base));
  std::string text(8192, '\0');
  memory.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<size_t>(memory.gcount()));
  return {{"host", ukrun::testing::Bytes(text)}};
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: loader_fuzz_seeds DIRECTORY\n");
    return 2;
  }
  std::filesystem::path directory = argv[1];
  std::vector<NamedImage> programs = ukrun::testing::MalformedImages("/lib/ld.so");
  for (NamedImage& image : ukrun::testing::MalformedInterpreters()) {
    programs.push_back({"interpreter_" + image.name, std::move(image.bytes)});
  }
  Write(directory / "elf", programs);
  Write(directory / "script", ukrun::testing::ScriptHeads("/bin/sh"));
  Write(directory / "vdso", OwnVdso());
  return 0;
}
