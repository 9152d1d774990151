#include "manager/connection.hpp"

#include "manager/dial.hpp"
#include "manager/mailbox.hpp"
#include "manager/output.hpp"
#include "session/event_batch.hpp"

namespace hawser {

Connection::Connection() = default;
Connection::~Connection() = default;

void Connection::use(Output &new_output, EventBatch &new_batch, Region &region) {
  output = &new_output;
  batch = &new_batch;
  share_region(region);
}

uint8_t *Connection::append_elsewhere(size_t size) {
  return output->append(*this, size);
}

bool Connection::append_borrowed(const uint8_t *head, size_t head_size, const uint8_t *payload, size_t payload_size) {
  return output->append_borrowed(*this, head, head_size, payload, payload_size);
}

void Connection::keep(Buffer payload) {
  batch->keep(std::move(payload));
}

}  // namespace hawser
