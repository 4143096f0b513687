// See unpacked_server.h.
#include "peers/unpacked_server.h"

#include <cstdlib>
#include <filesystem>

#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include "peers/loopback_port.h"
#include "support/certificates.h"

namespace support {

namespace fs = std::filesystem;

namespace {

// Far above what systems give away, below what 16 bits hold.
constexpr unsigned kFirstUser = 64001;

std::string from_environment(const char* name) {
  const char* value = std::getenv(name);
  if (value == nullptr) throw Failure(std::string(name) + " is not set");
  return value;
}

std::string folder_of(const ServerRecipe& recipe) {
  return from_environment("SEAL_PEERS") + "/" + recipe.name;
}

Process::Start in_own_root(const std::string& packages, const std::string& work,
                           const std::vector<std::string>& command) {
  std::vector<std::string> arguments = {"--mount",
                                        "--pid",
                                        "--uts",
                                        "--fork",
                                        "--kill-child",
                                        "--propagation",
                                        "private",
                                        "sh",
                                        from_environment("SEAL_OWN_ROOT"),
                                        packages,
                                        work};
  arguments.insert(arguments.end(), command.begin(), command.end());
  return {"unshare", arguments, {}, "/dev/null"};
}

// Asked once: whether a process may have a file system of its own here.
const std::optional<std::string>& why_no_own_root() {
  static const std::optional<std::string> kWhy = []() -> std::optional<std::string> {
    if (geteuid() != 0) return "it can only be started by root";
    if (!find_program("unshare")) return "unshare is not installed";
    const TempDir work;
    const TempDir packages;
    const Finished tried = run(in_own_root(packages.path(), work.path(), {"true"}));
    if (tried.status == 0) return std::nullopt;
    return "it cannot have a file system of its own here: " + tried.errors;
  }();
  return kWhy;
}

void write_below(const std::string& root, const std::string& path, const std::string& content) {
  fs::create_directories(fs::path(root + path).parent_path());
  write_file(root + path, content);
}

}  // namespace

std::optional<std::string> UnpackedServer::why_not(const ServerRecipe& recipe) {
  if (std::getenv("SEAL_PEERS") == nullptr || !fs::exists(folder_of(recipe))) {
    return recipe.title + " was not brought by contrib/fetch-peers";
  }
  return why_no_own_root();
}

std::string UnpackedServer::version(const ServerRecipe& recipe) {
  const std::string text = read_file(folder_of(recipe) + ".version");
  return text.substr(0, text.find('\n'));
}

UnpackedServer::UnpackedServer(const ServerRecipe& recipe, const PeerOptions& options)
    : recipe_(recipe), port_(free_port()) {
  write_files(options);
  process_.emplace(in_own_root(folder_of(recipe_), directory_.path(), {"sh", "/etc/peer/start"}));
  wait_for_listener(*process_, port_);
}

void UnpackedServer::write_files(const PeerOptions& options) {
  chmod(directory_.path().c_str(), 0755);
  const std::string root = directory_.path("root");
  const std::string store = directory_.path("store");
  fs::create_directory(store);
  const TempDir made;
  const Identity identity = write_identity(made, options.certificate);
  ca_file_ = directory_.write("ca.pem", read_file(identity.ca));
  write_below(root, "/etc/peer/certificate.pem", read_file(identity.chain));
  write_below(root, "/etc/peer/authorities.pem",
              read_file(identity.ca) +
                  (identity.intermediate.empty() ? "" : read_file(identity.intermediate)));
  write_below(root, "/etc/peer/key.pem", read_file(identity.key));
  chmod((root + "/etc/peer/key.pem").c_str(), 0600);

  std::string users = "root:x:0:0::/root:/bin/sh\n";
  std::string groups = "root:x:0:\nmail:x:8:\n";
  unsigned id = kFirstUser;
  for (const std::string& name : recipe_.users) {
    const std::string ids = std::to_string(id++);
    users += name + ":x:" + ids + ":" + ids + "::" + store + ":/bin/sh\n";
    groups += name + ":x:" + ids + ":\n";
  }
  write_below(root, "/etc/passwd", users);
  write_below(root, "/etc/group", groups);
  write_below(root, "/etc/hosts", "127.0.0.1 peer.test localhost\n");
  write_below(root, "/etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files\n");
  write_below(root, "/etc/peer/start", "set -e\n" + recipe_.start + "\n");
  for (const auto& [path, content] : recipe_.files(options, port_, store)) {
    write_below(root, path, content);
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
