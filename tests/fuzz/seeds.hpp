// Seeds: inputs for a target, in a text that people can read.
//
//   # A comment, to the end of the line.
//   zero := 0x00000000                       a name for bytes, for use below
//   hello = 0x8185 zero "Hello"              a seed
//   long = 0x82ff 0x0000000000010000 zero "x" * 65536
//   program = "s" { "GET /\r\n" } 7          in braces: a text of a Program, with its end; a decimal: one byte
#pragma once

#include <string>
#include <vector>

namespace fuzz {

struct Seed {
  std::string name;
  std::string bytes;
};

// Throws std::runtime_error, which names the line.
std::vector<Seed> read_seeds(const std::string &text);

// Bytes as the value of a seed.
std::string write_seed(const std::string &bytes);

std::string read_file(const std::string &path);

}  // namespace fuzz
