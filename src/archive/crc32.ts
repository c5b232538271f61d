import zlib from "node:zlib";
import { crc32InJavaScript } from "./crc32-in-javascript.js";

// Node has a native CRC-32 from 20.15 and 22.2 on; the import must not fail before that.
const native = (zlib as { crc32?: typeof zlib.crc32 }).crc32;

/** CRC-32 of `bytes` as an unsigned number, continued from `previous`; native where Node has it. */
export const crc32: (bytes: Uint8Array, previous?: number) => number = native ?? crc32InJavaScript;
