/**
 * Group normalization between convolutions of our own becomes part of them: the convolution before it sums up what
 * it makes, where it is on tiles, the one behind it normalizes what it reads, and so does its gradient by the kernel.
 * The normalized images are never written, where nothing else reads them; nor are padded ones.
 *
 *   y = BitConv(x, w)                          y, sums = BitConv(x, w)
 *   n = BitGroupNormRelu(y, gamma, beta)       f = BitGroupNormFactors(y, gamma, beta, sums)
 *   p = PadV2(n, [[0,0],[1,1],[1,1],[0,0]])
 *   z = BitConv(p, v)                          z = BitConv(y, v, f), padded by itself
 */
import { attribute } from "./attributes.js";
import { isOnTiles, nodeReaders } from "./node-readers.js";
import type { AttrValue, NodeDef } from "./proto.js";

/** Marks a normalization that may become part of convolutions. TensorFlow heeds no attribute with a leading line. */
export const intoConvolutionsMark = { _into_convolutions: attribute.bool(true) };

/** A node that reads images and can normalize them itself, through what pads them first, or not. */
interface Reader {
  readonly node: NodeDef;
  readonly pad?: NodeDef;
}

/** The nodes of a graph, of which marked normalizations are part of convolutions. Their order is no longer of use. */
export function fuseNormalization(nodes: readonly NodeDef[]): NodeDef[] {
  if (!nodes.some(isMarked)) return [...nodes];
  const graph = new Rewritten(nodes);
  for (const norm of nodes.filter(isMarked)) {
    graph.takeMoments(norm.name);
    graph.normalizeInReaders(norm.name);
  }
  return graph.nodes();
}

function isMarked({ op, attr }: NodeDef): boolean {
  return op === "BitGroupNormRelu" && "_into_convolutions" in attr;
}

function isForward({ op, attr }: NodeDef): boolean {
  return (op === "BitConv" || op === "BitWinogradConv") && attr["turned"]?.i === 0;
}

/** Whether a node pads by attributes; Winograd convolutions pad by one pixel, as they are. */
function choosesPadding({ attr }: NodeDef): boolean {
  return "pad_top" in attr;
}

class Rewritten {
  private readonly byName: Map<string, NodeDef>;
  private readonly users: ReadonlyMap<string, readonly NodeDef[]>;

  constructor(nodes: readonly NodeDef[]) {
    this.byName = new Map(nodes.map((node) => [node.name, node]));
    this.users = nodeReaders(nodes);
  }

  nodes(): NodeDef[] {
    return [...this.byName.values()];
  }

  /** A normalization of what a convolution makes takes its sums. */
  takeMoments(name: string): void {
    const norm = this.byName.get(name)!;
    const maker = this.byName.get(norm.input[0]!);
    if (maker === undefined || !isForward(maker) || !isOnTiles(maker)) return;
    this.byName.set(maker.name, { ...maker, attr: { ...maker.attr, M: attribute.int(1) } });
    this.byName.set(name, withInput(norm, `${maker.name}:1`, { M: attribute.int(1) }));
  }

  /** A normalization that only convolutions read is left to them. */
  normalizeInReaders(name: string): void {
    const readers = this.readersOf(name);
    if (readers === undefined || readers.length === 0) return;
    const norm = this.byName.get(name)!;
    // The outputs keep their places: the first are factors now, mean and deviation follow as before.
    this.byName.set(name, { ...norm, op: "BitGroupNormFactors" });
    for (const { node, pad } of readers) {
      const now = this.byName.get(node.name)!;
      const [, ...rest] = now.input;
      const [top, left] = pad === undefined ? [0, 0] : this.zerosBefore(pad)!;
      const padded = {
        pad_top: attribute.int((now.attr["pad_top"]?.i ?? 0) + top),
        pad_left: attribute.int((now.attr["pad_left"]?.i ?? 0) + left),
      };
      const attr = { ...(choosesPadding(now) ? padded : {}), F: attribute.int(1) };
      this.byName.set(
        node.name,
        withInput({ ...now, input: [norm.input[0]!, ...rest] }, name, attr),
      );
      if (pad !== undefined) this.byName.delete(pad.name);
    }
  }

  /** Everything that reads a normalization's images, or undefined where something cannot normalize. */
  private readersOf(name: string): Reader[] | undefined {
    const readers: Reader[] = [];
    for (const user of this.users.get(name) ?? []) {
      if (readsImages(user, name)) {
        readers.push({ node: user });
        continue;
      }
      const behind = this.users.get(user.name) ?? [];
      const kept = user.op !== "PadV2" || user.input[0] !== name || behind.length === 0;
      if (kept || this.zerosBefore(user) === undefined || this.users.has(`^${user.name}`))
        return undefined;
      for (const node of behind) {
        if (!readsImages(node, user.name) || !choosesPadding(node)) return undefined;
        readers.push({ node, pad: user });
      }
    }
    return readers;
  }

  /** Rows and columns of zeros that a node pads images with at the top and the left; undefined of other padding. */
  private zerosBefore(pad: NodeDef): [number, number] | undefined {
    const [amounts, filler] = [1, 2].map((i) => {
      return this.byName.get(pad.input[i] ?? "")?.attr["value"]?.tensor?.tensorContent;
    });
    if (amounts?.length !== 32 || filler === undefined || filler.some((byte) => byte !== 0))
      return undefined;
    const [before, after, top, bottom, left, right, first, last] = int32s(amounts);
    // Images and channels are not padded, and nothing is cut off.
    const others = [before, after, first, last].every((amount) => amount === 0);
    const cuts = [top, bottom, left, right].some((amount) => amount! < 0);
    return others && !cuts ? [top!, left!] : undefined;
  }
}

/** Whether a node reads an output as a convolution's images, and as nothing else. */
function readsImages(node: NodeDef, reference: string): boolean {
  const isGradient = node.op === "BitConvFilterGrad" || node.op === "BitWinogradFilterGrad";
  if (!isForward(node) && !isGradient) return false;
  return node.input[0] === reference && node.input.lastIndexOf(reference) === 0;
}

/** A node with one more input, behind those that are values, and attributes. */
function withInput(node: NodeDef, reference: string, attr: Record<string, AttrValue>): NodeDef {
  const isControl = (input: string) => input.startsWith("^");
  const values = node.input.filter((input) => !isControl(input));
  const input = [...values, reference, ...node.input.filter(isControl)];
  return { ...node, input, attr: { ...node.attr, ...attr } };
}

function int32s(bytes: Uint8Array): Int32Array {
  return new Int32Array(bytes.slice().buffer);
}
