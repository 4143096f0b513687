// See listener_users.h.
#include "app/listener_users.h"

#include <algorithm>
#include <string>
#include <utility>

#include "app/load_config.h"
#include "tls/crypto.h"
#include "tls/identity_files.h"

namespace app {

namespace {

using config::ClientAuth;
using config::Problem;

Problem problem_with_key(const config::Config& config, const config::Listener& listener,
                         const std::string& about_file) {
  return problem_at(config, config::section_label("listener", listener.name), "auth",
                    "auth = file:" + about_file);
}

}  // namespace

std::vector<Problem> read_users(const config::Config& config, const config::Listener& listener,
                                smtp::Users& users) {
  const std::string& path = listener.users_file;
  auto text = tls::read_secret_file(path);
  if (!text) return {problem_with_key(config, listener, text.error().detail)};
  std::vector<Problem> problems;
  for (const smtp::Users::Problem& problem : smtp::Users::parse(*text, users)) {
    if (problem.line == 0) {
      problems.push_back(problem_with_key(config, listener, path + ": " + problem.message));
    } else {
      problems.push_back({path + ":" + std::to_string(problem.line), problem.message, true, false});
    }
  }
  return problems;
}

std::vector<Problem> examine_users(const config::Config& config, const config::Listener& listener) {
  smtp::Users users;
  if (listener.auth != ClientAuth::file) return {};
  return read_users(config, listener, users);
}

base::Result<std::unique_ptr<LoginDesk>> make_login_desk(net::Loop& loop,
                                                         const config::Config& config,
                                                         const config::Listener& listener) {
  const bool is_ours = listener.auth == ClientAuth::any || listener.auth == ClientAuth::file;
  if (!is_ours) return std::unique_ptr<LoginDesk>();
  auto desk = std::make_unique<LoginDesk>(loop, tls::crypto());
  if (listener.auth == ClientAuth::any) return desk;
  auto users = std::make_unique<smtp::Users>();
  const std::vector<Problem> problems = read_users(config, listener, *users);
  if (!problems.empty()) {
    std::string detail = problems.front().to_string();
    if (problems.size() > 1) {
      detail +=
          " (and " + std::to_string(problems.size() - 1) + " more, which smtpseal config names)";
    }
    return base::Error{base::Fault::config, std::move(detail)};
  }
  desk->users = std::move(users);
  return desk;
}

bool is_in_users_file(const base::Error& error, const config::Config& config) {
  return std::any_of(config.listeners.begin(), config.listeners.end(), [&](const auto& listener) {
    return listener.auth == ClientAuth::file && error.detail.starts_with(listener.users_file + ':');
  });
}

}  // namespace app
