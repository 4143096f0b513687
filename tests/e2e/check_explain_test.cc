// What a person reads of `smtpseal check` when STARTTLS or the certificate is not as it must be:
// for every kind of refusal a sentence that names the cause, and one that names the remedy.
#include <chrono>
#include <sstream>
#include <string>
#include <vector>

#include "e2e/check_fixture.h"

namespace support {
namespace {

using std::chrono::hours;
using testing::HasSubstr;

// A paragraph in one line, to find sentences in.
std::string unwrapped(const std::string& text) {
  std::istringstream words(text);
  std::string out;
  for (std::string word; words >> word;) out.append(out.empty() ? "" : " ").append(word);
  return out;
}

std::size_t widest_line(const std::string& text) {
  std::istringstream lines(text);
  std::size_t widest = 0;
  for (std::string line; std::getline(lines, line);) widest = std::max(widest, line.size());
  return widest;
}

// --- the way to TLS

struct BadWay {
  std::string name;
  Point point;
  std::string said;
  std::string cause;
  std::string remedy;
  int status = 77;
  Then then = Then::go_on;
};

class ExplainsWay : public CheckTest, public testing::WithParamInterface<BadWay> {};

TEST_P(ExplainsWay, NamingCauseAndRemedy) {
  const BadWay& one = GetParam();
  config_.set("smarthost", "command_timeout", "2s");
  smarthost_->on(one.point, always(one.said, one.then));
  const Finished finished = check();
  const std::string text = unwrapped(finished.output);
  EXPECT_THAT(text, HasSubstr(one.cause));
  EXPECT_THAT(text, HasSubstr(one.remedy));
  EXPECT_EQ(finished.status, one.status);
}

constexpr const char* kTlsOutOfOrder = "The smarthost's TLS is out of order";
constexpr const char* kAskForSubmission = "Ask for the smarthost's submission service with TLS";
constexpr const char* kMeddling = "Do not send mail this way";
constexpr const char* kNotServed = "Its administrator can say why";
constexpr const char* kWait = "Wait and try again";
constexpr const char* kNotRfc = "What came is not what RFC 5321 allows";

const std::vector<BadWay> kWays = {
    {"StarttlsIsNotOffered", Point::ehlo, "250-u\r\n250-8BITMIME\r\n250 AUTH PLAIN LOGIN\r\n",
     "FAIL STARTTLS smarthost does not offer STARTTLS", kAskForSubmission},
    {"StarttlsIsPartOfAWord", Point::ehlo, "250-u\r\n250-XSTARTTLSX\r\n250 AUTH STARTTLS\r\n",
     "does not offer STARTTLS", kAskForSubmission},
    {"StarttlsIsMasked", Point::ehlo, "250-u\r\n250 XXXXXXXA\r\n", "does not offer STARTTLS",
     "\"inspect esmtp\" must be switched off"},
    {"EhloIsUnknown", Point::ehlo, "500 what\r\n", "500 what", kTlsOutOfOrder},
    {"StarttlsIsRefused", Point::starttls, "502 Command not implemented\r\n",
     "FAIL STARTTLS 502 Command not implemented", kTlsOutOfOrder},
    {"StarttlsIsPutOff", Point::starttls, "454 TLS not available\r\n",
     "FAIL STARTTLS 454 TLS not available", kTlsOutOfOrder},
    {"StarttlsIsAnsweredWith250", Point::starttls, "250 ok\r\n", "STARTTLS was answered with 250",
     kNotRfc, 76},
    {"StarttlsIsAnsweredWith354", Point::starttls, "354 do something else\r\n",
     "STARTTLS was answered with 354", kNotRfc, 76},
    {"RepliesAreInjected", Point::starttls, "220 go\r\n250-u\r\n250 AUTH PLAIN\r\n",
     "data in plaintext behind the reply to STARTTLS: somebody tampers", kMeddling},
    {"HalfALineIsInjected", Point::starttls, "220 go\r\n250-SMTPUTF8 INJECTED ",
     "data in plaintext behind the reply to STARTTLS: somebody tampers", kMeddling},
    {"TlsIsNotBegun", Point::starttls, "220 go\r\n", "FAIL TLS ",
     "smarthost's administrator can see in its log why the handshake ended", 77, Then::close},
    {"StarttlsReplyHasNoEnd", Point::starttls, "220 " + std::string(100000, 'A'),
     "smarthost broke the protocol", kNotRfc, 76},
    {"GreetingIs554", Point::greeting, "554 5.7.1 your address is on a list\r\n",
     "FAIL greeting 554 5.7.1 your address is on a list", kNotServed, 69},
    {"GreetingIs421", Point::greeting, "421 4.3.2 busy\r\n", "FAIL greeting 421 4.3.2 busy", kWait,
     75, Then::close},
    {"GreetingIs354", Point::greeting, "354 x\r\n", "greeting was answered with 354", kNotRfc, 76},
    {"GreetingEndsInLf", Point::greeting, "220 u\n", "a reply line ends in a bare LF", kNotRfc, 76},
    {"GreetingIsNoReply", Point::greeting, "hello there\r\n",
     "what answers there does not speak SMTP it said: hello there",
     "This does not look like a mail server. Check the host and the port", 76},
    {"GreetingIsCutOff", Point::greeting, "", "closed the connection",
     "accepted and closed without a word: the smarthost is overloaded, or does not serve this", 69,
     Then::close},
    {"EhloIsPutOff", Point::ehlo, "421 4.7.0 too fast\r\n", "FAIL EHLO 421 4.7.0 too fast", kWait,
     75, Then::close},
    {"EhloIsNotAnswered", Point::ehlo, "", "did not answer EHLO within 2 s", "Try again", 69,
     Then::silence},
    {"EhloInTlsIsRefused", Point::sealed_ehlo, "421 4.3.2 shutting down\r\n",
     "FAIL EHLO in TLS 421 4.3.2 shutting down", kWait, 75, Then::close},
};

INSTANTIATE_TEST_SUITE_P(Check, ExplainsWay, testing::ValuesIn(kWays),
                         [](const auto& one) { return one.param.name; });

// --- whose certificate it is

struct BadCertificate {
  std::string name;
  std::function<void(tls::CertificateRequest&)> change;
  std::string cause;
  std::string remedy;
};

class ExplainsCertificate : public CheckTest, public testing::WithParamInterface<BadCertificate> {};

TEST_P(ExplainsCertificate, NamingCauseAndRemedy) {
  const BadCertificate& one = GetParam();
  tls::CertificateRequest request = good_request();
  one.change(request);
  present(request);
  const Finished finished = check();
  const std::string text = unwrapped(finished.output);
  EXPECT_THAT(text, HasSubstr(one.cause));
  EXPECT_THAT(text, HasSubstr(one.remedy));
  EXPECT_EQ(finished.status, 77);
}

constexpr const char* kAnother = "it needs another certificate";

const std::vector<BadCertificate> kCertificates = {
    {"ForAnotherName", [](auto& request) { request.dns_names = {"other.u.test"}; },
     "certificate is for other.u.test, not for smarthost.test",
     "verify_name = other.u.test in [smarthost]"},
    {"Expired",
     [](auto& request) {
       request.not_after = std::chrono::system_clock::now() - hours(24);
       request.not_before = request.not_after - hours(240);
     },
     ": expired on ", "The smarthost's administrator must renew it, unless this machine's clock"},
    {"NotYetValid",
     [](auto& request) {
       request.not_before = std::chrono::system_clock::now() + hours(48);
       request.not_after = request.not_before + hours(240);
     },
     ": not valid before ", "set it right. If it is, the smarthost's administrator put the"},
    {"WildcardOfAnotherLevel", [](auto& request) { request.dns_names = {"*.smarthost.test"}; },
     "certificate is for *.smarthost.test, not for smarthost.test", "Use a host name that"},
    {"PartOfAWildcard", [](auto& request) { request.dns_names = {"smart*.test"}; },
     "not for smarthost.test", "Use a host name that"},
    {"CommonNameOnly",
     [](auto& request) {
       request.common_name = kSmarthostName;
       request.dns_names.clear();
     },
     "certificate names no host (it has no subjectAltName", "Its administrator must renew it"},
};

INSTANTIATE_TEST_SUITE_P(Check, ExplainsCertificate, testing::ValuesIn(kCertificates),
                         [](const auto& one) { return one.param.name; });

class Explains : public CheckTest {};

TEST_F(Explains, AnUnknownAuthority) {
  present(good_request(), foreign_authority());
  config_.unset("smarthost", "ca_file");
  const std::string text = unwrapped(check().output);
  EXPECT_THAT(text, HasSubstr("issued by an authority that is not in the system trust store"));
  EXPECT_THAT(text, HasSubstr("get the authority's certificate from the smarthost's administrator "
                              "and set ca_file = FILE in [smarthost]"));
}

TEST_F(Explains, AnIntermediateThatIsMissing) {
  tls::CertificateRequest between = good_request();
  between.common_name = "Between";
  auto authority = trusted_authority().issue_authority(between);
  ASSERT_TRUE(authority);
  auto issued = (*authority)->issue(good_request());
  ASSERT_TRUE(issued);
  // The leaf alone, without what stands between it and the authority.
  change([&](Behavior& behavior) {
    behavior.tls = server_context_of(issued->certificate_pem, issued->key_pem);
  });
  EXPECT_THAT(unwrapped(check().output),
              HasSubstr("its administrator must install the full chain"));
  config_.unset("smarthost", "ca_file");
  const std::string text = unwrapped(check().output);
  EXPECT_THAT(text, HasSubstr("CN=Between"));
  EXPECT_THAT(text, HasSubstr("its administrator must install the full chain"));
}

TEST_F(Explains, AnAddressWrittenAsAName) {
  tls::CertificateRequest request = good_request();
  request.dns_names = {"127.0.0.1"};
  present(request);
  config_.unset("smarthost", "verify_name");
  const Finished finished = check();
  EXPECT_EQ(finished.status, 77);
  EXPECT_THAT(unwrapped(finished.output),
              HasSubstr("names 127.0.0.1 as a DNS name, not as an IP address"));
}

TEST_F(Explains, ANameThatItsIssuerMayNotCertify) {
  tls::CertificateRequest between = good_request();
  between.common_name = "Narrow";
  between.permitted_dns = {"example.com"};
  auto authority = trusted_authority().issue_authority(between);
  ASSERT_TRUE(authority);
  auto issued = (*authority)->issue(good_request());
  ASSERT_TRUE(issued);
  change([&](Behavior& behavior) {
    behavior.tls = server_context_of(issued->certificate_pem + (*authority)->certificate_pem(),
                                     issued->key_pem);
  });
  const std::string text = unwrapped(check().output);
  EXPECT_THAT(text, HasSubstr("a name that its issuer may not certify (name constraints)"));
  EXPECT_THAT(text, HasSubstr(kAnother));
}

TEST_F(Explains, AClockThatIsWrongByTheSmarthostsOwn) {
  tls::CertificateRequest request = good_request();
  request.not_before = std::chrono::system_clock::now() + hours(24 * 400);
  request.not_after = request.not_before + hours(24 * 365);
  present(request);
  // A day within its time, whenever this test is run.
  const std::chrono::year_month_day day(
      std::chrono::floor<std::chrono::days>(std::chrono::system_clock::now() + hours(24 * 500)));
  constexpr const char* kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  std::ostringstream greeting;
  greeting << "220 smarthost.test ESMTP; " << static_cast<unsigned>(day.day()) << ' '
           << kMonths[static_cast<unsigned>(day.month()) - 1] << ' ' << static_cast<int>(day.year())
           << " 12:00:00 +0000\r\n";
  smarthost_->on(Point::greeting, always(greeting.str()));
  const Finished finished = check();
  EXPECT_EQ(finished.status, 77);
  EXPECT_THAT(unwrapped(finished.output), HasSubstr("This machine's clock is wrong: it says"));
  EXPECT_THAT(unwrapped(finished.output), HasSubstr("and have it kept right (NTP)"));
}

TEST_F(Explains, AnotherProtocolBehindTls) {
  change([](Behavior& behavior) { behavior.is_implicit_tls = true; });
  config_.set("smarthost", "mode", "implicit");
  smarthost_->on(Point::greeting, always("* OK IMAP4rev1 ready\r\n", Then::close_notify));
  const Finished finished = check();
  EXPECT_EQ(finished.status, 76);
  EXPECT_THAT(unwrapped(finished.output), HasSubstr("it said: * OK IMAP4rev1 ready -> This is an "
                                                    "IMAP server, where mail is read"));
}

TEST_F(Explains, ACertificateOfOursThatIsWanted) {
  auto issued = trusted_authority().issue(good_request());
  ASSERT_TRUE(issued);
  tls::ServerOptions options;
  options.certificate_pem = issued->certificate_pem;
  options.key_pem = issued->key_pem;
  options.client_ca_files = {directory_.path("ca.pem")};
  options.is_client_certificate_demanded = true;
  options.max_version = tls::Version::tls12;  // whose alert the test's library can send
  for (const bool is_implicit : {false, true}) {
    auto made = tls::make_server_context(options);
    ASSERT_TRUE(made);
    change([&](Behavior& behavior) {
      behavior.tls = std::move(made).value();
      behavior.is_implicit_tls = is_implicit;
    });
    config_.set("smarthost", "mode", is_implicit ? "implicit" : "starttls");
    const std::string text = unwrapped(check().output);
    EXPECT_THAT(text, HasSubstr("wants to see a certificate of this machine"));
    EXPECT_THAT(text, HasSubstr("set client_certificate = FILE in [smarthost]"));
  }
}

TEST_F(Explains, TheCertificateWithThePinToPaste) {
  const Finished finished = check();
  EXPECT_THAT(finished.output, testing::ContainsRegex("\n +pin = sha256//[A-Za-z0-9+/]{43}=\n"));
  EXPECT_THAT(unwrapped(finished.output), HasSubstr(" days left; key EC secp256r1 "));
}

TEST_F(Explains, EverythingInEightyColumns) {
  present(good_request(), foreign_authority());
  config_.unset("smarthost", "ca_file");
  EXPECT_LE(widest_line(check().output), 80U);
  smarthost_->go_down();
  EXPECT_LE(widest_line(check().output), 80U);
}

}  // namespace
}  // namespace support
