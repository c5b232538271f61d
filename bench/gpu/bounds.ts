/** What the step of R50x1 at 128 px, batch 128, in bfloat16 may cost on an H100, by what XLA says when it compiles it. */
import type { AheadCost } from "./ahead.js";
import { channelsFirst } from "./hlo-traffic.js";
import type { StepRequest } from "./step.js";

export const boundedStep: StepRequest = {
  model: "R50x1",
  mode: "train",
  batch: 128,
  size: 128,
  type: "bfloat16",
};

/** The same as a run on CIFAR has it, with the images on the card: what the bounds are for. */
export const boundedRun: StepRequest = { ...boundedStep, fromTable: true };

export interface Bound {
  readonly what: string;
  readonly ok: boolean;
  readonly detail: string;
}

export function bounds(cost: AheadCost): Bound[] {
  const gigabytes = (bytes: number) => `${(bytes / 1e9).toFixed(2)} GB`;
  const convolutions = [...cost.convolutions].map(([labels, count]) => `${labels}: ${count}`);
  return [
    { what: "no scatter", ok: cost.scatters === 0, detail: String(cost.scatters) },
    {
      what: "channels last in every convolution",
      ok: channelsFirst(cost).length === 0,
      detail: convolutions.join(", "),
    },
    {
      what: "temporaries of at most 1.7 GB",
      ok: cost.temporaryBytes <= 1.7e9,
      detail: gigabytes(cost.temporaryBytes),
    },
    {
      what: "memory traffic of at most 18 GB",
      ok: cost.trafficBytes <= 18e9,
      detail: gigabytes(cost.trafficBytes),
    },
    { what: "at most 1000 kernels", ok: cost.kernels <= 1000, detail: String(cost.kernels) },
  ];
}
