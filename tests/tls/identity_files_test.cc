// Certificates and keys of our own in files: what is taken, and with which words the rest is
// refused.
#include "tls/identity_files.h"

#include <filesystem>

#include "tls/encrypted_keys.h"
#include "tls/tls_fixture.h"

namespace tls {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

class IdentityFilesTest : public TlsTest {
 protected:
  std::string secret(const std::string& name, std::string_view content) {
    const std::string path = folder_.write(name, content);
    fs::permissions(path, fs::perms::owner_read | fs::perms::owner_write);
    return path;
  }
  IdentityFiles write(std::string_view certificate, std::string_view key) {
    return {folder_.write("c.pem", certificate), secret("k.pem", key), {}, {}};
  }
  IdentityFiles write(const IssuedCertificate& issued) {
    return write(issued.certificate_pem, issued.key_pem);
  }
  static base::Result<Identity> load(const IdentityFiles& files,
                                     std::optional<std::string_view> passphrase = std::nullopt,
                                     Purpose purpose = Purpose::client) {
    return load_identity(files, passphrase, purpose, now());
  }
  static std::string refusal(const IdentityFiles& files,
                             std::optional<std::string_view> passphrase = std::nullopt,
                             Purpose purpose = Purpose::client) {
    const auto loaded = load(files, passphrase, purpose);
    if (loaded) {
      ADD_FAILURE() << "nothing was wrong";
      return {};
    }
    EXPECT_EQ(loaded.error().fault, base::Fault::config);
    return loaded.error().detail;
  }
  // Whether a server would be shown it.
  void expect_usable(const Identity& identity) {
    ClientOptions options = client_options();
    options.identity = identity;
    EXPECT_TRUE(make_client_context(options));
  }
  static CertificateRequest client_request() {
    CertificateRequest request = good_request();
    request.is_client_only = true;
    return request;
  }
};

TEST_F(IdentityFilesTest, TakesACertificateWithItsKey) {
  for (const KeyKind kind : {KeyKind::ec_p256, KeyKind::rsa_2048}) {
    CertificateRequest request = client_request();
    request.key = kind;
    expect_usable(must(load(write(must(trusted_root().issue(request))))));
  }
}

TEST_F(IdentityFilesTest, TakesBothFromOneFile) {
  const IssuedCertificate issued = must(trusted_root().issue(client_request()));
  for (const std::string& text :
       {issued.certificate_pem + issued.key_pem, issued.key_pem + issued.certificate_pem}) {
    expect_usable(must(load({secret("both.pem", text), {}, {}, {}})));
  }
}

TEST_F(IdentityFilesTest, MissesTheKeyOfACertificateAlone) {
  const std::string path = folder_.write("c.pem", good_certificate().certificate_pem);
  EXPECT_EQ(refusal({path, {}, {}, {}}),
            path + ": holds no private key, and no other file is named for it");
}

TEST_F(IdentityFilesTest, TakesEncryptedKeysOfEveryUsualKind) {
  for (const char* key : {kRsaKeyPkcs8, kRsaKeyPkcs8Sha1, kRsaKeyTraditional}) {
    const Identity loaded = must(load(write(kRsaCertificate, key), kPassphrase));
    EXPECT_THAT(loaded.key_pem, StartsWith("-----BEGIN RSA PRIVATE KEY-----\n"));
    expect_usable(loaded);
  }
  for (const char* key : {kEcKeyPkcs8, kEcKeyTraditional}) {
    expect_usable(must(load(write(kEcCertificate, key), kPassphrase)));
  }
}

TEST_F(IdentityFilesTest, DoesNotMindAPassphraseThatIsNotNeeded) {
  expect_usable(must(load(write(must(trusted_root().issue(client_request()))), kPassphrase)));
}

TEST_F(IdentityFilesTest, TellsWhatPassphraseIsMissingOrWrong) {
  const std::string key = folder_.path() + "/k.pem";
  for (const char* text : {kRsaKeyPkcs8, kRsaKeyTraditional}) {
    EXPECT_EQ(refusal(write(kRsaCertificate, text)),
              key + ": is encrypted, and there is no passphrase for it");
    EXPECT_EQ(refusal(write(kRsaCertificate, text), "close sesame"),
              key + ": does not open with its passphrase");
  }
}

TEST_F(IdentityFilesTest, TellsHowToReplaceAnEncryptionThatIsNotSupported) {
  std::string in_pem = kEcKeyTraditional;
  const std::string kDek = "AES-256-CBC,5BC257030BE56398E3817999EA3B24DC";
  in_pem.replace(in_pem.find(kDek), kDek.size(), "DES-EDE3-CBC,5BC257030BE56398");
  for (const std::string& key : {std::string(kEcKeyTripleDes), std::string(kEcKeyScrypt), in_pem}) {
    EXPECT_EQ(refusal(write(kEcCertificate, key), kPassphrase),
              folder_.path() +
                  "/k.pem: is encrypted in a way that is not supported: `openssl pkcs8 -topk8 -v2 "
                  "aes-256-cbc` writes it anew");
  }
}

TEST_F(IdentityFilesTest, NamesTheFileThatCannotBeRead) {
  IdentityFiles files = write(must(trusted_root().issue(client_request())));
  files.key = folder_.path() + "/none.pem";
  EXPECT_EQ(refusal(files), files.key + ": No such file or directory");
  files.certificate = folder_.path();
  EXPECT_EQ(refusal(files), folder_.path() + ": is a folder, not a file");
  files = write(must(trusted_root().issue(client_request())));
  files.certificate = folder_.write("empty.pem", "");
  EXPECT_EQ(refusal(files), files.certificate + ": is empty");
  files.certificate = files.key;
  EXPECT_EQ(refusal(files), files.key + ": holds no certificate (but a block \"EC PRIVATE KEY\")");
  files = write(good_certificate().certificate_pem, "no key");
  EXPECT_EQ(refusal(files),
            files.key + ": holds no private key in PEM (-----BEGIN PRIVATE KEY-----)");
  files = write(good_certificate().certificate_pem, good_certificate().certificate_pem);
  EXPECT_EQ(refusal(files),
            files.key + ": holds no private key in PEM (-----BEGIN PRIVATE KEY-----)");
}

TEST_F(IdentityFilesTest, NamesTheBlockThatIsBad) {
  const IssuedCertificate issued = must(trusted_root().issue(client_request()));
  std::string bad = trusted_root().certificate_pem();
  bad[40] = '!';
  const IdentityFiles files = write(issued.certificate_pem + bad, issued.key_pem);
  EXPECT_THAT(refusal(files), AllOf(StartsWith(files.certificate + ":"),
                                    HasSubstr("certificate 2 of 2 is not base64")));
}

TEST_F(IdentityFilesTest, RefusesAKeyOfAnotherCertificate) {
  const IssuedCertificate issued = must(trusted_root().issue(client_request()));
  IdentityFiles files = write(issued.certificate_pem, rsa_certificate().key_pem);
  EXPECT_EQ(refusal(files),
            files.key + ": is not the key of the certificate in " + files.certificate);
  files = write(trusted_root().certificate_pem() + issued.certificate_pem, issued.key_pem);
  EXPECT_EQ(refusal(files), files.certificate +
                                ": begins with another certificate than that of the key, which is "
                                "number 2: our own comes first, then those of its issuers");
}

TEST_F(IdentityFilesTest, RefusesWhatIsOutOfDate) {
  CertificateRequest request = client_request();
  request.not_before = now() - 3 * kDay;
  request.not_after = now() - kDay;
  IdentityFiles files = write(must(trusted_root().issue(request)));
  EXPECT_THAT(refusal(files), StartsWith(files.certificate + ": certificate expired on 20"));
  request.not_before = now() + kDay;
  request.not_after = now() + 3 * kDay;
  files = write(must(trusted_root().issue(request)));
  EXPECT_THAT(refusal(files), StartsWith(files.certificate + ": certificate is not valid before "));
}

TEST_F(IdentityFilesTest, RefusesWhatIsMeantForTheOtherSide) {
  const IdentityFiles server = write(good_certificate());
  EXPECT_EQ(refusal(server), server.certificate +
                                 ": certificate is not meant for a TLS client (its extended key "
                                 "usage lacks clientAuth)");
  EXPECT_TRUE(load(server, std::nullopt, Purpose::server));
  const IdentityFiles client = write(must(trusted_root().issue(client_request())));
  EXPECT_EQ(refusal(client, std::nullopt, Purpose::server),
            client.certificate +
                ": certificate is not meant for a TLS server (its extended key usage lacks "
                "serverAuth)");
}

#ifndef _WIN32
TEST_F(IdentityFilesTest, RefusesAKeyThatEveryoneCanRead) {
  const IdentityFiles files = write(must(trusted_root().issue(client_request())));
  fs::permissions(files.key, fs::perms::others_read, fs::perm_options::add);
  EXPECT_EQ(refusal(files), files.key +
                                ": can be read by every user of this machine (mode 0604): chmod "
                                "o-rwx makes it a secret");
  fs::permissions(files.key, fs::perms::others_read, fs::perm_options::remove);
  // Nor may everyone put another in its place.
  fs::permissions(files.key, fs::perms::others_write, fs::perm_options::add);
  EXPECT_EQ(refusal(files), files.key +
                                ": can be changed by every user of this machine (mode 0602): chmod "
                                "o-rwx makes it a secret");
  fs::permissions(files.key, fs::perms::others_write, fs::perm_options::remove);
  // As Debian has it with the group ssl-cert.
  fs::permissions(files.key, fs::perms::group_read, fs::perm_options::add);
  EXPECT_TRUE(load(files));
}
#endif

TEST(FirstLine, IsWhatAPassphraseIs) {
  EXPECT_EQ(first_line("open sesame\nnot this"), "open sesame");
  EXPECT_EQ(first_line("open sesame\r\n"), "open sesame");
  EXPECT_EQ(first_line(" spaces count "), " spaces count ");
  EXPECT_EQ(first_line("\nsecond"), std::nullopt);
  EXPECT_EQ(first_line(""), std::nullopt);
}

}  // namespace
}  // namespace tls
