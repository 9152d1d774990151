#include "manager/connection.hpp"

#include <utility>

#include "manager/dial.hpp"
#include "manager/mailbox.hpp"

namespace hawser {

Extras::Extras() = default;
Extras::~Extras() = default;

bool Extras::empty() const {
  bool holds = dial != nullptr || outbox || stash || !held_letters.empty();
  return !holds && skipped == 0 && local.family == Address::Family::NONE;
}

size_t Extras::held() const {
  size_t all = 0;
  if (outbox) all += outbox->held();
  if (stash) all += stash->held();
  for (const Letter &letter : held_letters)
    all += letter.held();
  return all;
}

Connection::Connection() = default;

Connection::~Connection() {
  if (id.load(std::memory_order_relaxed) > 0) end();
}

void Connection::begin(const Settings &its_settings, Role role, Surroundings &surroundings) {
  its_settings.hold();
  session.make(role, its_settings, surroundings);
  publish();
}

void Connection::end() {
  const Settings &held = settings();
  session.end();
  held.release();
  extras.reset();
  count(-queued());
  refusal_mailed.store(false, std::memory_order_relaxed);
  stage = Stage::FREE;
  told = paused = open_due = half_closed = refused = part_refused = shed = false;
  write_error = 0;
  tag = listener = 0;
  peer = {};
}

Extras &Connection::need_extras() {
  if (!extras) extras = std::make_unique<Extras>();
  return *extras;
}

int32_t Connection::take_skipped() {
  if (!extras) return 0;
  int32_t skipped = std::exchange(extras->skipped, 0);
  trim_extras();
  return skipped;
}

void Connection::trim_extras() {
  if (extras && extras->empty()) extras.reset();
}

size_t Connection::held() const {
  size_t all = session->held();
  if (extras) all += extras->held();
  if (transport.tls() != nullptr) all += transport.tls()->held();
  return all;
}

}  // namespace hawser
