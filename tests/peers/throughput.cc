// How fast mail goes to a real Postfix through smtpseal, beside the same load straight to it
// without TLS. Not a test: prints figures. Run it with SEAL_PROGRAM naming the program.
#include <chrono>
#include <iostream>
#include <string>

#include "peers/postfix.h"
#include "support/certificates.h"
#include "support/smtpseal_process.h"

namespace support {
namespace {

constexpr int kMessages = 10000;

std::size_t count_of(const std::string& text, const std::string& part) {
  std::size_t count = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) {
    ++count;
  }
  return count;
}

// Messages per second; throws Failure unless every message was accepted.
double load(std::uint16_t port) {
  const auto began = std::chrono::steady_clock::now();
  const Finished source =
      run({*find_program("smtp-source"),
           {"-s", "10", "-m", std::to_string(kMessages), "-l", "4096", "-f", "a@client.test", "-t",
            "b@example.test", "127.0.0.1:" + std::to_string(port)},
           {},
           "/dev/null"},
          std::chrono::minutes(10));
  if (source.status != 0) throw Failure("smtp-source: " + source.errors);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
  return kMessages / took.count();
}

void measure() {
  PostfixOptions plain_options;
  plain_options.security_level = "none";
  plain_options.is_discarding = true;
  PostfixOptions sealed_options;
  sealed_options.is_discarding = true;
  Postfix plain(plain_options);
  Postfix sealed(sealed_options);
  TempDir directory;
  ConfigText config;
  config.set("smtpseal", "hostname", "seal.client.test")
      .set("listener", "listen", "127.0.0.1:0")
      .set("smarthost", "host", "127.0.0.1")
      .set("smarthost", "port", std::to_string(sealed.port()))
      .set("smarthost", "verify_name", kSmarthostName)
      .set("smarthost", "ca_file", sealed.ca_file());
  Smtpseal seal(directory, config);
  for (int round = 1; round <= 3; ++round) {
    const double through = load(seal.port());
    const double straight = load(plain.port());
    std::cout << "round " << round << ": through smtpseal (TLS) " << static_cast<int>(through)
              << " messages/s, straight without TLS " << static_cast<int>(straight)
              << " messages/s, ratio " << through / straight << '\n';
  }
  seal.stop();
  const std::string log = sealed.log();
  std::cout << "accepted through smtpseal: " << seal.count("transaction") << " of " << 3 * kMessages
            << ", TLS handshakes: " << seal.count("smarthost-open")
            << ", discarded by Postfix so far: " << count_of(log, "status=sent (example.test)")
            << '\n';
}

}  // namespace
}  // namespace support

int main() {
  try {
    if (const auto why = support::Postfix::why_not()) throw support::Failure(*why);
    support::measure();
    return 0;
  } catch (const std::exception& error) {
    std::cerr << error.what() << '\n';
    return 1;
  }
}
