/** Letters against those that Pillow fills 16 times as large (scripts/make-typeface-fixture.py), and captions. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { captioned } from "../../src/picture/caption.js";
import { magnified, plainPixels } from "../../src/picture/pixels.js";
import { canDraw, drawText, fitted, textWidth } from "../../src/picture/typeface.js";
import { drawnClasses } from "../../src/run/picture-folders.js";
import { fixturePath } from "../fixture-path.js";

const texts = JSON.parse(readFileSync(fixturePath("typeface.json"), "utf8")) as readonly {
  readonly text: string;
  readonly size: number;
  readonly height: number;
  readonly width: number;
  readonly baseline: number;
  /** 0 to 255. */
  readonly cover: readonly number[];
}[];

for (const { text, size, height, width, baseline, cover } of texts)
  test(`"${text}" covers what its outlines cover`, (t) => {
    const pixels = plainPixels(height, width, [0, 0, 0]);
    drawText(pixels, text, { x: 0, y: baseline, size, colour: [255, 255, 255] });
    const off = cover.map((wanted, i) => Math.abs(pixels.levels[3 * i]! - wanted));
    const mean = off.reduce((sum, value) => sum + value, 0) / off.length;
    t.diagnostic(`mean ${mean}, at most ${Math.max(...off)}`);
    // A pixel of 16 x 16 samples, each in or out along an edge, is as exact as this.
    assert.ok(mean < 3, `${mean}`);
    assert.ok(Math.max(...off) < 48, `${Math.max(...off)}`);
    assert.ok(cover.some((value) => value === 255));
    assert.ok(textWidth(text, size) <= width);
  });

test("what lies outside of a picture is left out", () => {
  const pixels = plainPixels(6, 9, [0, 0, 0]);
  drawText(pixels, "WWWW", { x: -7, y: 9, size: 14, colour: [255, 0, 0] });
  assert.ok(pixels.levels.some((value) => value === 255));
  drawText(pixels, "W", { x: 300, y: -40, size: 14, colour: [255, 0, 0] });
});

test("names in scripts that cannot be drawn as they are written become numbers, and that is said", () => {
  assert.ok(["Äpfel", "A\u0308pfel", "кошка", "γάτα", "chó mèo", "a & b"].every(canDraw));
  // No glyphs; letters that join and run to the left; marks; what is not seen.
  for (const name of ["猫", "قطة", "חתול", "हाथी", "แมว", "🐈", "a\u200bb", "a\nb"])
    assert.ok(!canDraw(name), name);
  const { nameOf, note } = drawnClasses(["café", "猫", "dog", "قطة"]);
  assert.deepEqual([0, 1, 2, 3, 4].map(nameOf), ["café", "class 1", "dog", "class 3", "class 4"]);
  assert.match(note!, /^on pictures 2 of the classes are numbers.*\(猫, قطة\)/);
  assert.equal(drawnClasses(["a"]).note, undefined);
  assert.equal(drawnClasses(undefined).nameOf(7), "class 7");
});

test("a caption is below its picture, which it leaves as it is; too long names end in dots", () => {
  const picture = plainPixels(40, 300, [9, 8, 7]);
  const made = captioned(picture, [
    { figure: "98.0 %", words: "a name" },
    { figure: "2.0 %", words: "a name ".repeat(40) },
  ]);
  assert.equal(made.width, 300);
  assert.ok(made.height > 40 + 2 * 14);
  assert.deepEqual(made.levels.subarray(0, picture.levels.length), picture.levels);
  const words = fitted("a name ".repeat(40), 14, 200);
  assert.match(words, /^a name a.*\.\.\.$/);
  assert.ok(textWidth(words, 14) <= 200);
  assert.equal(fitted("short", 14, 200), "short");
  // Of a small picture the sides are wide enough for words.
  assert.ok(captioned(plainPixels(8, 8, [0, 0, 0]), []).width > 200);
  const [two] = [magnified({ height: 1, width: 2, levels: Uint8Array.of(1, 2, 3, 4, 5, 6) }, 2)];
  assert.deepEqual([...two!.levels.subarray(0, 12)], [1, 2, 3, 1, 2, 3, 4, 5, 6, 4, 5, 6]);
  assert.deepEqual(two!.levels.subarray(0, 12), two!.levels.subarray(12));
});
