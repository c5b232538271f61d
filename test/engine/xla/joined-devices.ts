/**
 * What several processes with devices do together, in one process of a test: a client's devices are those of so many
 * ranks, and a program runs once all ranks have asked for it. No plugin for CPUs runs a program in several processes.
 */
import assert from "node:assert/strict";
import type { PjrtBuffer, PjrtProgram } from "../../../src/engine/pjrt/client.js";
import type { Session } from "../../../src/engine/session.js";
import { pjrtDevice } from "../../../src/engine/xla/pjrt-device.js";
import { XlaSession } from "../../../src/engine/xla/xla-session.js";
import type { Graph } from "../../../src/graph/graph-builder.js";
import { engine } from "../../engine-for-tests.js";
import { client } from "./engines.js";

type Lists = readonly (readonly PjrtBuffer[])[];

/** Runs of one program: the n-th of each rank is one run of all. */
class JoinedProgram {
  private readonly asked: { args: Lists; tell: (results: Promise<PjrtBuffer[][]>) => void }[][];

  constructor(
    readonly text: string,
    private readonly program: Promise<PjrtProgram>,
    ranks: number,
  ) {
    this.asked = Array.from({ length: ranks }, () => []);
  }

  /** The program, as a rank has it. */
  async of(rank: number): Promise<PjrtProgram> {
    const program = await this.program;
    const run = (args: Lists, donated: readonly number[]) =>
      new Promise<PjrtBuffer[][]>((tell) => {
        this.asked[rank]!.push({ args, tell });
        if (this.asked.some((waiting) => waiting.length === 0)) return;
        const round = this.asked.map((waiting) => waiting.shift()!);
        const all = program.run(
          round.flatMap((one) => one.args),
          donated,
        );
        const each = args.length;
        for (const [i, one] of round.entries())
          one.tell(all.then((results) => results.slice(i * each, (i + 1) * each)));
      });
    // The last rank's closing would be all ranks'.
    return {
      ...{ run, close: () => undefined },
      memory: unused,
      optimizedHlo: unused,
      serialize: unused,
    };
  }
}

function unused(): never {
  throw new Error("no test asks for it");
}

/** How each of the ranks, which have a device each, opens sessions. */
export function joinedSessions(ranks: number): ((graph: Graph) => Session)[] {
  const programs: JoinedProgram[] = [];
  const ids = Array.from({ length: ranks }, (_, i) => client.devices[i]!.id);
  return Array.from({ length: ranks }, (_, rank) => {
    let count = 0;
    const compile = async (text: string, partitions: number) => {
      const options = { devices: ids, replicas: ranks, partitions };
      const program =
        programs[count] ?? new JoinedProgram(text, client.compile(text, options), ranks);
      programs[count++] = program;
      assert.equal(text, program.text, "all ranks have one program");
      return program.of(rank);
    };
    const device = pjrtDevice(client, [rank], compile, ranks);
    return (graph: Graph) => new XlaSession(graph, engine.open(graph), device);
  });
}
