// A real mail server that is not installed: its packages are unpacked (contrib/fetch-peers), and it
// runs in a file system of its own (own_root.sh), with users, paths and configuration as it likes
// them. Mail to anybody at example.test is stored; everything is gone with the object.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "peers/identity.h"
#include "support/patience.h"
#include "support/process.h"
#include "support/temp_dir.h"

namespace support {

// A mail as a server keeps it, with LF line ends.
struct KeptMail {
  std::string header;
  std::string body;
};

// What tells one server from another.
struct ServerRecipe {
  std::string name;   // of its folder in build/peers
  std::string title;  // for people
  std::vector<std::string> users;
  // Files of its own by path. In /etc/peer there are certificate.pem (with its intermediate behind
  // it), key.pem and authorities.pem; `store` is the folder for mail.
  std::function<std::map<std::string, std::string>(const PeerOptions&, std::uint16_t port,
                                                   const std::string& store)>
      files;
  std::string start;  // shell commands, the last of which becomes the server
  // Of the paths in the store, the mails that are complete.
  std::function<std::vector<KeptMail>(const std::string& store)> mails;
};

[[nodiscard]] const ServerRecipe& exim();
[[nodiscard]] const ServerRecipe& opensmtpd();
[[nodiscard]] const ServerRecipe& sendmail();

class UnpackedServer {
 public:
  // Why it cannot run here, or nothing.
  [[nodiscard]] static std::optional<std::string> why_not(const ServerRecipe& recipe);
  // Of its package.
  [[nodiscard]] static std::string version(const ServerRecipe& recipe);

  // Starts it and waits until it accepts connections.
  UnpackedServer(const ServerRecipe& recipe, const PeerOptions& options);

  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] const std::string& ca_file() const { return ca_file_; }
  [[nodiscard]] std::string log() const { return process_->errors() + process_->output(); }
  // The folder it may write to and that is seen from here.
  [[nodiscard]] std::string store() const { return directory_.path("store"); }

  // Waits until it keeps `count` mails and returns them in no order.
  [[nodiscard]] std::vector<KeptMail> wait_for_mails(std::size_t count) const;

 private:
  void write_files(const PeerOptions& options);

  const ServerRecipe& recipe_;
  TempDir directory_;
  std::uint16_t port_;
  std::string ca_file_;
  std::optional<Process> process_;
};

}  // namespace support
