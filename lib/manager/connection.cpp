#include "manager/connection.hpp"

#include "manager/dial.hpp"
#include "manager/mailbox.hpp"
#include "manager/output.hpp"
#include "session/event_batch.hpp"

namespace hawser {

Extras::Extras() = default;
Extras::~Extras() = default;

size_t Extras::held() const {
  size_t all = 0;
  for (const Letter &letter : held_letters)
    all += letter.held();
  return all;
}

Connection::Connection() = default;
Connection::~Connection() = default;

uint8_t *Connection::append(size_t size) {
  return outlets->output.append(*this, size);
}

bool Connection::append_borrowed(const uint8_t *head, size_t head_size, const uint8_t *payload, size_t payload_size) {
  return outlets->output.append_borrowed(*this, head, head_size, payload, payload_size);
}

void Connection::keep(Buffer payload) {
  outlets->batch.keep(std::move(payload));
}

size_t Connection::held() const {
  size_t all = session->held();
  if (stash) all += stash->held();
  if (outbox) all += outbox->held();
  if (extras) all += extras->held();
  if (transport.tls() != nullptr) all += transport.tls()->held();
  return all;
}

}  // namespace hawser
