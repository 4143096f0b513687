// See clients_java.h.
#include "peers/clients_java.h"

#include <cstdlib>
#include <filesystem>
#include <map>

#include "support/patience.h"
#include "support/process.h"

namespace support {

namespace fs = std::filesystem;

namespace {

// Compilers are slow where the machine is busy.
constexpr Milliseconds kCompilerPatience = 120s;

std::string class_path(const std::vector<std::string>& files) {
  std::string path;
  for (const std::string& each : files) path += (path.empty() ? "" : ":") + each;
  return path;
}

// Small and quick to start, for programs that run for a second.
std::vector<std::string> java_options() {
  return {"-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xshare:auto"};
}

}  // namespace

std::vector<std::string> JavaMail::libraries() const {
  if (flavor_ == "jakarta") {
    return {"/usr/share/java/jakarta-mail.jar", "/usr/share/java/jakarta-activation.jar"};
  }
  return {"/usr/share/java/javax.mail.jar", "/usr/share/java/javax.activation.jar"};
}

std::optional<std::string> JavaMail::why_not() const {
  for (const char* program : {"java", "ecj"}) {
    if (!find_program(program)) return std::string(program) + " is not installed";
  }
  for (const std::string& library : libraries()) {
    if (!fs::exists(library)) return library + " is not installed";
  }
  return std::nullopt;
}

const std::string& JavaMail::classes() const {
  static std::map<std::string, TempDir> compiled;
  const auto [place, is_new] = compiled.try_emplace(flavor_);
  const TempDir& folder = place->second;
  if (!is_new) return folder.path();
  const char* sources = std::getenv("SEAL_CLIENTS");
  if (sources == nullptr) throw Failure("SEAL_CLIENTS does not say where the clients are");
  std::string source = read_file(std::string(sources) + "/Send.java");
  for (std::size_t at = 0; (at = source.find("import jakarta.", at)) != std::string::npos; ++at) {
    source.replace(at, 15, "import " + flavor_ + ".");
  }
  const Finished compiler = run({"ecj",
                                 {"-11", "-proc:none", "-cp", class_path(libraries()), "-d",
                                  folder.path(), folder.write("Send.java", source)}},
                                kCompilerPatience);
  if (compiler.status != 0) throw Failure("ecj: " + compiler.errors + compiler.output);
  return folder.path();
}

std::vector<std::string> JavaMail::arguments(const TempDir& directory,
                                             const std::string& properties,
                                             const std::vector<std::string>& what) const {
  std::vector<std::string> path = libraries();
  path.insert(path.begin(), classes());
  std::vector<std::string> arguments = java_options();
  arguments.insert(arguments.end(),
                   {"-cp", class_path(path), "Send", directory.write("properties", properties)});
  arguments.insert(arguments.end(), what.begin(), what.end());
  return arguments;
}

}  // namespace support
