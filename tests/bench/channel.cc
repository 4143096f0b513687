// See channel.h.
#include "bench/channel.h"

#include <cerrno>
#include <utility>

#include <openssl/err.h>
#include <sys/socket.h>
#include <unistd.h>

namespace bench {

Channel::~Channel() {
  // However the connection ended, its session stays fit to be resumed.
  if (ssl_ != nullptr) SSL_set_shutdown(ssl_, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
  SSL_free(ssl_);
  close(fd_);
}

void Channel::start_tls(SSL_CTX* context, Role role, const char* name, SSL_SESSION* session) {
  ssl_ = SSL_new(context);
  // Records are read straight from the socket and written to memory: end_flight() takes them.
  SSL_set_bio(ssl_, BIO_new_socket(fd_, BIO_NOCLOSE), BIO_new(BIO_s_mem()));
  if (role == Role::server) {
    SSL_set_accept_state(ssl_);
    return;
  }
  SSL_set_connect_state(ssl_);
  SSL_set_tlsext_host_name(ssl_, name);
  SSL_set1_host(ssl_, name);
  if (session != nullptr) SSL_set_session(ssl_, session);
}

bool Channel::shake_hands() {
  ERR_clear_error();
  const int result = SSL_do_handshake(ssl_);
  const bool is_alive = result == 1 || SSL_get_error(ssl_, result) == SSL_ERROR_WANT_READ;
  collect_records();
  return is_alive;
}

long Channel::receive(char* buffer, std::size_t size) {
  if (ssl_ == nullptr) {
    const ssize_t got = recv(fd_, buffer, size, 0);
    if (got > 0) return got;
    return got < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : -1;
  }
  std::size_t total = 0;
  while (total < size) {
    ERR_clear_error();
    std::size_t got = 0;
    if (SSL_read_ex(ssl_, buffer + total, size - total, &got) != 1) {
      const bool is_alive = SSL_get_error(ssl_, 0) == SSL_ERROR_WANT_READ;
      if (!is_alive && total == 0) return -1;  // else the next call finds out
      break;
    }
    total += got;
  }
  return static_cast<long>(total);
}

void Channel::send(std::string_view bytes) {
  if (bytes.empty()) return;
  if (ssl_ == nullptr) {
    fresh_ += bytes;
    return;
  }
  std::size_t taken = 0;
  SSL_write_ex(ssl_, bytes.data(), bytes.size(), &taken);  // into memory: always all of it
  collect_records();
}

void Channel::say_goodbye() {
  if (!is_sealed()) return;
  SSL_shutdown(ssl_);
  collect_records();
}

void Channel::collect_records() {
  BIO* records = SSL_get_wbio(ssl_);
  char* data = nullptr;
  const long size = BIO_get_mem_data(records, &data);
  if (size <= 0) return;
  fresh_.append(data, static_cast<std::size_t>(size));
  BIO_reset(records);
}

void Channel::end_flight(Instant due) {
  if (fresh_.empty()) return;
  flights_.push_back({due, std::exchange(fresh_, {})});
}

bool Channel::flush(Instant now) {
  is_blocked_ = false;
  while (!flights_.empty() && flights_.front().due <= now) {
    const std::string& bytes = flights_.front().bytes;
    const ssize_t sent =
        ::send(fd_, bytes.data() + written_, bytes.size() - written_, MSG_NOSIGNAL);
    if (sent < 0) {
      is_blocked_ = errno == EAGAIN || errno == EINTR;
      return is_blocked_;
    }
    written_ += static_cast<std::size_t>(sent);
    if (written_ < bytes.size()) continue;
    flights_.pop_front();
    written_ = 0;
  }
  return true;
}

}  // namespace bench
