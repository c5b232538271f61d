/** What `--device` says for the first so many devices of a kind. */
import { UserError } from "../errors.js";
import { chooseDevice, type Device, type DeviceChoice, parseDevice } from "./device.js";

/**
 * `--device` for 1, 2, 4 and so on of a choice's devices, and for `most`: a batch is shared by as many.
 * @param choice as `--device` has it; undefined: GPUs
 * @param most at least 2
 * @throws UserError where the kind has one device only, or fewer are here
 */
export function deviceCounts(
  choice: string | undefined,
  most: number,
  choose: (choice: DeviceChoice) => Device = chooseDevice,
): { readonly count: number; readonly device: string }[] {
  const parsed = choice === undefined ? undefined : parseDevice(choice);
  const counts: number[] = [];
  for (let count = 1; count < most; count *= 2) counts.push(count);
  counts.push(most);
  if (parsed?.kind === "xla:cpu")
    return counts.map((count) => ({ count, device: `xla:cpu:${count}` }));
  if (parsed?.kind === "cpu")
    throw new UserError(
      `--devices ${most}`,
      "TensorFlow computes on the CPU as one device",
      "devices that can share a batch",
      "leave --devices out; or try the way of several GPUs without one: --device xla:cpu",
    );
  // One that was named, or none: as many as are asked for, from the first on.
  const named = parsed?.devices === "all" ? undefined : parsed?.devices;
  const listed =
    named !== undefined && named.length > 1 ? named : Array.from({ length: most }, (_, i) => i);
  if (listed.length < most)
    throw new UserError(
      `--devices ${most}`,
      `--device ${choice} names ${listed.length}`,
      `${most} GPUs`,
      `give --devices ${listed.length}, or name more`,
    );
  // Told before the first is measured.
  choose({ kind: "gpu", devices: listed.slice(0, most) });
  return counts.map((count) => ({ count, device: `gpu:${listed.slice(0, count).join()}` }));
}
