/**
 * XLA's settings that are measured beside those of the product, in the order of their promise. All were
 * tried ahead, for a card that was not there: the first makes the whole step one CUDA graph, where
 * convolutions otherwise stand between some 140 graphs and single kernels.
 */
type Flags = Readonly<Record<string, string | number | boolean>>;

export interface Variant {
  readonly name: string;
  readonly flags: Flags;
}

/** XLA's own list and CONVOLUTION. A list replaces the default one; `+CONVOLUTION` is for XLA_FLAGS alone. */
const oneGraph: Flags = {
  xla_gpu_enable_command_buffer:
    "FUSION,CUBLAS,CUBLASLT,CUSTOM_CALL,CUDNN,CONVOLUTION,DYNAMIC_SLICE_FUSION",
};

export const variants: readonly Variant[] = [
  { name: "one graph", flags: oneGraph },
  {
    name: "one graph, concurrent",
    flags: { ...oneGraph, xla_gpu_command_buffer_scheduling_mode: "CONCURRENT" },
  },
  {
    name: "one graph, fused convolutions",
    flags: { ...oneGraph, xla_gpu_experimental_enable_conv_fusion: true },
  },
  {
    name: "one graph, latency hiding",
    flags: { ...oneGraph, xla_gpu_enable_latency_hiding_scheduler: true },
  },
];
