// Contexts for several peers out of one: their names and their tickets are their own.
#include "tls/tls_fixture.h"

namespace tls {
namespace {

using testing::HasSubstr;

constexpr const char* kOtherHost = "other.u.test";

class PeerContextTest : public TlsTest {
 protected:
  void SetUp() override {
    first_ = must(make_client_context(client_options()));
    server_context_ = make_server(good_certificate());
  }

  // A connection that lasts until the server's tickets have come.
  SessionInfo visit(ClientContext& context) {
    client_ = context.make_engine();
    server_ = server_context_->make_engine();
    client_->start();
    shuttle(*client_, *server_);
    return client_->info();
  }

  std::unique_ptr<ClientContext> first_;
};

TEST_F(PeerContextTest, DemandsTheNameOfItsOwnPeer) {
  const auto second = must(first_->for_peer(kOtherHost));
  visit(*second);
  EXPECT_EQ(client_->state(), State::failed);
  EXPECT_THAT(client_->error().detail, HasSubstr(kOtherHost));
  EXPECT_EQ(client_->info().server_name, kOtherHost);

  CertificateRequest request = good_request();
  request.dns_names = {kOtherHost};
  server_context_ = make_server(must(trusted_root().issue(request)));
  EXPECT_EQ(visit(*second).verification, Verification::verified);
  visit(*first_);
  EXPECT_EQ(client_->state(), State::failed);
}

TEST_F(PeerContextTest, ShowsNoTicketOfAnotherPeer) {
  const auto second = must(first_->for_peer(kHost));
  visit(*first_);
  EXPECT_TRUE(visit(*first_).is_resumed);
  EXPECT_FALSE(visit(*second).is_resumed);
  EXPECT_TRUE(visit(*second).is_resumed);
  EXPECT_TRUE(visit(*first_).is_resumed);
}

TEST_F(PeerContextTest, TrustsWhomTheFirstTrustsAndOutlivesIt) {
  auto second = must(first_->for_peer(kHost));
  EXPECT_EQ(second->trust_source(), first_->trust_source());
  first_.reset();
  EXPECT_EQ(visit(*second).verification, Verification::verified);
  server_context_ = make_server(must(foreign_root().issue(good_request())));
  EXPECT_NE(visit(*must(second->for_peer(kHost))).verification, Verification::verified);
}

TEST_F(PeerContextTest, RefusesANameThatCannotBe) {
  const auto made = first_->for_peer("");
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().fault, base::Fault::config);
}

}  // namespace
}  // namespace tls
