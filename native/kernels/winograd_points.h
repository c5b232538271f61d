// Winograd's way to convolve with a kernel of 3 x 3 at stride 1: 4 x 4 values of the result at a time, by
// 6 * 6 products instead of 9 * 4 * 4 (A. Lavin, S. Gray, arXiv 1509.09308). In one direction, for three values g of
// the kernel and six values d of what is read, four of the result are
//   y = A^T [(G g) * (B^T d)],
// and the gradient by g is G^T [(A dy) * (B^T d)]. The matrices are Toom's and Cook's, of polynomials' values at
// the points 0, a, -a, b, -b and infinity: A has powers of the points, B^T the coefficients of the product of x - q
// over all other points q, and G powers over that product's value at the point. Points whose squares are each
// other's inverse keep what is summed small: a = 1 / sqrt 2, b = sqrt 2.
//
// Included once for each set of instructions, in a namespace that has BIT_TARGET and Vector.
struct Points {
  static constexpr float kA = 0.70710678118654752f, kB = 1.41421356237309505f;
  static constexpr float kA2 = 0.5f, kB2 = 2.0f, kA3 = kA * kA2, kB3 = kB * kB2;
  // The values of the products at the points: 1 at 0, 2 a^2 (a^2 - b^2) at a and -a, 2 b^2 (b^2 - a^2) at b and -b.
  static constexpr float kOverA = 1.0f / -1.5f, kOverB = 1.0f / 6.0f;

  // A polynomial's values at a point and at its negative.
  static BIT_TARGET BIT_INLINE void AtBoth(const Vector& even, const Vector& odd, Vector* to) {
    to[0] = even + odd;
    to[1] = even - odd;
  }

  static BIT_TARGET BIT_INLINE void Images(const Vector* d, Vector* to) {
    const Vector even_a = d[4] - d[2] * kB2, odd_a = (d[3] - d[1] * kB2) * kA;
    const Vector even_b = d[4] - d[2] * kA2, odd_b = (d[3] - d[1] * kA2) * kB;
    to[0] = d[0] - d[2] * (kA2 + kB2) + d[4];
    AtBoth(even_a, odd_a, to + 1);
    AtBoth(even_b, odd_b, to + 3);
    to[5] = d[1] - d[3] * (kA2 + kB2) + d[5];
  }
  static BIT_TARGET BIT_INLINE void Kernel(const Vector* g, Vector* to) {
    const Vector even_a = (g[0] + g[2] * kA2) * kOverA, odd_a = g[1] * (kA * kOverA);
    const Vector even_b = (g[0] + g[2] * kB2) * kOverB, odd_b = g[1] * (kB * kOverB);
    to[0] = g[0];
    AtBoth(even_a, odd_a, to + 1);
    AtBoth(even_b, odd_b, to + 3);
    to[5] = g[2];
  }
  static BIT_TARGET BIT_INLINE void Result(const Vector* p, Vector* y) {
    const Vector even_a = p[1] + p[2], odd_a = p[1] - p[2];
    const Vector even_b = p[3] + p[4], odd_b = p[3] - p[4];
    y[0] = p[0] + even_a + even_b;
    y[1] = odd_a * kA + odd_b * kB;
    y[2] = even_a * kA2 + even_b * kB2;
    y[3] = odd_a * kA3 + odd_b * kB3 + p[5];
  }
  static BIT_TARGET BIT_INLINE void ResultGradient(const Vector* y, Vector* to) {
    const Vector even_a = y[0] + y[2] * kA2, odd_a = y[1] * kA + y[3] * kA3;
    const Vector even_b = y[0] + y[2] * kB2, odd_b = y[1] * kB + y[3] * kB3;
    to[0] = y[0];
    AtBoth(even_a, odd_a, to + 1);
    AtBoth(even_b, odd_b, to + 3);
    to[5] = y[3];
  }
  static BIT_TARGET BIT_INLINE void KernelGradient(const Vector* p, Vector* g) {
    const Vector even_a = (p[1] + p[2]) * kOverA, even_b = (p[3] + p[4]) * kOverB;
    g[0] = p[0] + even_a + even_b;
    g[1] = (p[1] - p[2]) * (kA * kOverA) + (p[3] - p[4]) * (kB * kOverB);
    g[2] = even_a * kA2 + even_b * kB2 + p[5];
  }
};
