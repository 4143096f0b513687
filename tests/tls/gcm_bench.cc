// How fast records are encrypted: AES-GCM as mbedTLS has it, as smtpseal_gcm.c does it, and as
// OpenSSL does; and TLS as a whole, between two engines joined by strings. Each figure is the
// median of several, taken in alternation, and of CPU time. Not a test.
#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <mbedtls/gcm.h>

#include "tls/authority.h"
#include "tls/tls_engine.h"

#ifdef SMTPSEAL_HAS_OPENSSL
#include <openssl/evp.h>
#endif
#ifdef SMTPSEAL_HAS_FAST_GCM
extern "C" decltype(mbedtls_gcm_crypt_and_tag) smtpseal_generic_gcm_crypt_and_tag;
#endif

namespace {

constexpr int kRounds = 7;
constexpr std::size_t kOctetsARound = std::size_t{24} << 20;
constexpr std::size_t kMessage = std::size_t{64} << 20;
constexpr std::size_t kPiece = 65536;  // what the relay sends at once, about
constexpr double kMega = 1e6;

[[noreturn]] void give_up(const char* what) {
  std::fprintf(stderr, "bench_gcm: %s\n", what);
  std::exit(1);
}

void check(bool is_good, const char* what) {
  if (!is_good) give_up(what);
}

double seconds_of(const std::function<void()>& work) {
  const std::clock_t begin = std::clock();
  work();
  return static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC;
}

double median(std::vector<double> figures) {
  std::sort(figures.begin(), figures.end());
  return figures[figures.size() / 2];
}

// --- the cipher alone: records of one size, in place, with 13 octets beside them as in TLS 1.2 ---

struct Record {
  std::vector<unsigned char> octets;
  std::array<unsigned char, 12> nonce{};
  std::array<unsigned char, 13> beside{};
  std::array<unsigned char, 16> tag{};
};

struct Contender {
  const char* name;
  std::function<void(Record&)> seal;
};

class Mbed {
 public:
  using Seal = decltype(mbedtls_gcm_crypt_and_tag);

  explicit Mbed(unsigned bits) {
    const std::array<unsigned char, 32> key{};
    mbedtls_gcm_init(&context_);
    check(mbedtls_gcm_setkey(&context_, MBEDTLS_CIPHER_ID_AES, key.data(), bits) == 0, "key");
  }
  ~Mbed() { mbedtls_gcm_free(&context_); }
  Mbed(const Mbed&) = delete;
  Mbed& operator=(const Mbed&) = delete;

  void seal(Seal* function, Record& record) {
    const int code =
        function(&context_, MBEDTLS_GCM_ENCRYPT, record.octets.size(), record.nonce.data(),
                 record.nonce.size(), record.beside.data(), record.beside.size(),
                 record.octets.data(), record.octets.data(), record.tag.size(), record.tag.data());
    check(code == 0, "mbedTLS");
  }

 private:
  mbedtls_gcm_context context_;
};

#ifdef SMTPSEAL_HAS_OPENSSL
class OpenSsl {
 public:
  explicit OpenSsl(unsigned bits) : context_(EVP_CIPHER_CTX_new(), EVP_CIPHER_CTX_free) {
    const std::array<unsigned char, 32> key{};
    const EVP_CIPHER* const cipher = bits == 128 ? EVP_aes_128_gcm() : EVP_aes_256_gcm();
    check(EVP_EncryptInit_ex(context_.get(), cipher, nullptr, key.data(), nullptr) == 1, "key");
  }

  void seal(Record& record) {
    int length = 0;
    EVP_CIPHER_CTX* const context = context_.get();
    const bool is_good =
        EVP_EncryptInit_ex(context, nullptr, nullptr, nullptr, record.nonce.data()) == 1 &&
        EVP_EncryptUpdate(context, nullptr, &length, record.beside.data(),
                          static_cast<int>(record.beside.size())) == 1 &&
        EVP_EncryptUpdate(context, record.octets.data(), &length, record.octets.data(),
                          static_cast<int>(record.octets.size())) == 1 &&
        EVP_EncryptFinal_ex(context, record.tag.data(), &length) == 1 &&
        EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, static_cast<int>(record.tag.size()),
                            record.tag.data()) == 1;
    check(is_good, "OpenSSL");
  }

 private:
  std::unique_ptr<EVP_CIPHER_CTX, decltype(&EVP_CIPHER_CTX_free)> context_;
};
#endif

void compare_ciphers(unsigned bits, std::size_t size) {
  Mbed mbed(bits);
  std::vector<Contender> contenders;
#ifdef SMTPSEAL_HAS_FAST_GCM
  contenders.push_back(
      {"generic", [&](Record& r) { mbed.seal(smtpseal_generic_gcm_crypt_and_tag, r); }});
#endif
  contenders.push_back({"in use", [&](Record& r) { mbed.seal(mbedtls_gcm_crypt_and_tag, r); }});
#ifdef SMTPSEAL_HAS_OPENSSL
  OpenSsl open_ssl(bits);
  contenders.push_back({"OpenSSL", [&](Record& r) { open_ssl.seal(r); }});
#endif
  Record record;
  record.octets.assign(size, 'x');
  std::vector<std::vector<double>> figures(contenders.size());
  const std::size_t count = kOctetsARound / size / (size < 1024 ? 4 : 1);
  for (int round = 0; round < kRounds; ++round) {
    for (std::size_t i = 0; i < contenders.size(); ++i) {
      const double seconds = seconds_of([&] {
        for (std::size_t k = 0; k < count; ++k) contenders[i].seal(record);
      });
      figures[i].push_back(static_cast<double>(count * size) / seconds / kMega);
    }
  }
  std::printf("AES-%u-GCM, %5zu octets:", bits, size);
  for (std::size_t i = 0; i < contenders.size(); ++i) {
    std::printf("  %s %5.0f MB/s", contenders[i].name, median(figures[i]));
  }
  std::printf("\n");
}

// --- TLS as a whole ---

template <typename T>
T must(base::Result<T> result) {
  if (!result) give_up(result.error().detail.c_str());
  return std::move(result).value();
}

void pass(tls::Engine& from, tls::Engine& to) {
  const std::string octets(from.output());
  from.consume_output(octets.size());
  if (!octets.empty()) to.receive(octets);
}

void measure_engines(tls::Version version) {
  const auto now = std::chrono::system_clock::now();
  const auto root = must(tls::Authority::make("bench", now));
  tls::CertificateRequest request;
  request.common_name = "bench";
  request.dns_names = {"bench.test"};
  request.not_before = now - std::chrono::hours(1);
  request.not_after = now + std::chrono::hours(1);
  const tls::IssuedCertificate issued = must(root->issue(request));
  tls::ServerOptions server_options;
  server_options.certificate_pem = issued.certificate_pem;
  server_options.key_pem = issued.key_pem;
  server_options.max_version = version;
  tls::ClientOptions client_options;
  client_options.level = tls::Level::encrypt;
  const auto server_context = must(tls::make_server_context(server_options));
  const auto client_context = must(tls::make_client_context(client_options));

  const std::string piece(kPiece, 'm');
  std::vector<double> sending;
  std::vector<double> receiving;
  std::string cipher;
  for (int round = 0; round < kRounds; ++round) {
    const auto server = server_context->make_engine();
    const auto client = client_context->make_engine();
    client->start();
    for (int flight = 0; flight < 4; ++flight) {
      pass(*client, *server);
      pass(*server, *client);
    }
    check(client->state() == tls::State::established, "no TLS");
    cipher = client->info().version + " " + client->info().cipher;
    double send_seconds = 0;
    double receive_seconds = 0;
    for (std::size_t sent = 0; sent < kMessage; sent += kPiece) {
      send_seconds += seconds_of([&] { client->send(piece); });
      receive_seconds += seconds_of([&] { server->receive(client->output()); });
      client->consume_output(client->output().size());
      check(server->plaintext().size() == kPiece, "octets are missing");
      server->consume_plaintext(kPiece);
    }
    sending.push_back(static_cast<double>(kMessage) / send_seconds / kMega);
    receiving.push_back(static_cast<double>(kMessage) / receive_seconds / kMega);
  }
  std::printf("%s, 64 MiB:  send %.0f MB/s  receive %.0f MB/s\n", cipher.c_str(), median(sending),
              median(receiving));
}

}  // namespace

int main() {
  for (const unsigned bits : {128U, 256U}) {
    for (const std::size_t size : {16384U, 4096U, 256U}) compare_ciphers(bits, size);
  }
  for (const tls::Version version : {tls::Version::tls12, tls::Version::tls13}) {
    measure_engines(version);
  }
  return 0;
}
