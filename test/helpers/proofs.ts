/** The claims of docs/attacks.md and docs/asvs.md, each with the tests that prove it. */
import { readFile } from 'node:fs/promises';

const root = new URL('../../', import.meta.url);

/** Reasons that stand in place of a test, or next to one. */
const words = /^(Not here|Does not apply|Otherwise|See): ./;

export interface Claim {
  readonly id: string;
  /** Tests as `file: title`, and reasons in words. */
  readonly proofs: readonly string[];
}

/** The rows of a document's tables whose first cell is an id; the last cell holds their proofs. */
export async function readClaims(file: string, id: RegExp): Promise<Claim[]> {
  const lines = (await readFile(new URL(file, root), 'utf8')).split('\n');
  return lines
    .filter((line) => line.startsWith('| '))
    .map((line) => line.slice(2, -2).split(' | '))
    .map(([first = '', ...cells]) => ({ id: first, proofs: cells.at(-1)?.split(' · ') ?? [] }))
    .filter((claim) => id.test(claim.id));
}

/** The proofs that name no test, or none that exists. */
export async function emptyProofs({ proofs }: Claim): Promise<string[]> {
  const isShown = await Promise.all(proofs.map((proof) => words.test(proof) || isTest(proof)));
  return proofs.filter((_, i) => !isShown[i]);
}

async function isTest(proof: string): Promise<boolean> {
  const [, file = '', title = ''] = /^([\w/-]+): (.+)$/.exec(proof) ?? [];
  const source = readFile(new URL(`test/${file}.test.ts`, root), 'utf8').catch(() => '');
  return title !== '' && (await source).includes(title);
}
