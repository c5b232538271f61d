// @ts-nocheck
/** The prototype's addon under the client's interface. To go when the product's client is there. */
import { createRequire } from "node:module";

const types = { float32: 11, float64: 12, int32: 4, uint8: 6, bfloat16: 13 };
const options = Uint8Array.from(Buffer.from("1a0f08ffffffffffffffffff0120012801", "hex"));
const native = () => createRequire(import.meta.url)(process.env.BIT_PJRT_ADDON);
const fail = (error) => {
  error.code = /out of memory|RESOURCE_EXHAUSTED/i.test(error.message)
    ? "RESOURCE_EXHAUSTED"
    : "UNKNOWN";
  error.outOfMemory = error.code === "RESOURCE_EXHAUSTED";
  throw error;
};
const guarded = (work) => {
  try {
    return work();
  } catch (error) {
    return fail(error);
  }
};

export function openPjrt(plugin, created = {}) {
  const pjrt = native();
  const client = pjrt.open(plugin, Object.entries(created));
  const buffer = (handle, type, shape) => {
    let gone = false;
    return {
      type,
      shape,
      handle,
      taken() {
        gone = true;
      },
      async read() {
        if (gone) throw new Error("the buffer was donated or dropped");
        const bytes = new Uint8Array(
          shape.reduce((a, b) => a * b, 1) * (type === "float64" ? 8 : 4),
        );
        guarded(() => pjrt.get(handle, bytes));
        return bytes;
      },
      drop() {
        if (!gone) pjrt.drop(handle);
        gone = true;
      },
    };
  };
  const program = (executable, outputs) => ({
    async run([args], donated) {
      const [out] = guarded(() =>
        pjrt.execute(executable, [args.map((b) => b.handle)], outputs.length, donated.length),
      );
      for (const i of donated) args[i].taken();
      return [out.map((handle, i) => buffer(handle, outputs[i].type, outputs[i].shape))];
    },
    async serialize() {
      return pjrt.serialize(executable);
    },
    memory() {
      const m = pjrt.memory(executable);
      return {
        arguments: m.arguments,
        outputs: m.outputs,
        aliased: m.alias,
        temporary: m.temp,
        code: m.code,
      };
    },
    close() {},
  });
  const described = pjrt.describe(client).split("|");
  return {
    platform: described[0].trim(),
    version: described[1].trim(),
    api: described.at(-1).replace("API", "").trim(),
    devices: [],
    async compile(text, outputs) {
      return program(
        guarded(() => pjrt.compile(client, text, options)),
        outputs,
      );
    },
    async load(bytes, outputs) {
      return program(
        guarded(() => pjrt.load(client, bytes)),
        outputs,
      );
    },
    async put({ type, shape, data }) {
      return buffer(
        guarded(() => pjrt.put(client, 0, types[type], [...shape], data)),
        type,
        shape,
      );
    },
    close() {},
  };
}

export async function compileAhead(plugin, target, text) {
  const m = guarded(() => native().ahead(plugin, target, text, options));
  return {
    memory: () => ({
      arguments: m.arguments,
      outputs: m.outputs,
      aliased: m.alias,
      temporary: m.temp,
      code: m.code,
    }),
  };
}
