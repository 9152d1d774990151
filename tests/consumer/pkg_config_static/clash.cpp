// A program in C++ that has what the library has inside as well: an instance of the standard library's templates.
#include <memory>

#include <hawser.h>

int main() {
  std::shared_ptr<int> number = std::make_shared<int>(1);
  hws_manager *manager = hws_manager_new(nullptr);
  bool listens = hws_manager_listen(manager, "ws://127.0.0.1:0/", nullptr) > 0;
  hws_manager_free(manager);
  return listens && *number == 1 ? 0 : 1;
}
