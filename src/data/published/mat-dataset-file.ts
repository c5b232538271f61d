/** Reads the MATLAB files with which datasets are published. */
import { readError, readWhole } from "../../disk/file-reading.js";
import { UserError } from "../../errors.js";
import {
  MatError,
  type MatNumbers,
  type MatStructs,
  type MatValue,
  readMat,
} from "../formats/mat-file.js";

/** The variables of a file that a dataset is published with, and what it is called in messages. */
export class MatDatasetFile {
  private constructor(
    private readonly where: string,
    private readonly variables: ReadonlyMap<string, MatValue>,
  ) {}

  /** @throws UserError where it cannot be read, or is no such file */
  static async open(path: string): Promise<MatDatasetFile> {
    let bytes: Uint8Array;
    try {
      bytes = await readWhole(path, MOST_BYTES);
    } catch (error) {
      throw readError(path, error, NEXT_STEP);
    }
    return MatDatasetFile.of(bytes, path);
  }

  /** As `open`, of a file that is in memory already. */
  static async of(bytes: Uint8Array, where: string): Promise<MatDatasetFile> {
    try {
      return new MatDatasetFile(where, await readMat(bytes));
    } catch (error) {
      if (!(error instanceof MatError)) throw error;
      throw new UserError(
        where,
        error.message,
        "a MATLAB file of level 5",
        error.next ?? NEXT_STEP,
        {
          cause: error,
        },
      );
    }
  }

  /** An array of numbers. Throws UserError where there is none of that name. */
  numbers(name: string): MatNumbers {
    const value = this.variables.get(name);
    if (value?.kind === "numbers") return value;
    throw this.fault(`no numbers named ${name}`, "an array of numbers of that name");
  }

  /** An array of structs. Throws UserError where there is none of that name. */
  structs(name: string): MatStructs {
    const value = this.variables.get(name);
    if (value?.kind === "structs") return value;
    throw this.fault(`no structs named ${name}`, "an array of structs of that name");
  }

  /** An error of what was found in the file. */
  fault(got: string, expected: string): UserError {
    return new UserError(this.where, got, expected, NEXT_STEP);
  }
}

/** SVHN's training set, the largest such file, has 182 MB. */
const MOST_BYTES = 2 ** 30;

const NEXT_STEP = "remove the file, so that it is fetched again, or download it again";
