// See unpacked_server.h.
#include "peers/unpacked_server.h"

#include <filesystem>

#include <poll.h>
#include <sys/stat.h>

#include "peers/loopback_port.h"
#include "peers/own_root.h"
#include "support/certificates.h"

namespace support {

namespace fs = std::filesystem;

std::optional<std::string> UnpackedServer::why_not(const ServerRecipe& recipe) {
  return why_not_unpacked(recipe.name, recipe.title);
}

std::string UnpackedServer::version(const ServerRecipe& recipe) {
  return unpacked_version(recipe.name);
}

UnpackedServer::UnpackedServer(const ServerRecipe& recipe, const PeerOptions& options)
    : recipe_(recipe), port_(free_port()) {
  write_files(options);
  process_.emplace(in_own_root(recipe_.name, directory_, {"sh", "/etc/peer/start"}));
  wait_for_listener(*process_, port_);
}

void UnpackedServer::write_files(const PeerOptions& options) {
  chmod(directory_.path().c_str(), 0755);
  const std::string store = directory_.path("store");
  fs::create_directory(store);
  const TempDir made;
  const Identity identity = write_identity(made, options.certificate);
  ca_file_ = directory_.write("ca.pem", read_file(identity.ca));
  write_below(directory_, "/etc/peer/certificate.pem", read_file(identity.chain));
  write_below(directory_, "/etc/peer/authorities.pem",
              read_file(identity.ca) +
                  (identity.intermediate.empty() ? "" : read_file(identity.intermediate)));
  write_below(directory_, "/etc/peer/key.pem", read_file(identity.key));
  chmod(directory_.path("root/etc/peer/key.pem").c_str(), 0600);

  write_system_files(directory_, recipe_.users, store);
  write_below(directory_, "/etc/peer/start", "set -e\n" + recipe_.start + "\n");
  for (const auto& [path, content] : recipe_.files(options, port_, store)) {
    write_below(directory_, path, content);
  }
}

std::vector<KeptMail> UnpackedServer::wait_for_mails(std::size_t count) const {
  const std::string store = directory_.path("store");
  const Deadline deadline(kPatience);
  while (true) {
    std::vector<KeptMail> mails = recipe_.mails(store);
    if (mails.size() >= count) return mails;
    if (deadline.has_passed()) {
      throw Failure("only " + std::to_string(mails.size()) + " mails came: " + log());
    }
    poll(nullptr, 0, 10);
  }
}

}  // namespace support
