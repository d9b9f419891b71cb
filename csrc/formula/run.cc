#include "formula/run.h"

#include <algorithm>
#include <utility>

#include "cnnfast/error.h"
#include "core/prefetch.h"
#include "core/sizes.h"

namespace cnnfast {

int64_t FormulaSpace::size() const {
  return product(axes);
}

FormulaWalk::FormulaWalk(const FormulaSpace& space, const FormulaView& view, int64_t begin)
    : space_(space), view_(view) {
  for (size_t axis = space.axes.size(); axis-- > 0;) {
    index_[axis] = begin % space.axes[axis];
    begin /= space.axes[axis];
    at_ += index_[axis] * view.strides[axis];
  }
}

FormulaWalk::Run FormulaWalk::next(int64_t most) {
  const size_t last = space_.axes.size() - 1;
  Run run{at_, view_.strides[last], 0, std::min(most, space_.axes[last] - index_[last]), 1};
  run.count = run.run;
  if (view_.bounded) {
    const int64_t lane = index_[static_cast<size_t>(space_.blocks)] * kLanes + index_[last];
    run.count = std::clamp<int64_t>(space_.lanes - lane, 0, run.run);
  }
  size_t axis = last;
  int64_t steps = run.run;
  if (run.run == space_.axes[last] && last > 0 && view_.strides[last - 1] == 0) {
    run.repeats = std::min(most / run.run, space_.axes[last - 1] - index_[last - 1]);
    axis = last - 1, steps = run.repeats;
  }
  index_[axis] += steps;
  at_ += steps * view_.strides[axis];
  for (; axis > 0 && index_[axis] == space_.axes[axis]; --axis) {
    at_ += view_.strides[axis - 1] - index_[axis] * view_.strides[axis];
    index_[axis] = 0;
    ++index_[axis - 1];
  }
  return run;
}

namespace {

// Returns where the run lies that makes all of it, or -1. One that the last call made is left as it is: a
// vector of channels meets many pixels.
int64_t gather(FormulaWalk walk, const float* from, float* to, int64_t n, int64_t last) {
  const FormulaWalk::Run first = FormulaWalk(walk).next(n);
  const int64_t alone = first.run * first.repeats == n ? first.at : -1;
  if (alone >= 0 && alone == last) return last;
  while (n > 0) {
    const FormulaWalk::Run run = walk.next(n);
    const float* at = from + run.at;
    if (run.stride == 1)
      std::copy_n(at, run.count, to);
    else if (run.stride == 0)
      std::fill_n(to, run.count, run.count > 0 ? *at : 0.0f);
    else
      for (int64_t i = 0; i < run.count; ++i) to[i] = at[i * run.stride];
    std::fill(to + run.count, to + run.run, 0.0f);
    const int64_t all = run.run * run.repeats;
    for (int64_t done = run.run; done < all; done *= 2)
      std::copy_n(to, std::min(done, all - done), to + done);
    to += all, n -= all;
  }
  return alone;
}

}  // namespace

FormulaRun::FormulaRun(const Formula& formula, FormulaSpace space, std::vector<FormulaView> views,
                       bool streams)
    : schedule_(joined(schedule(formula))),
      space_(std::move(space)),
      views_(std::move(views)),
      size_(space_.size()),
      streams_(streams) {
  if (schedule_.places() > kMostPlaces)
    fail("a formula may have ", kMostPlaces, " inputs, outputs, constants and registers, got ",
         schedule_.places(), ".");
  join_axes();
  std::vector<bool> read(static_cast<size_t>(schedule_.inputs), false);
  for (const Schedule::Call& call : schedule_.calls)
    for (const int from : call.from)
      if (call.op != FormulaOp::random && from < schedule_.inputs) read[static_cast<size_t>(from)] = true;
  int64_t kept = schedule_.registers + static_cast<int64_t>(schedule_.constants.size());
  if (streams_) kept += 2 * schedule_.outputs;
  for (size_t i = 0; i < read.size(); ++i) {
    ways_.push_back(read[i] ? way_of(views_[i]) : Way::unread);
    kept += ways_.back() == Way::one || ways_.back() == Way::gathered;
  }
  scratch_ = kept * kFormulaBlock;
}

FormulaRun::Way FormulaRun::way_of(const FormulaView& view) const {
  bool one = true, whole = !view.bounded;
  int64_t step = 1;
  for (size_t axis = space_.axes.size(); axis-- > 0; step *= space_.axes[axis]) {
    const bool matters = space_.axes[axis] > 1;
    one = one && (view.strides[axis] == 0 || !matters);
    whole = whole && (view.strides[axis] == step || !matters);
  }
  return one ? Way::one : whole ? Way::whole : Way::gathered;
}

// Neighbouring axes that every input sees as one become one.
void FormulaRun::join_axes() {
  const bool keeps_lanes = space_.padded();
  for (size_t axis = space_.axes.size() - 1; axis-- > 0;) {
    const int at = static_cast<int>(axis);
    const bool is_lane = axis + 2 == space_.axes.size();
    if (keeps_lanes && (at == space_.blocks || at + 1 == space_.blocks || is_lane)) continue;
    const int64_t inner = space_.axes[axis + 1];
    const bool joins = std::all_of(views_.begin(), views_.end(), [&](const FormulaView& view) {
      return space_.axes[axis] == 1 || view.strides[axis] == view.strides[axis + 1] * inner;
    });
    if (!joins) continue;
    space_.axes[axis] *= inner;
    space_.axes.erase(space_.axes.begin() + at + 1);
    for (FormulaView& view : views_) {
      view.strides[axis] = view.strides[axis + 1];
      view.strides.erase(view.strides.begin() + at + 1);
    }
    if (space_.blocks > at) --space_.blocks;
  }
  if (!keeps_lanes) {
    space_.blocks = -1;
    for (FormulaView& view : views_) view.bounded = false;
  }
}

void FormulaRun::clear_padding(float* block, int64_t begin, int64_t n) const {
  int64_t between = 1;  // vectors of one block of lanes
  for (size_t axis = static_cast<size_t>(space_.blocks) + 1; axis + 1 < space_.axes.size(); ++axis)
    between *= space_.axes[axis];
  const int64_t blocks = space_.axes[static_cast<size_t>(space_.blocks)], used = space_.lanes % kLanes;
  for (int64_t i = 0; i < n; i += kLanes)
    if ((begin + i) / kLanes / between % blocks == blocks - 1)
      std::fill(block + i + used, block + i + kLanes, 0.0f);
}

// Blocks between a line's fetching and its use: one computes for less time than a line takes from memory.
constexpr int64_t kBlocksAhead = 3;

// While it computes: what inputs have some blocks ahead, and where this block's results will go. The
// hardware, which sees only bursts, fetches neither in time: eight instructions on 64 MB took 18.3 ms, with
// it 14.6, a copy 11.4 (Zen 3, 2026-11, busy).
void FormulaRun::fetch(float* const* places, int64_t from, int64_t n) const {
  for (int i = 0; i < (streams_ ? schedule_.inputs : schedule_.first_constant()); ++i) {
    const bool reads = i < schedule_.inputs;
    if (reads && ways_[static_cast<size_t>(i)] != Way::whole) continue;
    const float* at = places[i] + from + (reads ? kBlocksAhead * kFormulaBlock : 0);
    for (int64_t line = 0; line < n; line += kLanes) prefetch(at + line);
  }
}

void FormulaRun::call(const KernelTable& k, const Schedule::Call& call, float* const* places, int64_t at,
                      int64_t n, const RandomLanes& random) const {
  const auto place = [&](int i) { return places[static_cast<size_t>(i)]; };
  if (call.op == FormulaOp::random) {
    RandomLanes stream = random;
    stream.layer = static_cast<uint32_t>(call.from[0]);
    if (call.from[0] >= kSeededStreams) stream.seed = 0;
    k.formula.random(stream, at, n, place(call.to));
    return;
  }
  const auto op = static_cast<size_t>(call.op), then = static_cast<size_t>(call.then);
  const FormulaKernel kernel = then == 0 ? k.formula.compute[op] : k.formula.joined[then][op];
  kernel(place(call.from[0]), place(call.from[1]), place(call.from[2]), place(call.to), n);
}

// Gives inputs, constants, registers and, where these are not staged, outputs their places. Returns what is
// left of the scratch.
float* FormulaRun::set_places(float** places, const float* const* inputs, float* const* outputs,
                              int64_t begin, int64_t most, float* scratch) const {
  const auto take = [&] { return std::exchange(scratch, scratch + kFormulaBlock); };
  for (int i = 0; i < schedule_.inputs; ++i) {
    const Way way = ways_[static_cast<size_t>(i)];
    if (way == Way::one || way == Way::gathered) places[i] = take();
    if (way == Way::one) std::fill_n(places[i], most, *inputs[i]);
    // Only outputs and registers are written.
    if (way == Way::whole) places[i] = const_cast<float*>(inputs[i]) + begin;
  }
  for (int i = 0; !streams_ && i < schedule_.outputs; ++i)
    places[schedule_.first_output() + i] = outputs[i] + begin;
  for (size_t i = 0; i < schedule_.constants.size(); ++i) {
    float*& place = places[static_cast<size_t>(schedule_.first_constant()) + i];
    place = take();
    std::fill_n(place, most, schedule_.constants[i]);
  }
  for (int i = 0; i < schedule_.registers; ++i) places[schedule_.first_register() + i] = take();
  return scratch;
}

// Where an output's block is made that streams: one is stored while the next one is made.
float* FormulaRun::staged(float* stage, int64_t block, int output) const {
  return stage + (block % 2 * schedule_.outputs + output) * kFormulaBlock;
}

void FormulaRun::store_staged(const KernelTable& k, float* stage, int64_t block, float* const* outputs,
                              int64_t from, int64_t n) const {
  for (int i = 0; n > 0 && i < schedule_.outputs; ++i)
    k.formula.stream(staged(stage, block, i) + from, n, outputs[i] + block * kFormulaBlock + from);
}

void FormulaRun::run(const KernelTable& k, const float* const* inputs, float* const* outputs, int64_t begin,
                     int64_t n, float* scratch, const RandomLanes& random) const {
  std::array<float*, kMostPlaces> places{};
  float* const stage = set_places(places.data(), inputs, outputs, begin, std::min(n, kFormulaBlock), scratch);
  std::array<float*, kMostPlaces> to{};
  std::array<int64_t, kMostPlaces> gathered;
  gathered.fill(-1);
  for (int i = 0; i < schedule_.outputs; ++i) to[static_cast<size_t>(i)] = outputs[i] + begin;
  // Whole lines, which calls move in between.
  const int64_t lines = kLanes * static_cast<int64_t>(schedule_.calls.size());
  const int64_t share = (kFormulaBlock + lines - 1) / lines * kLanes;
  const int64_t blocks = (n + kFormulaBlock - 1) / kFormulaBlock, last = n - (blocks - 1) * kFormulaBlock;
  for (int64_t block = 0; block < blocks; ++block) {
    const int64_t some = block + 1 < blocks ? kFormulaBlock : last, at = begin + block * kFormulaBlock;
    for (int i = 0; i < schedule_.inputs; ++i)
      if (ways_[static_cast<size_t>(i)] == Way::gathered)
        gathered[static_cast<size_t>(i)] =
            gather({space_, views_[static_cast<size_t>(i)], at}, inputs[i], places[static_cast<size_t>(i)],
                   some, gathered[static_cast<size_t>(i)]);
    for (int i = 0; streams_ && i < schedule_.outputs; ++i)
      places[static_cast<size_t>(schedule_.first_output() + i)] = staged(stage, block, i);
    int64_t moved = 0;
    for (const Schedule::Call& call : schedule_.calls) {
      const int64_t part = std::min(share, kFormulaBlock - moved);
      fetch(places.data(), moved, part);
      if (streams_ && block > 0) store_staged(k, stage, block - 1, to.data(), moved, part);
      moved += part;
      this->call(k, call, places.data(), at, some, random);
    }
    for (int i = 0; space_.blocks >= 0 && i < schedule_.outputs; ++i)
      clear_padding(places[static_cast<size_t>(schedule_.first_output() + i)], at, some);
    for (int i = 0; i < schedule_.first_constant(); ++i) {
      const bool moves = i >= schedule_.inputs ? !streams_ : ways_[static_cast<size_t>(i)] == Way::whole;
      if (moves) places[static_cast<size_t>(i)] += some;
    }
  }
  if (!streams_) return;
  store_staged(k, stage, blocks - 1, to.data(), 0, last);
  k.formula.stream(nullptr, 0, nullptr);
}

}  // namespace cnnfast
