// Many engines at a time. The key store of the library is one for the whole process: what
// handshakes take from it they give back, however they end.
#include <utility>
#include <vector>

#include "tls/tls_fixture.h"

namespace tls {
namespace {

class CrowdTest : public TlsTest, public testing::WithParamInterface<Version> {
 protected:
  void SetUp() override {
    client_context_ = must(make_client_context(client_options()));
    server_context_ = make_server(good_certificate(), GetParam(), GetParam());
  }

  // Passes what `from` has to say; false when that is nothing.
  static bool pass(Engine& from, Engine& to) {
    const std::string octets = take_output(from);
    to.receive(octets);
    return !octets.empty();
  }
};

// More than the 32 keys that the store holds where it cannot grow.
constexpr int kCrowd = 100;

TEST_P(CrowdTest, ShakesHandsSideBySide) {
  std::vector<std::pair<std::unique_ptr<Engine>, std::unique_ptr<Engine>>> pairs;
  for (int i = 0; i < kCrowd; ++i) {
    pairs.emplace_back(client_context_->make_engine(), server_context_->make_engine());
    pairs.back().first->start();
  }
  constexpr int kMostFlights = 6;
  for (int flight = 0; flight < kMostFlights; ++flight) {
    for (auto& [client, server] : pairs) pass(*client, *server);
    for (auto& [client, server] : pairs) pass(*server, *client);
  }
  int number = 0;
  for (auto& [client, server] : pairs) {
    ASSERT_EQ(client->state(), State::established) << client->error().detail;
    ASSERT_EQ(server->state(), State::established) << server->error().detail;
    client->send("mail " + std::to_string(number++));
    pass(*client, *server);
  }
  number = 0;
  for (auto& [client, server] : pairs) {
    EXPECT_EQ(take_plaintext(*server), "mail " + std::to_string(number++));
  }
}

TEST_P(CrowdTest, LeavesNothingBehindWhenHandshakesAreGivenUp) {
  constexpr int kManyMoreThanTheStoreHolds = 200;
  for (int i = 0; i < kManyMoreThanTheStoreHolds; ++i) {
    client_ = client_context_->make_engine();
    client_->start();
    ASSERT_EQ(client_->state(), State::handshaking) << client_->error().detail;
  }
  for (int i = 0; i < kCrowd; ++i) {
    client_ = client_context_->make_engine();
    server_ = server_context_->make_engine();
    client_->start();
    pass(*client_, *server_);
    pass(*server_, *client_);
  }
  reconnect();
  expect_established();
}

INSTANTIATE_TEST_SUITE_P(Crowd, CrowdTest, testing::Values(Version::tls12, Version::tls13),
                         [](const auto& tested) {
                           return tested.param == Version::tls12 ? "Tls12" : "Tls13";
                         });

}  // namespace
}  // namespace tls
