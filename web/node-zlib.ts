/** What `node:zlib` is to code that pages share with Node. */
import { Inflate } from "pako";

/**
 * Unpacks zlib's format.
 * @throws Error where it is damaged, or unpacks to more than `maxOutputLength` bytes
 */
export function inflateSync(
  packed: Uint8Array,
  { maxOutputLength }: { readonly maxOutputLength: number },
): Uint8Array {
  const inflate = new Inflate();
  const pieces: Uint8Array[] = [];
  let length = 0;
  inflate.onData = (piece) => {
    if (!(piece instanceof Uint8Array)) throw new Error("text where bytes were asked for");
    length += piece.length;
    if (length > maxOutputLength) throw new Error(`more than ${maxOutputLength} bytes`);
    pieces.push(piece);
  };
  inflate.push(packed, true);
  if (inflate.err !== 0) throw new Error(inflate.msg);
  return Buffer.concat(pieces, length);
}
