/**
 * Repositories of the Hugging Face Hub: addresses of their files, and what the Hub says of each.
 * Source: huggingface_hub, constants.py (`HUGGINGFACE_CO_URL_TEMPLATE`, `HF_ENDPOINT`, `HF_TOKEN`) and
 * file_download.py (`get_hf_file_metadata`).
 */
import { UserError } from "../errors.js";
import { FileRefused } from "../fetch/connection.js";
import { type FetchOptions, fetchFacts } from "../fetch/fetch-file.js";

/** Where the Hub is. */
export const HUB_URL = "https://huggingface.co";

/** How its repositories are named here, in front. */
export const hubScheme = "hf:";

/** A repository at a revision. */
export interface HubRepository {
  readonly owner: string;
  readonly name: string;
  /** A branch, a tag or a commit. */
  readonly revision: string;
}

/** Whether a name means a repository of the Hub: `hf:OWNER/NAME`. */
export function isHubName(name: string): boolean {
  return name.startsWith(hubScheme);
}

/**
 * The repository that `hf:OWNER/NAME` or `hf:OWNER/NAME@REVISION` names; the revision is `main` otherwise.
 * @throws UserError where it names none
 */
export function parseHubName(text: string): HubRepository {
  const match = /^hf:([\w.-]+)\/([\w.-]+?)(?:@([^\s@]+))?$/.exec(text);
  const [, owner = ".", name = ".", revision = "main"] = match ?? [];
  if (![owner, name].some((part) => /^\.+$/.test(part))) return { owner, name, revision };
  throw new UserError(
    JSON.stringify(text),
    "is no name of a repository",
    "hf:OWNER/NAME or hf:OWNER/NAME@REVISION",
    "type for example: hf:timm/resnetv2_50x1_bit.goog_in21k",
  );
}

/** Where the Hub is asked, and as whom. */
export interface HubAccess {
  readonly endpoint: string;
  /** `$HF_TOKEN`, which is sent to the endpoint alone, and shown nowhere. */
  readonly token: string | undefined;
}

/**
 * By `$HF_ENDPOINT` and `$HF_TOKEN`.
 * @throws UserError where the one is no address, or the other cannot be a token
 */
export function hubAccess(env: NodeJS.ProcessEnv = process.env): HubAccess {
  const endpoint = (env["HF_ENDPOINT"] || HUB_URL).replace(/\/+$/, "");
  if (!URL.canParse(endpoint) || !/^https?:$/.test(new URL(endpoint).protocol))
    throw new UserError(
      "HF_ENDPOINT",
      `${JSON.stringify(endpoint)} is no address`,
      `an http or https address, such as ${HUB_URL}`,
      "correct it, or unset it",
    );
  const token = env["HF_TOKEN"]?.trim() || undefined;
  if (token !== undefined && !/^[\x21-\x7e]+$/.test(token))
    throw new UserError(
      "HF_TOKEN",
      "has spaces or other characters that no token has",
      "a token of the Hub, such as hf_...",
      "correct it, or unset it",
    );
  return { endpoint, token };
}

/** The header Authorization for the Hub. */
export function authorizationOf({ token }: HubAccess): string | undefined {
  return token === undefined ? undefined : `Bearer ${token}`;
}

/** The address of a repository's file. */
export function hubUrl(
  { endpoint }: HubAccess,
  { owner, name, revision }: HubRepository,
  file: string,
): string {
  return `${endpoint}/${owner}/${name}/resolve/${encodeURIComponent(revision)}/${file}`;
}

/** What the Hub says of a file. */
export interface HubFile {
  readonly file: string;
  readonly url: string;
  /** Undefined where it says nothing, as mirrors may. */
  readonly sizeBytes: number | undefined;
  /** Of large files the SHA-256, of others Git's SHA-1 of its blob; undefined where it says neither. */
  readonly digest: { readonly kind: "sha256" | "git-sha1"; readonly hex: string } | undefined;
  /** The commit that the revision is; undefined where it says nothing. */
  readonly commit: string | undefined;
}

/**
 * Asks what a repository's file is; undefined where the repository has no such file.
 * @throws FileRefused where the repository is not there, or not for this user
 * @throws UserError where there is no connection
 */
export async function findHubFile(
  access: HubAccess,
  repository: HubRepository,
  file: string,
  options: Omit<FetchOptions, "progress" | "mostBytes"> = {},
): Promise<HubFile | undefined> {
  const url = hubUrl(access, repository, file);
  const authorization = authorizationOf(access);
  const { status, header } = await fetchFacts(url, { ...options, authorization });
  const code = header("x-error-code");
  const noEntry = code === undefined || code === "EntryNotFound";
  if (noEntry && (status === 404 || status === 410)) return undefined;
  if (status >= 400) throw refused(access, repository, url, status, code);
  const tag = (header("x-linked-etag") ?? header("etag") ?? "").replace(/^W\//, "");
  const hex = /^"?([0-9a-f]{64}|[0-9a-f]{40})"?$/.exec(tag)?.[1];
  const kind = hex?.length === 64 ? "sha256" : "git-sha1";
  // The length of a redirect's own answer is none of the file's.
  const length = header("x-linked-size") ?? (status < 300 ? header("content-length") : undefined);
  const commit = header("x-repo-commit");
  return {
    ...{ file, url },
    sizeBytes: length !== undefined && /^\d+$/.test(length) ? Number(length) : undefined,
    digest: hex === undefined ? undefined : { kind, hex },
    commit: commit !== undefined && /^[0-9a-f]{40}$/.test(commit) ? commit : undefined,
  };
}

function refused(
  { token }: HubAccess,
  { owner, name, revision }: HubRepository,
  url: string,
  status: number,
  code: string | undefined,
): FileRefused {
  const repository = `hf:${owner}/${name}`;
  if (code === "RevisionNotFound")
    return new FileRefused(
      url,
      `${repository} has no revision ${revision}`,
      "a branch, a tag or a commit of it",
      `correct what follows the @, or leave it out: ${repository}`,
    );
  const words =
    code === "GatedRepo"
      ? `${repository} is given to those alone who have agreed to its terms (${status})`
      : // Without a token the Hub does not tell a private one from none.
        `there is no ${repository}, or it is not for everybody (${status})`;
  return new FileRefused(
    url,
    words,
    "a repository that you may read",
    token === undefined
      ? "check the name; for one that is private or gated: export HF_TOKEN=hf_..."
      : "check the name, and whether the account of HF_TOKEN may read it",
  );
}
