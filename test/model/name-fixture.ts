/** What other tools call the variables of units 2, 1, 1, 1 with 10 classes, as their own loaders tell. */
import { readFileSync } from "node:fs";
import { fixturePath } from "../fixture-path.js";

export interface ToolName {
  readonly name: string;
  readonly shape: readonly number[];
  readonly official: string;
}

type Rows = Readonly<Record<string, readonly (readonly [string, readonly number[], string])[]>>;

const rows = JSON.parse(readFileSync(fixturePath("archive", "names.json"), "utf8")) as Rows;

export const toolNames: ReadonlyMap<string, readonly ToolName[]> = new Map(
  Object.entries(rows).map(([tool, names]) => [
    tool,
    names.map(([name, shape, official]) => ({ name, shape, official })),
  ]),
);
