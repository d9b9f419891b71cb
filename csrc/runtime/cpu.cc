#include "runtime/cpu.h"

#include <atomic>
#include <cstdlib>
#include <fstream>
#include <optional>

#include "cnnfast/error.h"

namespace cnnfast {

namespace {

#if defined(__x86_64__)
bool cpu_has_avx2() {
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}
bool cpu_has_avx512() {
  return cpu_has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
}
bool cpu_has_avx512_bf16() {
  return cpu_has_avx512() && __builtin_cpu_supports("avx512bf16");
}
// Intel's makes a pair of products in the time of four and a half float32 ones (Emerald Rapids: 75 against
// 170 GFLOP/s).
bool cpu_has_slow_bf16() {
  return __builtin_cpu_is("intel");
}
#else
bool cpu_has_avx2() {
  return false;
}
bool cpu_has_avx512() {
  return false;
}
bool cpu_has_avx512_bf16() {
  return false;
}
bool cpu_has_slow_bf16() {
  return false;
}
#endif

// The table of AVX-512 with the bfloat16 kernels that need one more instruction; null where either is
// missing.
const KernelTable* avx512_bf16_table() {
  static const auto table = []() -> std::optional<KernelTable> {
    if (!avx512_table() || !avx512_bf16_kernels()) return std::nullopt;
    KernelTable made = *avx512_table();
    made.isa = "avx512_bf16";
    made.bf16 = *avx512_bf16_kernels();
    return made;
  }();
  return table ? &*table : nullptr;
}

const KernelTable* best_allowed() {
  const std::vector<const KernelTable*> tables = available_kernels();
  const char* cap = std::getenv("CNNFAST_MAX_ISA");
  const KernelTable* best = tables.back();
  if (!cap) return best == avx512_bf16_table() && cpu_has_slow_bf16() ? avx512_table() : best;
  for (const std::string order : {"scalar", "avx2", "avx512", "avx512_bf16"}) {
    if (const KernelTable* table = find_kernels(order)) best = table;
    if (order == cap) return best;
  }
  fail("CNNFAST_MAX_ISA must be scalar, avx2, avx512 or avx512_bf16, got \"", cap, "\".");
}

std::atomic<const KernelTable*>& chosen() {
  static std::atomic<const KernelTable*> table{best_allowed()};
  return table;
}

}  // namespace

std::vector<const KernelTable*> available_kernels() {
  std::vector<const KernelTable*> tables{scalar_table()};
  if (avx2_table() && cpu_has_avx2()) tables.push_back(avx2_table());
  if (avx512_table() && (cpu_has_avx512() || CNNFAST_EMULATE_AVX512)) tables.push_back(avx512_table());
  if (avx512_bf16_table() && (cpu_has_avx512_bf16() || CNNFAST_EMULATE_AVX512))
    tables.push_back(avx512_bf16_table());
  return tables;
}

const KernelTable& kernels() {
  return *chosen().load();
}

const KernelTable* find_kernels(const std::string& isa) {
  for (const KernelTable* table : available_kernels())
    if (isa == table->isa) return table;
  return nullptr;
}

void choose_kernels(const std::string& isa) {
  const KernelTable* table = find_kernels(isa);
  if (!table) {
    std::string known;
    for (const KernelTable* each : available_kernels())
      known += (known.empty() ? "" : ", ") + std::string(each->isa);
    fail("instruction set \"", isa, "\" is not available on this machine or in this build; there are ", known,
         ".");
  }
  chosen() = table;
}

std::string cpu_name() {
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);) {
    const size_t colon = line.find(':');
    if (line.rfind("model name", 0) == 0 && colon != std::string::npos) return line.substr(colon + 2);
  }
  return "unknown";
}

}  // namespace cnnfast
