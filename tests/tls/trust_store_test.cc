#include "tls/trust_store.h"

#include <cstdlib>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tls/pem.h"
#include "tls/tls_fixture.h"

namespace tls {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::string block(std::string_view der) { return write_pem("CERTIFICATE", der); }

#if defined(_WIN32)
int setenv(const char* name, const char* value, int) { return _putenv_s(name, value); }
int unsetenv(const char* name) { return _putenv_s(name, ""); }
#endif

// An environment variable of this process, restored in the end.
class Variable {
 public:
  Variable(const char* name, const char* value) : name_(name) {
    if (const char* before = std::getenv(name)) before_ = before;
    set(value);
  }
  ~Variable() { set(before_ ? before_->c_str() : nullptr); }
  Variable(const Variable&) = delete;
  Variable& operator=(const Variable&) = delete;

 private:
  void set(const char* value) {
    if (value == nullptr) {
      unsetenv(name_);
    } else {
      setenv(name_, value, 1);
    }
  }

  const char* name_;
  std::optional<std::string> before_;
};

class TrustStore : public testing::Test {
 protected:
  base::Result<std::string> load(const std::vector<std::string>& files,
                                 const std::vector<std::string>& directories = {}) {
    taken_.clear();
    return load_trust(files, directories, [this](std::string_view der) {
      if (der.starts_with("bad")) return std::optional<std::string>("it is bad");
      taken_.emplace_back(der);
      return std::optional<std::string>();
    });
  }
  std::string error_of(const std::vector<std::string>& files,
                       const std::vector<std::string>& directories = {}) {
    const auto loaded = load(files, directories);
    EXPECT_FALSE(loaded);
    if (loaded) return "no error";
    EXPECT_EQ(loaded.error().fault, base::Fault::config);
    return loaded.error().detail;
  }

  TempFolder folder_;
  std::vector<std::string> taken_;
  Variable no_file_{"SSL_CERT_FILE", nullptr};
  Variable no_directory_{"SSL_CERT_DIR", nullptr};
};

TEST_F(TrustStore, TakesEveryCertificateOfAFile) {
  const std::string file = folder_.write("x.pem", "# One\n" + block("one") + block("two"));
  EXPECT_EQ(must(load({file})), "ca_file " + file + " (2 certificates)");
  EXPECT_THAT(taken_, ElementsAre("one", "two"));
}

TEST_F(TrustStore, TakesEachCertificateOnce) {
  const std::string one = folder_.write("1.pem", block("one"));
  const std::string two = folder_.write("2.pem", block("one") + block("two"));
  EXPECT_EQ(must(load({one, two})), "ca_file " + one + ", ca_file " + two + " (2 certificates)");
  EXPECT_THAT(taken_, ElementsAre("one", "two"));
}

TEST_F(TrustStore, TakesDerToo) {
  const std::string file = folder_.write("x.der", "0der");
  EXPECT_EQ(must(load({file})), "ca_file " + file + " (1 certificate)");
  EXPECT_THAT(taken_, ElementsAre("0der"));
}

TEST_F(TrustStore, NamesTheFileThatIsMissing) {
  const std::string file = folder_.path() + "/none.pem";
  EXPECT_EQ(error_of({file}), file + ": No such file or directory");
  EXPECT_EQ(error_of({folder_.path()}), folder_.path() + ": is a folder, not a file");
}

TEST_F(TrustStore, SaysWhatAFileHoldsInstead) {
  const std::string empty = folder_.write("empty.pem", "");
  EXPECT_EQ(error_of({empty}), empty + ": is empty");
  const std::string text = folder_.write("text.pem", "hello\n");
  EXPECT_THAT(error_of({text}), HasSubstr(text + ": holds no certificate in PEM"));
  const std::string key = folder_.write("key.pem", write_pem("PRIVATE KEY", "secret"));
  EXPECT_EQ(error_of({key}), key + ": holds no certificate (but a block \"PRIVATE KEY\")");
}

TEST_F(TrustStore, NamesTheOneBadBlockAmongGoodOnes) {
  const std::string file = folder_.write("x.pem", block("one") + block("bad") + block("two"));
  EXPECT_EQ(error_of({file}), file + ":4: certificate 2 of 3 cannot be read: it is bad");
  const std::string cut = folder_.write(
      "cut.pem", block("one") + "-----BEGIN CERTIFICATE-----\nZm9\n-----END CERTIFICATE-----\n");
  EXPECT_EQ(error_of({cut}), cut + ":4: certificate 2 of 2 is not base64, or has no END line");
  const std::string alone = folder_.write("alone.pem", block("bad"));
  EXPECT_EQ(error_of({alone}), alone + ":1: its certificate cannot be read: it is bad");
}

TEST_F(TrustStore, TakesTheCertificateFilesOfAFolder) {
  const TempFolder directory;
  directory.write("b.pem", block("b"));
  directory.write("a.crt", block("a"));
  directory.write("c.CER", block("c"));
  directory.write("5f15c80c.0", block("hashed"));
  directory.write("README", "not a certificate");
  directory.write("notahash.0", "neither");
  directory.write("below/d.pem", block("d"));
  EXPECT_EQ(must(load({}, {directory.path()})), "ca_dir " + directory.path() + " (4 certificates)");
  EXPECT_THAT(taken_, ElementsAre("hashed", "a", "b", "c"));
}

TEST_F(TrustStore, NamesWhatIsWrongWithAFolder) {
  EXPECT_EQ(error_of({}, {folder_.path() + "/none"}),
            folder_.path() + "/none: No such file or directory");
  EXPECT_THAT(error_of({}, {folder_.path()}), HasSubstr("holds no certificate file"));
  const std::string bad = folder_.write("bad.pem", block("bad"));
  EXPECT_THAT(error_of({}, {folder_.path()}), HasSubstr(bad + ":1:"));
}

#if !defined(_WIN32) && !defined(__APPLE__)
TEST_F(TrustStore, TakesTheSystemsFileFromTheEnvironment) {
  const std::string file = folder_.write("x.pem", block("one") + block("bad") + block("two"));
  const Variable variable("SSL_CERT_FILE", file.c_str());
  EXPECT_EQ(must(load({})), "system trust store " + file + " (2 certificates, 1 unreadable)");
  EXPECT_THAT(taken_, ElementsAre("one", "two"));
}

TEST_F(TrustStore, TakesTheSystemsFoldersFromTheEnvironment) {
  folder_.write("1/a.pem", block("a"));
  folder_.write("1/bad.pem", "nothing");
  folder_.write("2/b.pem", block("b") + block("a"));
  const std::string first = folder_.path() + "/1";
  const std::string second = folder_.path() + "/2";
  const Variable variable("SSL_CERT_DIR", (first + ":" + second).c_str());
  EXPECT_EQ(must(load({})), "system trust store " + first + ", " + second + " (2 certificates)");
}

TEST_F(TrustStore, DoesNotLookElsewhereWhenTheEnvironmentErrs) {
  const Variable variable("SSL_CERT_FILE", "/nonexistent/roots.pem");
  EXPECT_EQ(error_of({}), "/nonexistent/roots.pem: No such file or directory");
}

TEST_F(TrustStore, RefusesASystemThatTrustsNobody) {
  const std::string file = folder_.write("x.pem", "no certificates today\n");
  const Variable variable("SSL_CERT_FILE", file.c_str());
  EXPECT_THAT(error_of({}), HasSubstr("holds no certificate of an authority"));
}

TEST_F(TrustStore, PrefersWhatIsConfiguredToTheSystem) {
  const std::string system = folder_.write("system.pem", block("system"));
  const std::string own = folder_.write("own.pem", block("own"));
  const Variable variable("SSL_CERT_FILE", system.c_str());
  ASSERT_TRUE(load({own}));
  EXPECT_THAT(taken_, ElementsAre("own"));
}

TEST(SystemTrust, IsReadableWhereThereIsOne) {
  const std::vector<TrustPlace> places = find_system_trust();
  if (places.empty()) GTEST_SKIP() << "this system has no trust store";
  ClientOptions options;
  options.verify_name = kHost;
  const auto context = must(make_client_context(options));
  EXPECT_THAT(context->trust_source(), HasSubstr("system trust store " + places.front().path));
  EXPECT_THAT(context->trust_source(), HasSubstr(" certificates)"));
}
#endif

}  // namespace
}  // namespace tls
