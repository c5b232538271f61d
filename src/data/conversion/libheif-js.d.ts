/** The part of libheif's build for JavaScript that is used here; the package has no types of its own. */
declare module "libheif-js/libheif-wasm/libheif-bundle.js" {
  export interface HeifImage {
    is_primary(): boolean;
    get_width(): number;
    get_height(): number;
    /** Fills RGBA, `[height, width, 4]`; the callback gets null where that fails. */
    display(
      image: { data: Uint8ClampedArray; width: number; height: number },
      done: (image: object | null) => void,
    ): void;
  }
  interface LibHeif {
    readonly ready: Promise<void>;
    readonly HeifDecoder: new () => { decode(file: Uint8Array): HeifImage[] };
  }
  /** Makes an instance, with memory of its own. */
  export default function make(): LibHeif;
}
