/**
 * Counts the bytes that are asked for in arrays and buffers, while something runs. What libraries in
 * C++ take for themselves does not show here.
 */

const ARRAYS = [
  "ArrayBuffer",
  "Int8Array",
  "Uint8Array",
  "Int16Array",
  "Uint16Array",
  "Int32Array",
  "Uint32Array",
  "Float32Array",
  "Float64Array",
  "BigInt64Array",
  "BigUint64Array",
] as const;

type Constructor = new (...args: unknown[]) => object;

/** Runs something, with nothing else beside it; how many bytes it has asked for in all. */
export async function countAllocated(run: () => Promise<void>): Promise<number> {
  let sizeBytes = 0;
  const globals = globalThis as unknown as Record<string, unknown>;
  const kept = ARRAYS.map((name) => [name, globals[name]] as const);
  for (const [name, original] of kept) {
    globals[name] = new Proxy(original as Constructor, {
      construct(target, args, newTarget) {
        const [length] = args;
        const isView = length instanceof ArrayBuffer || length instanceof SharedArrayBuffer;
        const made = Reflect.construct(
          target,
          args,
          newTarget === globals[name] ? target : newTarget,
        ) as { byteLength: number };
        if (!isView) sizeBytes += made.byteLength;
        return made;
      },
    });
  }
  const { alloc, allocUnsafe } = Buffer;
  Buffer.alloc = (size, ...rest) => {
    sizeBytes += size;
    return alloc.call(Buffer, size, ...(rest as []));
  };
  Buffer.allocUnsafe = (size) => {
    sizeBytes += size;
    return allocUnsafe.call(Buffer, size);
  };
  try {
    await run();
  } finally {
    for (const [name, original] of kept) globals[name] = original;
    Object.assign(Buffer, { alloc, allocUnsafe });
  }
  return sizeBytes;
}
