#!/bin/sh
# opentype.js 2.0.0: no text at all can be drawn in DejaVu Sans 2.37, not even "cat": getPath and
# getAdvanceWidth throw "substitutionType : 62 lookupType: 6 - substFormat: 2 is not yet supported". Each
# glyph by itself is fine.
#
# Why: texts of every script first go through the font's glyph compositions (`ccmp`), of which the library
# knows not all formats, and throws instead of leaving the glyphs as they are.
# src/picture/typeface.ts therefore puts glyphs side by side by itself.
#
# Seen with Node 20.20.2:
#   text: substitutionType : 62 lookupType: 6 - substFormat: 2 is not yet supported
#   glyphs: 24.9
#
# Needs Node 20 or newer and npm. Ends with 1 where this has changed.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund --save-exact opentype.js@2.0.0 dejavu-fonts-ttf@2.37.3
cat >trial.mjs <<'TRIAL'
import { readFileSync } from "node:fs";
import opentype from "opentype.js";

const file = readFileSync("node_modules/dejavu-fonts-ttf/ttf/DejaVuSans.ttf");
const font = opentype.parse(Uint8Array.from(file).buffer);
const told = (work) => {
  try {
    return work().toFixed(1);
  } catch (error) {
    return error.message;
  }
};
const text = told(() => font.getAdvanceWidth("cat", 16));
const glyphs = told(() => {
  const units = [..."cat"].map((letter) => font.charToGlyph(letter).advanceWidth);
  return (16 * units.reduce((a, b) => a + b)) / font.unitsPerEm;
});
console.log(`text: ${text}\nglyphs: ${glyphs}`);
process.exit(/substFormat: 2 is not yet supported/.test(text) && Number(glyphs) > 20 ? 0 : 1);
TRIAL
node trial.mjs
