/** What the failures of the programs that a set-up runs mean to the user: tables of what they say. */
import { UserError } from "../errors.js";
import { type CommandResult, lastLines } from "./command.js";

/** A failure that is known by the program's own words. */
interface Failure {
  readonly says: RegExp;
  /** What it is, in place of the first line. */
  readonly got: string;
  readonly expected: string;
  readonly nextStep: string;
}

const FULL_DISK: Failure = {
  says: /No space left on device|Disk quota exceeded|ENOSPC|EDQUOT/i,
  got: "the disk of the cache folder ran full",
  expected: "room for the engine while it is made",
  nextStep: "free some, or put the cache on another disk: BIT_CACHE=/path/to/folder npx bit-setup",
};

const READ_ONLY: Failure = {
  says: /Read-only file system|Permission denied|EROFS|EACCES/i,
  got: "a folder that it writes to cannot be written",
  expected: "a cache folder that you may write to",
  nextStep: "set BIT_CACHE to one: BIT_CACHE=$HOME/bit-cache npx bit-setup   (and keep it set)",
};

/** Of several that fit, the first. */
const PIP_FAILURES: readonly Failure[] = [
  FULL_DISK,
  {
    says: /Hashes are required in --require-hashes mode/,
    got: "pip is told to take nothing without a hash (PIP_REQUIRE_HASHES, or require-hashes in its settings)",
    expected: "a pip that may fetch a wheel by its exact version",
    nextStep:
      "if you may make an exception, type: PIP_REQUIRE_HASHES=0 npx bit-setup\n" +
      "    it fetches this wheel alone, and checks what it unpacks against the wheel's own RECORD",
  },
  {
    says: /no such option|unknown option/i,
    got: "pip is too old",
    expected: "pip 20.3 or newer",
    nextStep: "type: python3 -m pip install --user --upgrade pip",
  },
  {
    says: /Could not open requirements file|An error occurred during configuration|Configuration file/,
    got: "pip's own settings are wrong",
    expected: "variables PIP_... and a configuration that pip accepts",
    nextStep: "see what they say (python3 -m pip config list; env | grep PIP_), and correct that",
  },
  {
    says: /CERTIFICATE_VERIFY_FAILED|certificate verify failed|Could not find a suitable TLS CA/i,
    got: "the index's certificate cannot be trusted",
    expected: "a certificate that pip knows",
    nextStep: "behind a proxy with its own: export PIP_CERT=/path/to/certificate.pem",
  },
  {
    says: /407 Proxy Authentication|Tunnel connection failed: 407/i,
    got: "the proxy asks for a name and a password",
    expected: "a proxy that lets downloads through",
    nextStep: "put them into the variable: export HTTPS_PROXY=http://NAME:PASSWORD@proxy:port",
  },
];

const COMPILER_FAILURES: readonly Failure[] = [
  FULL_DISK,
  READ_ONLY,
  {
    says: /Killed signal terminated|out of memory|Cannot allocate memory|virtual memory exhausted/i,
    got: "it ran out of memory",
    expected: "about 1 GB of memory for it",
    nextStep: "end other programs, or give this machine more memory; then: npx bit-setup",
  },
];

const NPM_FAILURES: readonly Failure[] = [
  { ...FULL_DISK, got: "the disk of the cache folder, or of npm's own, ran full" },
  {
    ...READ_ONLY,
    got: "the cache folder, or npm's own, cannot be written",
    expected: "both of them folders that you may write to",
    nextStep: "type: npm_config_cache=/path/to/folder BIT_CACHE=/path/to/folder npx bit-setup",
  },
];

function explained(where: string, known: Failure, output: string): UserError {
  const { got, expected, nextStep } = known;
  return new UserError(where, `${got}:\n${lastLines(output)}`, expected, nextStep);
}

/** What a failed `pip download` of a requirement means. */
export function explainPip(requirement: string, result: CommandResult): UserError {
  // pip repeats one warning for each try; its errors say the same and more.
  const lines = result.output.replace(/^WARNING: Retrying .*\n/gm, "");
  const known = PIP_FAILURES.find(({ says }) => says.test(result.output));
  if (known !== undefined) return explained(requirement, known, lines);
  const refused =
    /Failed to establish a new connection: [^')]*|Temporary failure in name resolution/;
  const cause = result.killedBy ?? refused.exec(result.output)?.[0];
  return new UserError(
    requirement,
    `pip could not download it${cause ? ` (${cause})` : ""}:\n${lastLines(lines)}`,
    "a Python package index that answers and has this wheel",
    "check the network and try again: npx bit-setup\n" +
      "    behind a proxy: export HTTPS_PROXY=http://proxy:port\n" +
      "    with a mirror: python3 -m pip config set global.index-url URL-OF-THE-MIRROR",
  );
}

/** What a failed call of the compiler means. */
export function explainCompiler(command: string, result: CommandResult): UserError {
  const where = `${command} (C++ compiler)`;
  const known = COMPILER_FAILURES.find(({ says }) => says.test(result.output));
  if (known !== undefined) return explained(where, known, result.output);
  return new UserError(
    where,
    `it could not build the binding:\n${lastLines(result.output, 12)}`,
    "GCC 8 or newer, or Clang 7 or newer, with the C++ standard library",
    "sudo apt install g++   (Debian, Ubuntu)   or   sudo dnf install gcc-c++   (Fedora); " +
      "another compiler: CXX=clang++ npx bit-setup",
  );
}

/** What a failed `npm pack` of a package means. */
export function explainNpm(wanted: string, result: CommandResult): UserError {
  if (result.startError !== undefined)
    return new UserError(
      wanted,
      `npm does not run (${result.startError})`,
      "npm, which comes with Node; it fetches the binding's sources",
      "install Node with its npm, or the package itself: npm install bit-train",
    );
  const known = NPM_FAILURES.find(({ says }) => says.test(result.output));
  if (known !== undefined) return explained(wanted, known, result.output);
  return new UserError(
    wanted,
    `npm could not fetch it:\n${lastLines(result.output)}`,
    "an npm registry that answers",
    "check the network and npm's settings (npm config list), then: npx bit-setup",
  );
}
