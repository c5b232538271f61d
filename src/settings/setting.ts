/** What a row of the table of settings says, and the types that follow from rows. */

/** What a setting is for one command, where that differs from its row. */
interface Use<Value> {
  readonly help?: string;
  /** Its value where it is left out; undefined: none, whatever the row says. */
  readonly default?: Value | undefined;
  /** In words, what holds where it is left out. */
  readonly otherwise?: string;
  readonly required?: true;
  /** The command has a choice of its own, or a switch, where the row is a text or a path. */
  readonly kind?: "choice" | "boolean";
  readonly choices?: readonly string[];
}

interface Row<Value> extends Omit<Use<Value>, "kind" | "choices"> {
  readonly help: string;
  /** The commands that take it, by their names in the registry of commands. */
  readonly commands: Readonly<Record<string, Use<Value>>>;
  /** What other tools call it, in snake_case: it is suggested for these names. */
  readonly otherNames?: readonly string[];
  /** A variable of the environment that is taken where it is left out. */
  readonly environment?: string;
  /**
   * Whether it decides what a run comes to, and so cannot change when the run goes on. Said of every
   * setting of `bit-train` but those that tell which run it is.
   */
  readonly decides?: boolean;
  /** Whether `config.json` has it under its own name. What others come to is in `run-config.ts`. */
  readonly recorded?: true;
  /** The first version that knew it; left out: 0.1.0, the first of all. */
  readonly since?: string;
}

/** One setting. Its key in the table in snake_case is its flag's name. */
export type Setting =
  | (Row<string> & { readonly kind: "text" | "path" })
  | (Row<string> & { readonly kind: "choice"; readonly choices: readonly string[] })
  | (Row<boolean> & { readonly kind: "boolean" })
  | (Row<number> & { readonly kind: "integer"; readonly least: number })
  /** Any number above 0. */
  | (Row<number> & { readonly kind: "number" })
  /** Any number from 0 up to, but without, 1. */
  | (Row<number> & { readonly kind: "share" });

/** Settings by their names in camelCase. */
export type SettingTable = Readonly<Record<string, Setting>>;

/** The type of a row's values. */
export type ValueOf<S> = S extends { readonly choices: readonly (infer Choice)[] }
  ? Choice
  : S extends { readonly kind: "integer" | "number" | "share" }
    ? number
    : S extends { readonly kind: "boolean" }
      ? boolean
      : string;

/** The settings of a table that a command takes. */
export type NameOf<Table, Command> = {
  [Name in keyof Table]: Table[Name] extends { readonly commands: infer Uses }
    ? Command extends keyof Uses
      ? Name
      : never
    : never;
}[keyof Table];

/** What a command says of a setting, over what the row says. */
type UseOf<S, Command> = S extends { readonly commands: infer Uses }
  ? Command extends keyof Uses
    ? Omit<S, keyof Uses[Command]> & Uses[Command]
    : never
  : never;

/** The settings that a command always has: those with a default, and those that must be given. */
type CertainName<Table, Command> = {
  [Name in NameOf<Table, Command>]: UseOf<Table[Name], Command> extends
    | { readonly default: string | number | boolean }
    | { readonly required: true }
    ? Name
    : never;
}[NameOf<Table, Command>];

type RequiredName<Table, Command> = {
  [Name in NameOf<Table, Command>]: UseOf<Table[Name], Command> extends { readonly required: true }
    ? Name
    : never;
}[NameOf<Table, Command>];

/** What a command is run with: every setting, checked, defaults filled in. */
export type SettingsIn<Table, Command> = {
  readonly [Name in keyof Pick<Table, CertainName<Table, Command>>]: ValueOf<
    UseOf<Table[Name], Command>
  >;
} & {
  readonly [Name in keyof Omit<Pick<Table, NameOf<Table, Command>>, CertainName<Table, Command>>]:
    | ValueOf<UseOf<Table[Name & keyof Table], Command>>
    | undefined;
};

/** What a program may give for the same: all but the required ones may be left out. */
export type OptionsIn<Table, Command> = {
  readonly [Name in keyof Pick<Table, RequiredName<Table, Command>>]: ValueOf<
    UseOf<Table[Name], Command>
  >;
} & {
  readonly [Name in keyof Omit<Pick<Table, NameOf<Table, Command>>, RequiredName<Table, Command>>]?:
    | ValueOf<UseOf<Table[Name & keyof Table], Command>>
    | undefined;
};

/** The settings that `config.json` has under their own names. */
export type RecordedIn<Table> = {
  readonly [Name in keyof Table as Table[Name] extends {
    readonly recorded: true;
    readonly default: unknown;
  }
    ? Name
    : never]: ValueOf<Table[Name]>;
} & {
  readonly [Name in keyof Table as Table[Name] extends { readonly recorded: true }
    ? Table[Name] extends { readonly default: unknown }
      ? never
      : Name
    : never]?: ValueOf<Table[Name]> | null | undefined;
};
