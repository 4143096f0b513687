// Every configuration that a recipe shows is one that smtpseal takes.
#include "peers/recipes.h"

#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "support/certificates.h"
#include "support/smtpseal_process.h"

namespace support {
namespace {

// Where people keep the files that blocks name.
constexpr std::string_view kFolder = "/etc/smtpseal/";

tls::IssuedCertificate issue(bool is_client) {
  tls::CertificateRequest request = good_request();
  request.is_client_only = is_client;
  auto issued = trusted_authority().issue(request);
  if (!issued) throw Failure(issued.error().detail);
  return std::move(issued).value();
}

// NAME.pem and NAME.key are a certificate and its key, anything else is a secret.
std::string content_of(const std::string& name) {
  static const tls::IssuedCertificate kServer = issue(false);
  static const tls::IssuedCertificate kClient = issue(true);
  const tls::IssuedCertificate& issued = name.starts_with("client.") ? kClient : kServer;
  if (name.ends_with(".pem")) return issued.certificate_pem;
  return name.ends_with(".key") ? issued.key_pem : "a secret\n";
}

// The text with the files it names, in a folder of the test.
std::string with_files_in(const TempDir& directory, std::string text) {
  for (std::size_t at = 0; (at = text.find(kFolder, at)) != std::string::npos;) {
    const std::size_t end = text.find_first_of(" ,\n", at);
    const std::string name = text.substr(at + kFolder.size(), end - at - kFolder.size());
    const std::string path = directory.write(name, content_of(name));
    chmod(path.c_str(), 0600);
    text.replace(at, end - at, path);
    at += path.size();
  }
  return text;
}

TEST(RecipesTest, ShowConfigurationsThatLoad) {
  const TempDir directory;
  std::set<std::string> files;
  for (const RecipeBlock& block : recipe_blocks()) {
    files.insert(block.file);
    if (block.language != "ini") continue;
    SCOPED_TRACE(block.file + ":" + std::to_string(block.line));
    const std::string path = directory.write("smtpseal.conf", with_files_in(directory, block.text));
    const Finished config = run_smtpseal({"config", "-c", path});
    EXPECT_EQ(config.status, 0) << config.errors;
    EXPECT_EQ(config.errors, "");
  }
  EXPECT_THAT(files, testing::ElementsAre("README.md", "appliances.md", "cron.md", "exchange.md",
                                          "java.md", "one-liners.md", "postfix.md", "sendmail.md"));
}

TEST(RecipesTest, ShowHowSmtpsealIsConfiguredInEachOfThem) {
  std::set<std::string> with, all;
  for (const RecipeBlock& block : recipe_blocks()) {
    all.insert(block.file);
    if (block.language == "ini") with.insert(block.file);
  }
  EXPECT_EQ(with, all);
}

}  // namespace
}  // namespace support
