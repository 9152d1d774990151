// Whole sessions, in both roles, with a hostile peer and an application that calls everything at any time.
#include "fuzz/session_subject.hpp"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  fuzz::Program program(data, size);
  fuzz::Setup setup = fuzz::read_setup(program);
  fuzz::SessionSubject subject(setup, false);
  fuzz::Play(program, subject).run();
  subject.finish();
  return 0;
}
