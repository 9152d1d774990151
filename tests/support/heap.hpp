// What the process has on the heap: whoever claims that a header cost nothing, or that memory stays under a budget, is
// measured from outside. With a sanitizer each allocation is seen, without one what is held whenever somebody looks.
#pragma once

#include <cstdint>

namespace hawser {

class HeapMeter {
 public:
  HeapMeter();

  void look();                  // for the highest value, where single allocations are not seen
  int64_t held() const;         // bytes, more than at the beginning
  int64_t most();               // the highest value of that
  int64_t allocations() const;  // how many there were; 0 where they are not seen

 private:
  int64_t held_before_;
  int64_t allocations_before_;
  int64_t most_ = 0;
};

}  // namespace hawser
