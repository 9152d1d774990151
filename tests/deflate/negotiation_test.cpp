#include "deflate/negotiation.hpp"

#include <functional>
#include <string>
#include <vector>

#include "handshake/extension_list.hpp"
#include "support/cmocka.hpp"

using namespace hawser;

namespace {

DeflateOptions with(DeflateMode mode, const std::function<void(DeflateOptions &)> &change = nullptr) {
  DeflateOptions options;
  options.mode = mode;
  if (change) change(options);
  return options;
}

const DeflateOptions kOff = with(DeflateMode::OFF);
const DeflateOptions kShared = with(DeflateMode::SHARED);
const DeflateOptions kDedicated = with(DeflateMode::DEDICATED);

// "15+ 10-": the window and the context takeover of what this side compresses, and of what it inflates.
std::string sketch(const DeflateAgreement &agreement) {
  return std::to_string(agreement.compress_bits) + (agreement.compress_takeover ? "+ " : "- ") +
         std::to_string(agreement.inflate_bits) + (agreement.inflate_takeover ? "+" : "-");
}

// The parameters of a server's answer, and what it means to the server; "declined".
std::string answer_to(const std::string &offers, const DeflateOptions &options = kDedicated) {
  std::optional<DeflateAgreement> agreement = agree_to_deflate(offers, options);
  if (!agreement) return "declined";
  const std::string name = "permessage-deflate";
  if (agreement->answer.substr(0, name.size()) != name) return "another extension";
  return agreement->answer.substr(name.size()) + " [" + sketch(*agreement) + "]";
}

// What an answer with these parameters means to a client; "failed".
std::string verdict_on(const std::string &parameters, const DeflateOptions &options = kDedicated) {
  std::string answer = "permessage-deflate" + parameters;
  Result<DeflateAgreement> agreement = check_deflate_answer(answer, options);
  if (agreement) return agreement->answer == answer ? sketch(*agreement) : "another answer";
  bool words = agreement.failure().words[0] != '\0';
  return agreement.failure().error == Error::HANDSHAKE && words ? "failed" : "another failure";
}

// Each of them is wrong in an offer and in an answer (RFC 7692 7.1).
std::vector<std::string> wrong_parameters() {
  std::vector<std::string> all;
  for (const char *name : {"server_max_window_bits", "client_max_window_bits"}) {
    for (const char *value : {"0",    "1",
                              "7",    "16",
                              "17",   "99",
                              "999",  "4294967304",
                              "08",   "010",
                              "+8",   "-8",
                              "1e1",  "0x8",
                              "8.0",  "1O",
                              "10a",  "\"16\"",
                              "ten",  "\\8",
                              "=8",   "",
                              "\"\"", "\" 10\"",
                              "1 0",  "18446744073709551624",
                              "'10'", "\"1\\60\""}) {
      all.push_back("; " + std::string(name) + "=" + value);
    }
  }
  all.emplace_back("; server_max_window_bits");  // 7.1.2.1: it has a value
  for (const char *name : {"server_no_context_takeover", "client_no_context_takeover"}) {
    for (const char *value : {"1", "0", "true", "\"true\"", "10", "", "\"\""})
      all.push_back("; " + std::string(name) + "=" + value);
  }
  for (const char *name : {"x", "x=1", "max_window_bits=10", "server_max_window_bit=10", "no_context_takeover",
                           "client_max_window_bits_=10", "s2c_no_context_takeover", "permessage-deflate"})
    all.push_back("; " + std::string(name));
  for (const char *one : {"server_no_context_takeover", "client_no_context_takeover", "server_max_window_bits=10",
                          "client_max_window_bits=10"})
    all.push_back("; " + std::string(one) + "; " + one);
  all.emplace_back("; server_max_window_bits=10; client_no_context_takeover; server_max_window_bits=11");
  all.emplace_back("; client_max_window_bits=10; client_no_context_takeover; client_max_window_bits=11");
  all.emplace_back("; client_max_window_bits; client_max_window_bits");
  all.emplace_back("; client_max_window_bits; client_max_window_bits=10");
  all.emplace_back("; client_max_window_bits=10; client_max_window_bits");
  return all;
}

// What breaks the grammar spoils the whole list (RFC 6455 9.1).
bool spoils_the_list(const std::string &parameters) {
  return !is_extension_list("permessage-deflate" + parameters);
}

// ---------------------------------------------------------------------------------------------------------------------
// The server

void a_server_answers_each_parameter(void **) {
  const std::pair<const char *, const char *> rows[] = {
      {"", " [15+ 15+]"},
      {"; server_no_context_takeover", "; server_no_context_takeover [15- 15+]"},
      {"; client_no_context_takeover", "; client_no_context_takeover [15+ 15-]"},
      {"; client_max_window_bits", " [15+ 15+]"},
      {"; client_max_window_bits=15", " [15+ 15+]"},
      {"; client_max_window_bits=10", "; client_max_window_bits=10 [15+ 10+]"},
      // 7.1.2.1: who accepts it includes it in the answer.
      {"; server_max_window_bits=15", "; server_max_window_bits=15 [15+ 15+]"},
      {"; server_max_window_bits=10", "; server_max_window_bits=10 [10+ 15+]"},
      {"; server_max_window_bits=8", "; server_max_window_bits=8 [8+ 15+]"},
      {"; server_max_window_bits=9", "; server_max_window_bits=9 [9+ 15+]"},
      {"; client_max_window_bits=8", "; client_max_window_bits=8 [15+ 8+]"},
      {"; server_max_window_bits=\"10\"", "; server_max_window_bits=10 [10+ 15+]"},  // RFC 6455 9.1
      {"; client_max_window_bits=\"1\\0\"", "; client_max_window_bits=10 [15+ 10+]"},
      {" ;client_max_window_bits = 9 ;\tserver_no_context_takeover",
       "; server_no_context_takeover; client_max_window_bits=9 [15- 9+]"},
      {"; client_max_window_bits=11; server_max_window_bits=12; client_no_context_takeover; server_no_context_takeover",
       "; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=12; client_max_window_bits=11"
       " [12- 11-]"},
  };
  for (const auto &[offer, answer] : rows)
    assert_string_equal(answer_to(std::string("permessage-deflate") + offer).c_str(), answer);
}

void a_server_keeps_to_its_own_limits(void **) {
  DeflateOptions server_bits = with(DeflateMode::DEDICATED, [](auto &o) { o.server_max_window_bits = 11; });
  DeflateOptions client_bits = with(DeflateMode::DEDICATED, [](auto &o) { o.client_max_window_bits = 11; });
  DeflateOptions server_alone = with(DeflateMode::DEDICATED, [](auto &o) { o.server_no_context_takeover = true; });
  DeflateOptions client_alone = with(DeflateMode::DEDICATED, [](auto &o) { o.client_no_context_takeover = true; });
  struct Row {
    const DeflateOptions &options;
    const char *offer;
    const char *answer;
  } rows[] = {
      // 7.1.1.1, 7.1.1.2 and 7.1.2.1: all but client_max_window_bits may stand in an answer unasked.
      {server_bits, "", "; server_max_window_bits=11 [11+ 15+]"},
      {server_bits, "; server_max_window_bits=9", "; server_max_window_bits=9 [9+ 15+]"},
      {server_bits, "; server_max_window_bits=13", "; server_max_window_bits=11 [11+ 15+]"},
      {client_bits, "", "declined"},
      {client_bits, "; server_max_window_bits=9", "declined"},
      {client_bits, "; client_max_window_bits", "; client_max_window_bits=11 [15+ 11+]"},
      {client_bits, "; client_max_window_bits=9", "; client_max_window_bits=9 [15+ 9+]"},
      {client_bits, "; client_max_window_bits=13", "; client_max_window_bits=11 [15+ 11+]"},
      {server_alone, "", "; server_no_context_takeover [15- 15+]"},
      {server_alone, "; server_no_context_takeover", "; server_no_context_takeover [15- 15+]"},
      {client_alone, "", "; client_no_context_takeover [15+ 15-]"},
      {client_alone, "; client_no_context_takeover", "; client_no_context_takeover [15+ 15-]"},
      {kShared, "", "; server_no_context_takeover; client_no_context_takeover [15- 15-]"},
      {kShared, "; client_no_context_takeover; client_max_window_bits",
       "; server_no_context_takeover; client_no_context_takeover [15- 15-]"},
      {kShared, "; server_max_window_bits=9; client_max_window_bits=10",
       "; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=9; client_max_window_bits=10"
       " [9- 10-]"},
      {kOff, "", "declined"},
      {kOff, "; server_no_context_takeover; client_no_context_takeover", "declined"},
  };
  for (const Row &row : rows)
    assert_string_equal(answer_to(std::string("permessage-deflate") + row.offer, row.options).c_str(), row.answer);
}

void a_server_declines_what_is_wrong(void **) {
  for (const std::string &wrong : wrong_parameters()) {
    std::string offer = "permessage-deflate" + wrong;
    if (answer_to(offer) != "declined") print_error("%s\n", offer.c_str());
    assert_string_equal(answer_to(offer).c_str(), "declined");
    assert_string_equal(answer_to("permessage-deflate; client_no_context_takeover" + wrong).c_str(), "declined");
    assert_string_equal(answer_to(offer + ", " + offer, kShared).c_str(), "declined");
  }
}

// 5.2: the offers stand in order of preference, and the first one that is acceptable is taken.
void the_first_acceptable_offer_is_taken(void **) {
  const std::string last = "permessage-deflate; server_max_window_bits=9";
  for (const std::string &wrong : wrong_parameters()) {
    std::string offer = "permessage-deflate" + wrong;
    const char *answer = spoils_the_list(wrong) ? "declined" : "; server_max_window_bits=9 [9+ 15+]";
    if (answer_to(offer + ", " + last) != answer) print_error("%s\n", offer.c_str());
    assert_string_equal(answer_to(offer + ", " + last).c_str(), answer);
    assert_string_equal(answer_to("mux; max=4, " + offer + ",x, , " + last + ", permessage-deflate").c_str(), answer);
  }
  assert_string_equal(answer_to("permessage-deflate; server_max_window_bits=12, " + last).c_str(),
                      "; server_max_window_bits=12 [12+ 15+]");
  DeflateOptions client_bits = with(DeflateMode::DEDICATED, [](auto &o) { o.client_max_window_bits = 11; });
  assert_string_equal(answer_to("permessage-deflate, permessage-deflate; client_max_window_bits", client_bits).c_str(),
                      "; client_max_window_bits=11 [15+ 11+]");
}

void other_extensions_are_not_ours(void **) {
  for (const char *offers : {"", ",", "mux", "x-webkit-deflate-frame", "permessage-bzip2", "permessage-deflate2",
                             "permessage; deflate", "bbf-usp-protocol, permessage_deflate", "x; permessage-deflate",
                             "x; y=permessage-deflate", "permessage-deflate=1", "\"permessage-deflate\""})
    assert_string_equal(answer_to(offers).c_str(), "declined");
  assert_string_equal(answer_to("mux; max-channels=4; flow-control, permessage-deflate, x").c_str(), " [15+ 15+]");
}

// ---------------------------------------------------------------------------------------------------------------------
// The client

void a_client_offers_what_it_wants(void **) {
  assert_string_equal(make_deflate_offer(kOff).c_str(), "");
  // 7.1.2.2: client_max_window_bits says that the server may limit us.
  assert_string_equal(make_deflate_offer(kDedicated).c_str(), "permessage-deflate; client_max_window_bits");
  assert_string_equal(make_deflate_offer(kShared).c_str(),
                      "permessage-deflate; server_no_context_takeover; client_no_context_takeover; "
                      "client_max_window_bits");
  DeflateOptions own = with(DeflateMode::DEDICATED, [](auto &o) {
    o.client_no_context_takeover = true;
    o.client_max_window_bits = 9;
  });
  assert_string_equal(make_deflate_offer(own).c_str(),
                      "permessage-deflate; client_no_context_takeover; client_max_window_bits=9");
  // What only spares memory has a fallback for servers that cannot.
  DeflateOptions sparing = with(DeflateMode::DEDICATED, [](auto &o) {
    o.server_no_context_takeover = true;
    o.server_max_window_bits = 10;
  });
  assert_string_equal(make_deflate_offer(sparing).c_str(),
                      "permessage-deflate; server_no_context_takeover; server_max_window_bits=10; "
                      "client_max_window_bits, permessage-deflate; client_max_window_bits");
  // But not where it was promised that a connection holds nothing.
  sparing.mode = DeflateMode::SHARED;
  assert_string_equal(make_deflate_offer(sparing).c_str(),
                      "permessage-deflate; server_no_context_takeover; client_no_context_takeover; "
                      "server_max_window_bits=10; client_max_window_bits");
}

void a_client_takes_what_keeps_to_its_offer(void **) {
  DeflateOptions own = with(DeflateMode::DEDICATED, [](auto &o) {
    o.client_no_context_takeover = true;
    o.client_max_window_bits = 10;
  });
  DeflateOptions sparing = with(DeflateMode::DEDICATED, [](auto &o) {
    o.server_no_context_takeover = true;
    o.server_max_window_bits = 10;
  });
  DeflateOptions small = with(DeflateMode::SHARED, [](auto &o) { o.server_max_window_bits = 10; });
  struct Row {
    const DeflateOptions &options;
    const char *answer;
    const char *verdict;
  } rows[] = {
      {kDedicated, "", "15+ 15+"},
      {kDedicated, "; server_no_context_takeover", "15+ 15-"},
      {kDedicated, "; client_no_context_takeover", "15- 15+"},
      {kDedicated, "; server_max_window_bits=10", "15+ 10+"},
      {kDedicated, "; server_max_window_bits=15", "15+ 15+"},
      {kDedicated, "; server_max_window_bits=\"8\"", "15+ 8+"},
      {kDedicated, "; client_max_window_bits=10", "10+ 15+"},
      {kDedicated, "; client_max_window_bits=8", "8+ 15+"},
      {kDedicated, "; client_max_window_bits", "failed"},  // 7.1.2.2: it has a value in an answer
      // What a client says of itself holds, whether or not the server repeats it.
      {own, "", "10- 15+"},
      {own, "; client_no_context_takeover; client_max_window_bits=9", "9- 15+"},
      {own, "; client_max_window_bits=10", "10- 15+"},
      {own, "; client_max_window_bits=11", "failed"},
      // The first offer or its fallback.
      {sparing, "; server_no_context_takeover; server_max_window_bits=10", "15+ 10-"},
      {sparing, "; server_no_context_takeover; server_max_window_bits=9", "15+ 9-"},
      {sparing, "", "15+ 15+"},
      {sparing, "; server_max_window_bits=12", "15+ 12+"},
      {kShared, "; server_no_context_takeover; client_no_context_takeover", "15- 15-"},
      {kShared, "; server_no_context_takeover", "15- 15-"},
      {kShared, "; client_no_context_takeover", "failed"},
      {kShared, "", "failed"},
      {small, "; server_no_context_takeover; server_max_window_bits=10", "15- 10-"},
      {small, "; server_no_context_takeover; server_max_window_bits=8", "15- 8-"},
      {small, "; server_no_context_takeover; server_max_window_bits=11", "failed"},
      {small, "; server_no_context_takeover", "failed"},
      {small, "; server_max_window_bits=10", "failed"},
      {kOff, "", "failed"},
      {kOff, "; server_no_context_takeover; client_no_context_takeover", "failed"},
  };
  for (const Row &row : rows) {
    if (verdict_on(row.answer, row.options) != row.verdict) print_error("%s\n", row.answer);
    assert_string_equal(verdict_on(row.answer, row.options).c_str(), row.verdict);
  }
}

void a_client_fails_what_is_wrong(void **) {
  for (const std::string &wrong : wrong_parameters()) {
    if (verdict_on(wrong) != "failed") print_error("%s\n", wrong.c_str());
    assert_string_equal(verdict_on(wrong).c_str(), "failed");
    std::string behind = "; server_no_context_takeover; client_no_context_takeover" + wrong;
    assert_string_equal(verdict_on(behind, kShared).c_str(), "failed");
  }
}

void a_client_fails_other_extensions(void **) {
  for (const char *answer :
       {"", ",", ";", "mux", "permessage-bzip2", "permessage-deflate2", "x; permessage-deflate",
        "mux, permessage-deflate", "permessage-deflate, mux", "permessage-deflate, permessage-deflate",
        "permessage-deflate, permessage-deflate; server_max_window_bits=10",
        "permessage-deflate; client_max_window_bits=10, x"}) {
    Result<DeflateAgreement> agreement = check_deflate_answer(answer, kDedicated);
    assert_false(static_cast<bool>(agreement));
    assert_int_equal(static_cast<int>(agreement.failure().error), static_cast<int>(Error::HANDSHAKE));
  }
}

// ---------------------------------------------------------------------------------------------------------------------
// Both

std::vector<DeflateOptions> many_options() {
  std::vector<DeflateOptions> all;
  for (DeflateMode mode : {DeflateMode::SHARED, DeflateMode::DEDICATED}) {
    for (int server_bits : {8, 9, 12, 15}) {
      for (int client_bits : {8, 9, 12, 15}) {
        for (int flags = 0; flags < 4; flags++) {
          all.push_back(with(mode, [&](DeflateOptions &options) {
            options.server_max_window_bits = server_bits;
            options.client_max_window_bits = client_bits;
            options.server_no_context_takeover = (flags & 1) != 0;
            options.client_no_context_takeover = (flags & 2) != 0;
          }));
        }
      }
    }
  }
  return all;
}

// What one side sends, the other one can read, within the limits of both.
bool fit(const DeflateOptions &client, const DeflateOptions &server) {
  std::optional<DeflateAgreement> servers = agree_to_deflate(make_deflate_offer(client), server);
  if (!servers) return false;
  Result<DeflateAgreement> clients = check_deflate_answer(servers->answer, client);
  if (!clients) return false;
  const DeflateAgreement &there = *servers;
  const DeflateAgreement &here = *clients;
  bool windows =
      here.compress_bits <= there.inflate_bits && there.compress_bits <= here.inflate_bits &&
      here.inflate_bits <= client.server_max_window_bits && there.compress_bits <= server.server_max_window_bits &&
      here.compress_bits <= client.client_max_window_bits && there.inflate_bits <= server.client_max_window_bits;
  bool contexts = (there.inflate_takeover || !here.compress_takeover) &&
                  (here.inflate_takeover || !there.compress_takeover) &&
                  !(here.inflate_takeover && client.server_no_context_takeover) &&
                  !(here.compress_takeover && client.client_no_context_takeover) &&
                  !(there.compress_takeover && server.server_no_context_takeover) &&
                  !(there.inflate_takeover && server.client_no_context_takeover);
  bool held = here.compress_takeover || here.inflate_takeover || there.compress_takeover || there.inflate_takeover;
  bool shared = client.mode == DeflateMode::SHARED || server.mode == DeflateMode::SHARED;
  return windows && contexts && !(shared && held);
}

void all_options_agree_with_each_other(void **) {
  std::vector<DeflateOptions> all = many_options();
  for (const DeflateOptions &client : all)
    for (const DeflateOptions &server : all)
      assert_true(fit(client, server));
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(a_server_answers_each_parameter),        cmocka_unit_test(a_server_keeps_to_its_own_limits),
      cmocka_unit_test(a_server_declines_what_is_wrong),        cmocka_unit_test(the_first_acceptable_offer_is_taken),
      cmocka_unit_test(other_extensions_are_not_ours),          cmocka_unit_test(a_client_offers_what_it_wants),
      cmocka_unit_test(a_client_takes_what_keeps_to_its_offer), cmocka_unit_test(a_client_fails_what_is_wrong),
      cmocka_unit_test(a_client_fails_other_extensions),        cmocka_unit_test(all_options_agree_with_each_other),
  };
  return cmocka_run_group_tests_name("deflate/negotiation", tests, nullptr, nullptr);
}
