/** Finds mentions in displayed texts, by the server's own rule. */
import { chooseMentions, mentionStart, nameCandidates } from '../../mentions/candidates.ts';
import { canonicalName } from '../../users/canonical.ts';

/** A piece of a text, and whether it is a mention. */
export interface Piece {
  readonly text: string;
  readonly isMention: boolean;
}

/** Finds the mentions of the users with these names; the longest name wins. */
export class MentionFinder {
  readonly #nameKeys: ReadonlySet<string>;

  constructor(names: Iterable<string>) {
    this.#nameKeys = new Set(Array.from(names, canonicalName));
  }

  /** Splits a text at its mentions. */
  split(text: string): readonly Piece[] {
    const pieces: Piece[] = [];
    let from = 0;
    const isName = (name: string) => this.#nameKeys.has(canonicalName(name));
    for (const { index, name } of chooseMentions(nameCandidates(text), isName)) {
      const end = index + 1 + name.length;
      pieces.push({ text: text.slice(from, index), isMention: false });
      pieces.push({ text: text.slice(index, end), isMention: true });
      from = end;
    }
    pieces.push({ text: text.slice(from), isMention: false });
    return pieces.filter((piece) => piece.text !== '');
  }
}

/** Whether a text may mention a user; a longer name of another member may match instead. */
export function mayCall(text: string, name: string): boolean {
  return isCalled(text, name, []);
}

/** Whether a text mentions a user, given the names of the others. */
export function isCalled(text: string, name: string, others: Iterable<string>): boolean {
  if (!/[@＠]/.test(text)) return false;
  const own = canonicalName(name);
  return new MentionFinder([name, ...others])
    .split(text)
    .some((piece) => piece.isMention && canonicalName(piece.text.slice(1)) === own);
}

/** A mention being typed: an @ and the start of a name, right before the caret. */
export const beingTyped = new RegExp(`${mentionStart}([^@＠\\n]{0,32})$`, 'u');

/** The names with a word that starts with the typed text, regardless of case and accents. */
export function namesLike(typed: string, names: readonly string[]): string[] {
  const start = folded(typed);
  const startsWith = (name: string) => folded(name).startsWith(start);
  const first = names.filter(startsWith);
  const others = names.filter((name) => folded(name).includes(` ${start}`));
  return [...new Set([...first, ...others])];
}

/** A name as typed on a keyboard without accents: İlker is ilker, Zoë is zoe. */
function folded(name: string): string {
  return canonicalName(name).normalize('NFKD').replace(/\p{M}/gu, '').replaceAll('ı', 'i');
}
