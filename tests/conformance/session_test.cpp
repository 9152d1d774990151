#include "conformance/main.hpp"
#include "conformance/session_run.hpp"

int main(int argc, char **argv) {
  return conformance::run_rows(argc, argv, conformance::run_on_session);
}
