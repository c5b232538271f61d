/** Bytes of base64, by the browser's own means where it has them. */
interface FromBase64 {
  fromBase64(text: string): Uint8Array<ArrayBuffer>;
}

function hasFromBase64(arrays: object): arrays is FromBase64 {
  return "fromBase64" in arrays;
}

/** @throws Error where it is none */
export function bytesOfBase64(text: string): Uint8Array<ArrayBuffer> {
  if (hasFromBase64(Uint8Array)) return Uint8Array.fromBase64(text);
  const binary = atob(text);
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = binary.charCodeAt(i);
  return bytes;
}
