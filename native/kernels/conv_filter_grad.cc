// The gradient of a convolution of bfloat16 images by its kernel, in float32:
//   dw[ky, kx, i, o] = sum over images and places (y, x) of dy[n, y, x, o] times
//                      x[n, y * stride + ky - pad_top, x * stride + kx - pad_left, i].
// That is a product of matrices for each place of the kernel. Both sides are packed first, so that the
// inner loop (bfloat16_products.h) reads memory in order, and values in the pairs that processors multiply
// at once. oneDNN has an older algorithm for this one gradient: bench/NOTES.md has the figures.
// Where there are matrix tiles, these compute it (tile_filter_grad.cc).
#include <algorithm>
#include <stdexcept>
#include <vector>

#include "pack_pairs.h"
#include "parallel.h"
#include "registration.h"
#include "tf_kernel.h"
#include "tile_convolution.h"

namespace bit {
namespace {

// What is packed at a time, at most, where one image is not more: it shall stay in the last cache.
constexpr int64_t kPackedBytes = kKeptBytes;
// Values of k between two visits of a tile: what they take of a panel stays in the first cache.
constexpr int64_t kBlock = 256;

struct Convolution {
  int64_t images, height, width, in;   // x [images, height, width, in]
  int64_t out_height, out_width, out;  // dy [images, out_height, out_width, out]
  int64_t kernel_height, kernel_width, stride, pad_top, pad_left;
};

// Where what is packed lies, in pairs of a channel. x's rows are in `stride` groups, by their place
// modulo the stride: those that one row of the kernel meets are of one group.
struct Layout {
  explicit Layout(const Convolution& c) : row_pairs(CeilDiv(c.out_width, 2)) {
    for (int64_t r = 0; r < c.stride; r++) {
      group.push_back(rows);
      rows += c.height > r ? CeilDiv(c.height - r, c.stride) : 0;
    }
    image_pairs = rows * row_pairs;
    out_pairs = c.out_height * row_pairs;
    bytes = 4 * (image_pairs * c.in * c.kernel_width + out_pairs * c.out);
  }
  int64_t row_pairs, rows = 0, image_pairs, out_pairs;
  int64_t bytes;               // of an image and its gradient
  std::vector<int64_t> group;  // first row of each
};

// What is added to a kernel's row: the runs of k in which it meets x and dy, in blocks of kBlock.
struct Meeting {
  std::vector<Run> runs;
  std::vector<int64_t> ends;  // of the blocks, in runs
};

Meeting Meet(const Convolution& c, const Layout& at, int64_t ky, int64_t images) {
  Meeting meeting;
  const int64_t shift = ky - c.pad_top, residue = ((shift % c.stride) + c.stride) % c.stride;
  const int64_t offset = (shift - residue) / c.stride;  // of x's row in its group from dy's
  const int64_t group_rows = c.height > residue ? CeilDiv(c.height - residue, c.stride) : 0;
  const int64_t begin = std::max<int64_t>(0, -offset);
  const int64_t end = std::min(c.out_height, group_rows - offset);
  int64_t length = 0;
  for (int64_t n = 0; n < images && begin < end; n++) {
    Run rest = {n * at.image_pairs + (at.group[residue] + begin + offset) * at.row_pairs,
                n * at.out_pairs + begin * at.row_pairs, (end - begin) * at.row_pairs};
    while (rest.length > 0) {
      const int64_t part = std::min(rest.length, kBlock - length);
      meeting.runs.push_back({rest.a, rest.b, part});
      rest = {rest.a + part, rest.b + part, rest.length - part};
      length += part;
      if (length < kBlock) continue;
      meeting.ends.push_back(meeting.runs.size());
      length = 0;
    }
  }
  if (length > 0) meeting.ends.push_back(meeting.runs.size());
  return meeting;
}

// x to panels [kernel_width, in / 16] of [images, rows, row_pairs, 16], and dy to panels of
// [images, out_height, row_pairs, 32], of which the last may be 16 wide.
void Pack(const Convolution& c, const Layout& at, const bfloat16* x, const bfloat16* dy,
          int64_t images, uint32_t* rows, uint32_t* columns) {
  ParallelFor(images * (c.kernel_width + 1), [&](int64_t task) {
    const int64_t n = task / (c.kernel_width + 1), kx = task % (c.kernel_width + 1);
    if (kx == c.kernel_width) {
      for (int64_t y = 0; y < c.out_height; y++) {
        const bfloat16* pixels = dy + (n * c.out_height + y) * c.out_width * c.out;
        const Row row = {pixels, c.out_width, c.out, 0, 1, c.out_width};
        for (int64_t o = 0; o < c.out; o += kPanelColumns) {
          const int64_t panel = std::min(kPanelColumns, c.out - o);
          const int64_t place = n * at.out_pairs + y * at.row_pairs;
          PackRow(row, o, panel, columns + o * images * at.out_pairs + place * panel);
        }
      }
      return;
    }
    for (int64_t y = 0; y < c.height; y++) {
      const bfloat16* pixels = x + (n * c.height + y) * c.width * c.in;
      const Row row = {pixels, c.width, c.in, kx - c.pad_left, c.stride, c.out_width};
      const int64_t packed_row = at.group[y % c.stride] + y / c.stride;
      const int64_t place = n * at.image_pairs + packed_row * at.row_pairs;
      for (int64_t i = 0; i < c.in; i += kPanelRows)
        PackRow(row, i, kPanelRows,
                rows + (kx * c.in + i) * images * at.image_pairs + place * kPanelRows);
    }
  });
}

// Adds the products of what is packed to dw. Each value is summed in the same order whatever the
// number of threads.
void Multiply(const Convolution& c, const Layout& at, const uint32_t* rows, const uint32_t* columns,
              int64_t images, float* dw) {
  const PanelProducts products = FindBfloat16Products().panels;
  std::vector<Meeting> meetings;
  for (int64_t ky = 0; ky < c.kernel_height; ky++) meetings.push_back(Meet(c, at, ky, images));
  const int64_t row_panels = c.in / kPanelRows, column_panels = CeilDiv(c.out, kPanelColumns);
  const int64_t places = c.kernel_height * c.kernel_width;
  // A task has one panel of columns and some of rows: enough tasks for all threads to end together.
  const int64_t split = CeilDiv(16 * Parallelism(), places * column_panels);
  const int64_t group = std::max<int64_t>(1, row_panels / split);
  const int64_t groups = CeilDiv(row_panels, group);
  ParallelFor(places * column_panels * groups, [&](int64_t task) {
    const int64_t first = task % groups * group, last = std::min(first + group, row_panels);
    const int64_t o = task / groups % column_panels * kPanelColumns;
    const int64_t place = task / groups / column_panels, kx = place % c.kernel_width;
    const Meeting& meeting = meetings[place / c.kernel_width];
    const uint32_t* b = columns + o * images * at.out_pairs;
    int64_t begin = 0;
    for (const int64_t end : meeting.ends) {
      for (int64_t i = first * kPanelRows; i < last * kPanelRows; i += kPanelRows) {
        const uint32_t* a = rows + (kx * c.in + i) * images * at.image_pairs;
        products(a, b, &meeting.runs[begin], end - begin, std::min(kPanelColumns, c.out - o),
                 dw + (place * c.in + i) * c.out + o, c.out);
      }
      begin = end;
    }
  });
}

class ConvFilterGrad {
 public:
  explicit ConvFilterGrad(TF_OpKernelConstruction* construction)
      : kernel_height_(IntAttr(construction, "kernel_height")),
        kernel_width_(IntAttr(construction, "kernel_width")),
        stride_(IntAttr(construction, "stride")),
        pad_top_(IntAttr(construction, "pad_top")),
        pad_left_(IntAttr(construction, "pad_left")),
        tiles_(IntAttr(construction, "tiles")) {
    if (stride_ < 1) throw std::runtime_error("the stride must be positive");
    RequireTiles(tiles_);
  }

  void Compute(TF_OpKernelContext* context) const {
    const Tensor x(Input(context, 0)), dy(Input(context, 1));
    if (x.rank() != 4 || dy.rank() != 4 || x.dim(0) != dy.dim(0))
      throw std::runtime_error("x and dy must be as many images, of four dimensions");
    if (x.dim(3) % kPanelRows != 0 || dy.dim(3) % kPanelRows != 0)
      throw std::runtime_error("channels must be a multiple of 16");
    const Tensor dw(Output(context, 0, {kernel_height_, kernel_width_, x.dim(3), dy.dim(3)}));
    if (tiles_ != kNoTiles) return MultiplyTiles(x, dy, dw);
    std::fill(dw.data<float>(), dw.data<float>() + dw.size(), 0.0f);

    Convolution c = {x.dim(0),  x.dim(1),  x.dim(2),       x.dim(3),      dy.dim(1), dy.dim(2),
                     dy.dim(3), kernel_height_, kernel_width_, stride_, pad_top_,  pad_left_};
    const bool same_size = c.height == c.out_height && c.width == c.out_width;
    const bool padded = pad_top_ != 0 || pad_left_ != 0;
    if (kernel_height_ == 1 && kernel_width_ == 1 && stride_ == 1 && same_size && !padded) {
      // One product of matrices: an image is one row.
      c.width = c.out_width = c.height * c.width;
      c.height = c.out_height = 1;
    }
    const int64_t pixels = c.height * c.width * c.in, out_pixels = c.out_height * c.out_width * c.out;
    const Layout at(c);
    if (c.images == 0 || at.bytes == 0) return;
    const int64_t at_once = std::clamp<int64_t>(kPackedBytes / at.bytes, 1, c.images);
    static thread_local std::vector<uint32_t> packed;
    packed.resize(std::max<size_t>(packed.size(), at_once * at.bytes / 4));
    for (int64_t n = 0; n < c.images; n += at_once) {
      const int64_t images = std::min(at_once, c.images - n);
      uint32_t* columns = packed.data() + images * at.image_pairs * c.in * c.kernel_width;
      Pack(c, at, x.data<bfloat16>() + n * pixels, dy.data<bfloat16>() + n * out_pixels, images,
           packed.data(), columns);
      Multiply(c, at, packed.data(), columns, images, dw.data<float>());
    }
    if (packed.size() * sizeof(uint32_t) > kKeptBytes) std::vector<uint32_t>().swap(packed);
  }

 private:
  void MultiplyTiles(const Tensor& x, const Tensor& dy, const Tensor& dw) const {
    const ConvShape s = {x.dim(0),  x.dim(1),       x.dim(2),      x.dim(3), dy.dim(1), dy.dim(2),
                         dy.dim(3), kernel_height_, kernel_width_, stride_,  pad_top_,  pad_left_};
    if (!FitsTiles(s)) throw std::runtime_error("channels on tiles must be a multiple of 32");
    if (dw.size() == 0) return;
    UseTiles(tiles_, [&](auto tiles) {
      TileFilterGrad<decltype(tiles)>(s, x.data<uint16_t>(), dy.data<uint16_t>(), dw.data<float>());
    });
  }

  const int kernel_height_, kernel_width_, stride_, pad_top_, pad_left_, tiles_;
};

}  // namespace

void RegisterConvFilterGrad() {
  // The number of channels is all that the inputs' shapes tell.
  DefineOp("BitConvFilterGrad",
           {"kernel_height: int", "kernel_width: int", "stride: int", "pad_top: int", "pad_left: int",
            "tiles: int"},
           {"x: bfloat16", "dy: bfloat16"}, {"dw: float"}, InferNothing);
  DefineKernel<ConvFilterGrad>("BitConvFilterGrad", nullptr, TF_BFLOAT16);
}

}  // namespace bit
