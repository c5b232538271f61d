/** Programs of tests are run a few times: to optimize their code would take longer than it saves. */
export const quickCompiler = { XLA_FLAGS: "--xla_backend_optimization_level=0" };
