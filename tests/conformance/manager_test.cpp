#include "conformance/main.hpp"
#include "conformance/manager_run.hpp"

int main(int argc, char **argv) {
  return conformance::run_rows(argc, argv, conformance::run_on_manager);
}
