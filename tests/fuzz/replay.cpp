// Runs a fuzz target without libFuzzer: on every seed of the named files, on what is left of each when it is cut off,
// and on files of raw bytes and all files of folders, as they are.
#include <exception>
#include <filesystem>
#include <iostream>

#include "fuzz/fuzz.hpp"
#include "fuzz/seeds.hpp"

namespace {

int inputs = 0;

void run(const std::string &bytes) {
  fuzz::Copy copy(bytes);
  LLVMFuzzerTestOneInput(copy.data(), copy.size());
  inputs++;
}

void run_seeds(const std::string &path) {
  constexpr size_t kCuts = 16;
  for (const fuzz::Seed &seed : fuzz::read_seeds(fuzz::read_file(path))) {
    std::cout << seed.name << std::endl;  // flushed: it is the one that fails
    run(seed.bytes);
    for (size_t cut = 0; cut < seed.bytes.size(); cut += 1 + seed.bytes.size() / kCuts)
      run(seed.bytes.substr(0, cut));
  }
}

void run_path(const std::filesystem::path &path) {
  if (std::filesystem::is_directory(path)) {
    for (const auto &entry : std::filesystem::directory_iterator(path))
      run_path(entry.path());
  } else if (path.extension() == ".seeds") {
    run_seeds(path);
  } else {
    std::cout << path << std::endl;
    run(fuzz::read_file(path));
  }
}

}  // namespace

int main(int count, char **arguments) try {
  for (int i = 1; i < count; i++)
    run_path(arguments[i]);
  std::cout << inputs << " inputs\n";
  return inputs != 0 ? 0 : 1;
} catch (const std::exception &failure) {
  std::cerr << failure.what() << '\n';
  return 1;
}
