/** What a row of the registry of commands says. */
import type { Settings } from "../settings/table.js";

/** What a command is run with. */
export interface Call<Name extends string> {
  readonly settings: Settings<Name>;
  /** Arguments without a flag's name, as files are. */
  readonly positional: readonly string[];
  /** All arguments as they were typed, without the command's own name. */
  readonly argv: readonly string[];
}

/** A command; its settings are the rows of the table that have its name. */
export interface Command<Name extends string> {
  /** The script in bin/. */
  readonly program: string;
  /** The word after the program's name, where it is not the program's own command. */
  readonly verb?: string;
  /** For lists of commands. */
  readonly summary: string;
  readonly usage: string;
  readonly description: string;
  readonly examples: readonly (readonly [command: string, what: string])[];
  /** Whether arguments without a flag's name are wanted, as files are. */
  readonly positional?: true;
  /** Of a program that runs another after `--`: where the flags of that one are to stand. */
  readonly otherFlags?: string;
  /** Whether nothing useful can be done without arguments: the examples are then shown. */
  readonly needsArguments?: true;
  /** Imports what runs it, which may be large: help and completion do without. */
  readonly load: () => Promise<{ readonly run: (call: Call<Name>) => Promise<number> }>;
}
