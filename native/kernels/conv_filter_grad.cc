// The gradient of a convolution of float32 or bfloat16 images by its kernel, in float32:
//   dw[ky, kx, i, o] = sum over images and places (y, x) of dy[n, y, x, o] times
//                      x[n, y * stride + ky - pad_top, x * stride + kx - pad_left, i],
// x by its factors, where there are any, as the convolution has read it (conv.cc).
// That is a product of matrices for each place of the kernel. Both sides are packed first, so that the
// inner loop (panel_products.h) reads memory in order, and bfloat16 in the pairs that processors multiply
// at once. oneDNN has an older algorithm for this one gradient: bench/NOTES.md has the figures.
// Where there are matrix tiles, these compute it in bfloat16 (tile_filter_grad.cc).
#include <algorithm>
#include <stdexcept>
#include <type_traits>
#include <vector>

#include "channel_blocks.h"
#include "normalize_pixels.h"
#include "pack_pairs.h"
#include "parallel.h"
#include "registration.h"
#include "scratch.h"
#include "tf_kernel.h"
#include "tile_convolution.h"
#include "vector_packing.h"

namespace bit {
namespace {

// What is packed at a time, at most, where one image is not more: it shall stay in the last cache.
constexpr int64_t kPackedBytes = 8 << 20;
// Channels of a task at most: a block of each stays in the second cache, with the task's part of dw.
constexpr int64_t kRows = 8 * kPanelRows, kColumns = 4 * kPanelColumns;
// Values of k, of 32 bits, between two visits of a tile: what they take of a panel stays in the first cache.
constexpr int64_t kBlock = 256;

struct Convolution {
  int64_t images, height, width, in;   // x [images, height, width, in]
  int64_t out_height, out_width, out;  // dy [images, out_height, out_width, out]
  int64_t kernel_height, kernel_width, stride, pad_top, pad_left;
};

// Where what is packed lies, in values of 32 bits of a channel. x's rows are in `stride` groups, by their place
// modulo the stride: those that one row of the kernel meets are of one group.
struct Layout {
  Layout(const Convolution& c, int64_t together) : row_size(CeilDiv(c.out_width, together)) {
    for (int64_t r = 0; r < c.stride; r++) {
      group.push_back(rows);
      rows += c.height > r ? CeilDiv(c.height - r, c.stride) : 0;
    }
    image_size = rows * row_size;
    out_size = c.out_height * row_size;
    bytes = 4 * (image_size * c.in * c.kernel_width + out_size * c.out);
  }
  int64_t row_size, rows = 0, image_size, out_size;
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
    Run rest = {n * at.image_size + (at.group[residue] + begin + offset) * at.row_size,
                n * at.out_size + begin * at.row_size, (end - begin) * at.row_size};
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

// x to panels [kernel_width, in / 16] of [images, rows, row_size, 16], and dy to panels of
// [images, out_height, row_size, 32], of which the last may be 16 wide.
template <typename T>
void Pack(const Convolution& c, const Layout& at, const T* x, const T* dy, int64_t images,
          uint32_t* rows, uint32_t* columns) {
  ParallelFor(images * (c.kernel_width + 1), [&](int64_t task) {
    const int64_t n = task / (c.kernel_width + 1), kx = task % (c.kernel_width + 1);
    if (kx == c.kernel_width) {
      for (int64_t y = 0; y < c.out_height; y++) {
        const T* pixels = dy + (n * c.out_height + y) * c.out_width * c.out;
        const Row<T> row = {pixels, c.out_width, c.out, 0, 1, c.out_width};
        for (int64_t o = 0; o < c.out; o += kPanelColumns) {
          const int64_t panel = std::min(kPanelColumns, c.out - o);
          const int64_t place = n * at.out_size + y * at.row_size;
          PackRow(row, o, panel, columns + o * images * at.out_size + place * panel);
        }
      }
      return;
    }
    for (int64_t y = 0; y < c.height; y++) {
      const T* pixels = x + (n * c.height + y) * c.width * c.in;
      const Row<T> row = {pixels, c.width, c.in, kx - c.pad_left, c.stride, c.out_width};
      const int64_t packed_row = at.group[y % c.stride] + y / c.stride;
      const int64_t place = n * at.image_size + packed_row * at.row_size;
      for (int64_t i = 0; i < c.in; i += kPanelRows)
        PackRow(row, i, kPanelRows,
                rows + (kx * c.in + i) * images * at.image_size + place * kPanelRows);
    }
  });
}

// Adds the products of what is packed to dw. Each value is summed in the same order whatever the
// number of threads.
template <typename T>
void Multiply(const Convolution& c, const Layout& at, const uint32_t* rows, const uint32_t* columns,
              int64_t images, float* dw) {
  const PanelProducts products = Packing<T>::Panels();
  std::vector<Meeting> meetings;
  for (int64_t ky = 0; ky < c.kernel_height; ky++)
    meetings.push_back(Meet(c, at, ky, images));
  const int64_t places = c.kernel_height * c.kernel_width;
  ChannelBlocks blocks = {c.in, c.out, kRows, kColumns, kPanelRows, kPanelColumns};
  blocks.Divide(CeilDiv(8 * Parallelism(), places));
  ParallelFor(places * blocks.count(), [&](int64_t task) {
    const auto [first_row, last_row, first_column, last_column] = blocks.At(task % blocks.count());
    const int64_t place = task / blocks.count(), kx = place % c.kernel_width;
    const Meeting& meeting = meetings[place / c.kernel_width];
    int64_t begin = 0;
    for (const int64_t end : meeting.ends) {
      for (int64_t o = first_column; o < last_column; o += kPanelColumns) {
        const uint32_t* b = columns + o * images * at.out_size;
        for (int64_t i = first_row; i < last_row; i += kPanelRows) {
          const uint32_t* a = rows + (kx * c.in + i) * images * at.image_size;
          products(a, b, &meeting.runs[begin], end - begin, std::min(kPanelColumns, c.out - o),
                   dw + (place * c.in + i) * c.out + o, c.out);
        }
      }
      begin = end;
    }
  });
}

template <typename T>
class ConvFilterGrad {
 public:
  explicit ConvFilterGrad(TF_OpKernelConstruction* construction)
      : kernel_height_(IntAttr(construction, "kernel_height")),
        kernel_width_(IntAttr(construction, "kernel_width")),
        stride_(IntAttr(construction, "stride")),
        pad_top_(IntAttr(construction, "pad_top")),
        pad_left_(IntAttr(construction, "pad_left")),
        tiles_(IntAttr(construction, "tiles")),
        normalizations_(IntAttr(construction, "F")) {
    if (stride_ < 1) throw std::runtime_error("the stride must be positive");
    if (tiles_ != kNoTiles && !std::is_same_v<T, bfloat16>)
      throw std::runtime_error("tiles are for bfloat16");
    RequireTiles(tiles_);
  }

  void Compute(TF_OpKernelContext* context) const {
    const Tensor x(Input(context, 0)), dy(Input(context, 1));
    if (x.rank() != 4 || dy.rank() != 4 || x.dim(0) != dy.dim(0))
      throw std::runtime_error("x and dy must be as many images, of four dimensions");
    RequirePanels(x.dim(3), dy.dim(3));
    const Tensor dw(Output(context, 0, {kernel_height_, kernel_width_, x.dim(3), dy.dim(3)}));
    const FactorsInput factors(context, 2, normalizations_, x);
    if constexpr (std::is_same_v<T, bfloat16>)
      if (tiles_ != kNoTiles) return MultiplyTiles(x, factors.data<float>(), dy, dw);
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
    const Layout at(c, Packing<T>::kTogether);
    if (c.images == 0 || at.bytes == 0) return;
    const int64_t at_once = std::clamp<int64_t>(kPackedBytes / at.bytes, 1, c.images);
    SharedScratch packed_room, image_room;
    uint32_t* packed = packed_room.Room<uint32_t>(at_once * at.bytes / 4);
    for (int64_t n = 0; n < c.images; n += at_once) {
      const int64_t images = std::min(at_once, c.images - n);
      const T* read = x.template data<T>() + n * pixels;
      if (const float* f = factors.template data<float>())
        read = NormalizeImages({f + n * 2 * c.in, images, c.height * c.width, c.in}, read, &image_room);
      uint32_t* columns = packed + images * at.image_size * c.in * c.kernel_width;
      Pack(c, at, read, dy.template data<T>() + n * out_pixels, images,
           packed, columns);
      Multiply<T>(c, at, packed, columns, images, dw.data<float>());
    }
  }

 private:
  void MultiplyTiles(const Tensor& x, const float* factors, const Tensor& dy, const Tensor& dw) const {
    const ConvShape s = {x.dim(0),  x.dim(1),       x.dim(2),      x.dim(3), dy.dim(1), dy.dim(2),
                         dy.dim(3), kernel_height_, kernel_width_, stride_,  pad_top_,  pad_left_};
    if (!FitsTiles(s)) throw std::runtime_error("channels on tiles must be a multiple of 32");
    if (dw.size() == 0) return;
    UseTiles(tiles_, [&](auto tiles) {
      TileFilterGrad<decltype(tiles)>(s, x.data<uint16_t>(), factors, dy.data<uint16_t>(),
                                      dw.data<float>());
    });
  }

  const int kernel_height_, kernel_width_, stride_, pad_top_, pad_left_, tiles_, normalizations_;
};

}  // namespace

void RegisterConvFilterGrad() {
  // The number of channels is all that the inputs' shapes tell.
  DefineOp("BitConvFilterGrad",
           {"T: {float, bfloat16}", "kernel_height: int", "kernel_width: int", "stride: int",
            "pad_top: int", "pad_left: int", "tiles: int", "F: int >= 0"},
           {"x: T", "dy: T", "factors: F * float"}, {"dw: float"}, InferNothing);
  DefineKernel<ConvFilterGrad<float>>("BitConvFilterGrad", "T", TF_FLOAT);
  DefineKernel<ConvFilterGrad<bfloat16>>("BitConvFilterGrad", "T", TF_BFLOAT16);
}

}  // namespace bit
