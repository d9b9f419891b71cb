// The library as others get it: installed, found by CMake, and the example built and run against it.
#include <doctest/doctest.h>

#include <array>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>
#include <string>
#include <vector>

namespace {

namespace fs = std::filesystem;

// A folder that goes again.
struct Folder {
  fs::path path;
  Folder() {
    std::string name = (fs::temp_directory_path() / "cnnfast_install_XXXXXX").string();
    REQUIRE(mkdtemp(name.data()));
    path = name;
  }
  ~Folder() { fs::remove_all(path); }
};

// What a command says, errors included; it has to succeed.
std::string run(const std::string& command, const fs::path& log) {
  const int status = std::system((command + " > " + log.string() + " 2>&1").c_str());
  std::stringstream said;
  said << std::ifstream(log).rdbuf();
  INFO(command << "\n" << said.str());
  REQUIRE(status == 0);
  return said.str();
}

// Digits of a kind: each class is one picture, under noise. Not packed, which the example reads as well.
void write_digits(const fs::path& path, int count, unsigned seed) {
  std::mt19937 pictures(1), random(seed);
  std::vector<std::array<uint8_t, 784>> classes(10);
  for (auto& picture : classes)
    for (uint8_t& pixel : picture) pixel = pictures() % 4 == 0 ? 200 : 0;
  std::ofstream images(path.string() + "-images-idx3-ubyte.gz", std::ios::binary);
  std::ofstream labels(path.string() + "-labels-idx1-ubyte.gz", std::ios::binary);
  images << std::string(16, '\0');
  labels << std::string(8, '\0');
  for (int i = 0; i < count; ++i) {
    const unsigned label = random() % 10;
    labels.put(static_cast<char>(label));
    for (const uint8_t pixel : classes[label]) images.put(static_cast<char>(pixel + random() % 50));
  }
}

}  // namespace

TEST_CASE("installed, found, and the example learns") {
  const Folder folder;
  const fs::path prefix = folder.path / "prefix", build = folder.path / "build", log = folder.path / "log";
  const std::string cmake = CNNFAST_CMAKE;
  run(cmake + " --install " CNNFAST_BUILD " --prefix " + prefix.string(), log);
  CHECK(fs::exists(prefix / CNNFAST_INCLUDE "/cnnfast/network.h"));
  // Told the folder that was asked for, and no other.
  std::stringstream targets;
  targets << std::ifstream(prefix / CNNFAST_LIBRARY "/cmake/cnnfast/cnnfastTargets.cmake").rdbuf();
  CHECK(targets.str().find("\"${_IMPORT_PREFIX}/" CNNFAST_INCLUDE "\"") != std::string::npos);
  run(cmake + " -S " CNNFAST_SOURCE "/examples/cpp -B " + build.string() +
          " -DCMAKE_PREFIX_PATH=" + prefix.string() +
          " -DCMAKE_CXX_COMPILER=" CNNFAST_COMPILER " -DCMAKE_CXX_FLAGS='" CNNFAST_FLAGS "'",
      log);
  run(cmake + " --build " + build.string(), log);
  write_digits(folder.path / "train", 1000, 2);
  write_digits(folder.path / "t10k", 100, 3);
  const std::string said = run((build / "mnist").string() + " " + folder.path.string() + " 3", log);
  const double accuracy = std::atof(said.substr(said.rfind(' ')).c_str());
  INFO(said);
  CHECK(accuracy > 0.9);
  CHECK(std::system(((build / "mnist").string() + " /nowhere > " + log.string() + " 2>&1").c_str()) != 0);
}

TEST_CASE("public headers include public headers only") {
  for (const auto& entry : fs::directory_iterator(CNNFAST_SOURCE "/csrc/include/cnnfast")) {
    std::stringstream text;
    text << std::ifstream(entry.path()).rdbuf();
    CAPTURE(entry.path().string());
    CHECK(text.str().find("#pragma once") != std::string::npos);
    for (size_t at = 0; (at = text.str().find("#include \"", at)) != std::string::npos; ++at)
      CHECK(text.str().compare(at, 18, "#include \"cnnfast/") == 0);
  }
}
