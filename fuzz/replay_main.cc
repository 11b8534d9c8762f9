// main() of the fuzz targets where libFuzzer is not linked: runs the target once on every file of the folders that are
// named, so that the corpus is a test in every build. Exit code 2 without a folder, 1 if there is nothing to replay.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

int main(int count, char** arguments) {
  if (count < 2) {
    std::fprintf(stderr, "usage: %s CORPUS_FOLDER...\n", arguments[0]);
    return 2;
  }
  size_t replayed = 0;
  for (int i = 1; i < count; ++i) {
    std::vector<std::filesystem::path> files;
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator(arguments[i], error)) files.push_back(entry.path());
    std::sort(files.begin(), files.end());
    for (const auto& file : files) {
      std::ostringstream content;
      content << std::ifstream(file, std::ios::binary).rdbuf();
      const std::string bytes = content.str();
      std::printf("%s\n", file.c_str());  // before the run: the last line names the file that crashed
      std::fflush(stdout);
      LLVMFuzzerTestOneInput(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size());
      ++replayed;
    }
  }
  std::printf("%zu inputs replayed\n", replayed);
  return replayed > 0 ? 0 : 1;
}
