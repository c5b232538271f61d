/** How much work a network is, to compare models and sizes of images by. */
import { type Architecture, featureChannels, unitSpecs } from "./architecture.js";

/** Multiply-adds of convolutions and head for one image of `size` x `size` pixels, forwards. */
export function multiplyAdds(architecture: Architecture, size: number, classes: number): number {
  let side = size / 2;
  let sum = 7 * 7 * 3 * 64 * architecture.width * side ** 2;
  side /= 2;
  for (const unit of unitSpecs(architecture)) {
    const { channelsIn, channelsMid, channelsOut, stride, projected } = unit;
    const before = side ** 2;
    side /= stride;
    const after = side ** 2;
    sum += channelsIn * channelsMid * before;
    sum += channelsMid * (9 * channelsMid + channelsOut) * after;
    if (projected) sum += channelsIn * channelsOut * after;
  }
  return sum + featureChannels(architecture) * classes;
}
