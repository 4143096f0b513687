// See seclusion.h.
#include "app/seclusion.h"

#include <algorithm>
#include <cstdlib>
#include <string_view>
#include <utility>

#include "app/load_config.h"
#include "app/spooler.h"
#include "tls/files.h"
#include "tls/trust_store.h"

namespace app {

namespace {

using config::Config;
using config::Problem;

// A file that the configuration names, with the key that does so.
struct Named {
  std::string section;
  std::string_view key;
  std::string path;
};

// What the C library looks at to find addresses, users and the time, and what it loads to do so;
// and where trust is kept. Configuration of others stands in /etc as well: what is secret in there
// is closed to the user.
constexpr const char* kSystemPlaces[] = {
    "/etc",           "/usr",          "/lib",
    "/lib64",         "/nix/store",    "/gnu/store",
    "/dev/urandom",   "/dev/null",     "/proc/self",
    "/proc/sys",      "/proc/meminfo", "/sys/devices/system/cpu",
    "/run/nscd",      "/var/run/nscd", "/run/systemd/resolve",
    "/run/resolvconf"};
// Often links to somewhere else.
constexpr const char* kSystemFiles[] = {"/etc/resolv.conf", "/etc/hosts", "/etc/nsswitch.conf",
                                        "/etc/localtime"};

std::string folder_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return path.substr(0, slash);
}

void add_place(std::vector<std::string>& places, const std::string& path) {
  places.push_back(platform::real_path(path));
}

// Files are replaced by others of the same name: it is the folder that is allowed. Of "/" that
// would be everything.
void add_file(std::vector<std::string>& places, const std::string& path) {
  for (const std::string& each : {path, platform::real_path(path)}) {
    const std::string folder = folder_of(each);
    add_place(places, folder.empty() ? each : folder);
  }
}

void add_secrets(std::vector<Named>& files, const Config& config) {
  for (const config::Smarthost& smarthost : config.smarthosts) {
    const std::string section = config::section_label("smarthost", smarthost.name);
    for (const auto& [key, path] : {std::pair{"password_file", smarthost.login.password_file},
                                    std::pair{"token_file", smarthost.login.token_file}}) {
      const char* const credentials = std::getenv("CREDENTIALS_DIRECTORY");
      if (!path.starts_with(config::kCredentialPrefix)) {
        files.push_back({section, key, path});
      } else if (credentials != nullptr) {
        files.push_back(
            {section, key,
             std::string(credentials) + '/' + path.substr(config::kCredentialPrefix.size())});
      }
    }
  }
}

std::vector<Named> files_of(const Config& config) {
  std::vector<Named> files{{"", "", config.file}};
  add_secrets(files, config);
  for (const config::Smarthost& smarthost : config.smarthosts) {
    const std::string section = config::section_label("smarthost", smarthost.name);
    const tls::IdentityFiles& identity = smarthost.client_identity;
    files.push_back({section, "client_certificate", identity.certificate});
    files.push_back({section, "client_key", identity.key});
    files.push_back({section, "client_key_passphrase_file", identity.passphrase_file});
    for (const std::string& path : smarthost.tls.ca_files) {
      files.push_back({section, "ca_file", path});
    }
    for (const std::string& path : smarthost.tls.ca_dirs) {
      files.push_back({section, "ca_dir", path});
    }
  }
  for (const config::Listener& listener : config.listeners) {
    const std::string section = config::section_label("listener", listener.name);
    const tls::IdentityFiles& identity = listener.identity;
    files.push_back({section, "certificate", identity.certificate});
    files.push_back({section, "key", identity.key});
    files.push_back({section, "key_passphrase_file", identity.passphrase_file});
    files.push_back({section, "auth", listener.users_file});
    for (const std::string& path : listener.client_ca) {
      files.push_back({section, "client_ca", path});
    }
  }
  std::erase_if(files, [](const Named& file) { return file.path.empty(); });
  return files;
}

// The key of a command that runs now or later; empty when there is none.
std::pair<std::string, std::string_view> command_of(const Config& config) {
  for (const config::Smarthost& smarthost : config.smarthosts) {
    const std::string section = config::section_label("smarthost", smarthost.name);
    if (!smarthost.login.password_command.empty()) return {section, "password_command"};
    if (!smarthost.login.token_command.empty()) return {section, "token_command"};
    const bool has_command = !smarthost.client_identity.passphrase_command.empty();
    if (has_command) return {section, "client_key_passphrase_command"};
  }
  for (const config::Listener& listener : config.listeners) {
    if (listener.identity.passphrase_command.empty()) continue;
    return {config::section_label("listener", listener.name), "key_passphrase_command"};
  }
  return {};
}

template <typename Visit>
void for_each_socket_file(const Config& config, const Visit& visit) {
  for (const config::Listener& listener : config.listeners) {
    for (const base::Endpoint& endpoint : listener.listen) {
      const base::SocketAddress& address = endpoint.address;
      if (address.is_unix() && !address.is_abstract()) visit(listener, address.path);
    }
  }
}

std::string described(const platform::User& user) {
  return (user.name.empty() ? "" : user.name + " ") + "(" + std::to_string(user.id) + ":" +
         std::to_string(user.group) + ")";
}

bool is_beneath(const std::string& path, const std::vector<std::string>& places) {
  return std::any_of(places.begin(), places.end(), [&](const std::string& place) {
    if (place == "/" || path == place) return true;
    return path.starts_with(place) && path[place.size()] == '/';
  });
}

// What is wrong with a file that is not there is told by whoever wants it.
bool is_within_reach(const std::string& path, const std::vector<std::string>& places) {
  return !tls::is_there(path) || is_beneath(platform::real_path(path), places);
}

}  // namespace

std::optional<Problem> trouble_with_user(const Config& config) {
  if (config.general.user.empty()) return std::nullopt;
  const auto user = platform::find_user(config.general.user);
  if (user) return std::nullopt;
  return problem_at(config, "smtpseal", "user", "user: " + user.error().detail);
}

std::string refusal_of_root(const Config& config) {
  if (!platform::is_root() || !config.general.user.empty()) return {};
  return "smtpseal: run: not as root: once its ports are open it needs no privilege, and whoever\n"
         "breaks into it shall find none. Ways out:\n"
         "  - say which user to become then: --user nobody to try it; for good one of its own\n"
         "      useradd --system --no-create-home --shell /usr/sbin/nologin smtpseal\n"
         "    and user = smtpseal in [smtpseal], or SMTPSEAL_SMTPSEAL_USER=smtpseal\n"
         "  - let systemd start it, as a user made for it: systemctl enable --now smtpseal\n"
         "  - in a container, start it as another user (docker run --user 65534:65534), or let it\n"
         "    become one: --user 65534:65534\n"
         "  - user = root, if it must be\n";
}

platform::Confinement confinement_of(const Config& config) {
  platform::Confinement confinement;
  std::vector<std::string>& readable = confinement.readable;
  for (const char* place : kSystemPlaces) add_place(readable, place);
  for (const char* file : kSystemFiles) add_file(readable, file);
  for (const tls::TrustPlace& place : tls::find_system_trust()) {
    add_file(readable, place.path);
    if (place.is_directory) add_place(readable, place.path);
  }
  for (const Named& file : files_of(config)) {
    add_file(readable, file.path);
    if (file.key == "ca_dir") add_place(readable, file.path);
  }
  add_place(confinement.writable, config.general.spool.folder);
  for_each_socket_file(config, [&](const config::Listener&, const std::string& path) {
    add_place(confinement.writable, folder_of(path).empty() ? "/" : folder_of(path));
  });
  for (std::vector<std::string>* places : {&confinement.readable, &confinement.writable}) {
    std::sort(places->begin(), places->end());
    places->erase(std::unique(places->begin(), places->end()), places->end());
  }
  return confinement;
}

base::Result<void> Seclusion::enter(const Config& config) {
  make_spool_folder(config);
  if (const auto changed = change_user(config); !changed) return changed;
  platform::give_up_new_privileges();
  return confine(config);
}

// By root where its parent is root's. What goes wrong is told when the spool is opened.
void Seclusion::make_spool_folder(const Config& config) {
  // It must be there before the files close.
  if (!wants_spool(config)) return;
  const auto named = platform::find_user(config.general.user);
  const platform::User user = named && platform::is_root() ? named.value() : platform::this_user();
  const std::string& folder = config.general.spool.folder;
  const std::string parent = folder_of(folder);
  if (!tls::is_there(parent)) static_cast<void>(platform::make_folder_of(user, parent));
  static_cast<void>(platform::make_folder_of(user, folder));
}

base::Result<void> Seclusion::change_user(const Config& config) {
  if (config.general.user.empty()) return {};
  const auto user = platform::find_user(config.general.user);
  if (!user) return user.error();
  const auto warn = [&](const std::string& text) {
    log_.warn("-", "config-warning",
              {{"where", config.places.of("smtpseal", "user")}, {"warning", text}});
  };
  if (!platform::is_root()) {
    if (!platform::is_this_user(*user)) {
      warn("user: stays the user that it was started as: only root can become another");
    }
    return {};
  }
  if (user->is_root()) {
    warn("user = root: whoever breaks into smtpseal has this machine");
    return {};
  }
  base::Result<void> given;
  for_each_socket_file(config, [&](const config::Listener&, const std::string& path) {
    if (given) given = platform::give_socket_to(*user, path);
  });
  if (!given) return given;
  if (const auto become = platform::become(*user); !become) return become;
  log_.info("-", "user", {{"user", described(*user)}});
  std::string unreadable;
  for (const Named& file : files_of(config)) {
    if (platform::may_read(file.path)) continue;
    const std::string what = file.path + ": user " + described(*user) +
                             " cannot read it, now or at a reload: give it to the user's group "
                             "(chgrp, chmod g+r), and let the user into the folder";
    if (!unreadable.empty()) unreadable += '\n';
    unreadable += file.key.empty() ? what
                                   : problem_at(config, file.section, file.key,
                                                std::string(file.key) + ": " + what)
                                         .to_string();
  }
  if (unreadable.empty()) return {};
  return base::Error{base::Fault::config, unreadable};
}

base::Result<void> Seclusion::confine(const Config& config) {
  if (!config.general.sandbox) {
    log_.warn("-", "config-warning",
              {{"where", config.places.of("smtpseal", "sandbox")},
               {"warning", "sandbox = no: every file of its user is open to smtpseal"}});
    return {};
  }
  if (const auto [section, key] = command_of(config); !key.empty()) {
    log_.info("-", "sandbox",
              {{"confined", "no"}, {"why", std::string(key) + " may need any file"}});
    return {};
  }
  platform::Confinement wanted = confinement_of(config);
  const auto confined = platform::confine(wanted);
  if (!confined) return confined.error();
  const bool is_confined = *confined == platform::Confined::yes;
  log_.debug("-", "sandbox",
             {{"confined", is_confined ? "yes" : "no"},
              {"why", is_confined ? "-" : "this system has no Landlock"}});
  if (!is_confined) return {};
  // What is made later is not among it.
  std::erase_if(wanted.writable, [](const std::string& folder) { return !tls::is_there(folder); });
  in_force_ = std::move(wanted);
  return {};
}

std::vector<Problem> Seclusion::barriers_to(const Config& next) const {
  std::vector<Problem> barriers;
  if (!in_force_) return barriers;
  constexpr std::string_view kRestart = ": needs a restart, for smtpseal has closed itself in";
  if (const auto [section, key] = command_of(next); !key.empty()) {
    barriers.push_back(problem_at(next, section, key, std::string(key) + std::string(kRestart)));
  }
  for (const Named& file : files_of(next)) {
    if (is_within_reach(file.path, in_force_->readable)) continue;
    barriers.push_back(
        problem_at(next, file.section, file.key,
                   std::string(file.key) + ": " + file.path + std::string(kRestart)));
  }
  const std::string& spool = next.general.spool.folder;
  if (wants_spool(next) && !is_beneath(platform::real_path(spool), in_force_->writable)) {
    barriers.push_back(
        problem_at(next, "smtpseal", "spool_dir", "spool_dir: " + spool + std::string(kRestart)));
  }
  for_each_socket_file(next, [&](const config::Listener& listener, const std::string& path) {
    if (is_beneath(platform::real_path(folder_of(path)), in_force_->writable)) return;
    barriers.push_back(problem_at(next, config::section_label("listener", listener.name), "listen",
                                  "unix:" + path + std::string(kRestart)));
  });
  return barriers;
}

}  // namespace app
