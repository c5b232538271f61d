/** The part of opentype.js that is used here; the package has no types of its own. */
declare module "opentype.js" {
  export type PathCommand =
    | { readonly type: "M"; readonly x: number; readonly y: number }
    | { readonly type: "L"; readonly x: number; readonly y: number }
    | {
        readonly type: "Q";
        readonly x1: number;
        readonly y1: number;
        readonly x: number;
        readonly y: number;
      }
    | {
        readonly type: "C";
        readonly x1: number;
        readonly y1: number;
        readonly x2: number;
        readonly y2: number;
        readonly x: number;
        readonly y: number;
      }
    | { readonly type: "Z" };
  export interface Glyph {
    readonly advanceWidth: number;
    /** The outline of a glyph whose baseline begins at a point; y grows downwards. */
    getPath(x: number, y: number, size: number): { readonly commands: readonly PathCommand[] };
  }
  export interface Font {
    /** Of an em, to which advance widths belong. */
    readonly unitsPerEm: number;
    /** 0 where the font has none for a character. */
    charToGlyphIndex(character: string): number;
    charToGlyph(character: string): Glyph;
  }
  const opentype: { readonly parse: (file: ArrayBuffer) => Font };
  export default opentype;
}
