// A session does and says the same however the bytes of its peer are chopped: each conversation is held once more, byte
// by byte, cut in two somewhere, and in pieces, some of them read into windows.
#include "fuzz/session_subject.hpp"
#include "session/chopping.hpp"

namespace {

using namespace lab;

std::vector<Chopping> choppings_of(fuzz::Pieces &pieces) {
  auto cut = [&pieces](size_t, size_t size) { return at(size > 1 ? pieces.next(size - 1) : 0); };
  auto chop = [&pieces](size_t, size_t) { return Chop([&pieces](size_t left) { return pieces.next(left); }); };
  return {{"byte by byte", [](size_t, size_t size) { return bytewise_at_ends(size); }},
          {"cut in two", cut},
          {"in pieces", chop},
          {"in pieces and windows", chop, true}};
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  fuzz::Program program(data, size);
  fuzz::Setup setup = fuzz::read_setup(program);
  setup.memory = hawser::Budget::kUnlimited;  // what does not come whole is copied: short memory makes a difference
  fuzz::SessionSubject subject(setup, true);
  fuzz::Play(program, subject).run();
  // zlib lets a match reach back further than a smaller window as long as it lies in the same piece.
  const char *extensions = subject.lab->extensions();
  if (extensions != nullptr && std::strstr(extensions, "max_window_bits") != nullptr) return 0;
  Conversation conversation = subject.lab.conversation();
  fuzz::Pieces pieces(fuzz::text_of(data, size));
  for (const Chopping &chopping : choppings_of(pieces)) {
    std::optional<std::string> found = difference(conversation, chopping);
    if (found) std::fprintf(stderr, "%s\n", found->c_str());
    HOLDS(!found);
  }
  return 0;
}
