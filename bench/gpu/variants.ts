/** Settings of XLA that are measured beside the default: names and flags, in the order of their promise. */
export interface Variant {
  readonly name: string;
  readonly flags: string;
}

export const variants: readonly Variant[] = [
  {
    name: "one-graph",
    flags:
      "--xla_gpu_enable_command_buffer=FUSION,CUBLAS,CUBLASLT,CUSTOM_CALL,CUDNN,CONVOLUTION,DYNAMIC_SLICE_FUSION",
  },
  { name: "conv-fusion", flags: "--xla_gpu_experimental_enable_conv_fusion=true" },
  { name: "latency-hiding", flags: "--xla_gpu_enable_latency_hiding_scheduler=true" },
  { name: "no-graphs", flags: "--xla_gpu_enable_command_buffer=" },
];
