// usage: convert_seeds FILE.seeds FOLDER   writes each seed into a file of the folder, as libFuzzer wants them
//        convert_seeds FILE                prints the bytes of a file as a seed, to be kept
#include <exception>
#include <filesystem>
#include <fstream>
#include <iostream>

#include "fuzz/seeds.hpp"

int main(int count, char **arguments) try {
  if (count < 2) return 2;
  std::string text = fuzz::read_file(arguments[1]);
  if (count == 2) {
    std::cout << "name =" << fuzz::write_seed(text) << '\n';
    return 0;
  }
  std::filesystem::create_directories(arguments[2]);
  for (const fuzz::Seed &seed : fuzz::read_seeds(text))
    std::ofstream(std::filesystem::path(arguments[2]) / seed.name, std::ios::binary) << seed.bytes;
  return 0;
} catch (const std::exception &failure) {
  std::cerr << arguments[1] << ": " << failure.what() << '\n';
  return 1;
}
