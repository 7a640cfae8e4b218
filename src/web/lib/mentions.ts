/** Mentions in what is shown: `@name` of a member, as src/mentions finds them on the server. */

/** A piece of a text, and whether it is a mention. */
export interface Piece {
  readonly text: string;
  readonly isMention: boolean;
}

export type MentionFinder = (text: string) => readonly Piece[];

/** A mention starts at an @ that does not end a word, as it does in an e-mail address. */
const start = /(?<![\p{L}\p{M}\p{N}_])@/gu;

/** A name ends where no letter, mark or digit follows. */
const inWord = /^[\p{L}\p{M}\p{N}]/u;

/**
 * Makes what splits texts at the mentions of these names, the longest name first and in any case.
 * An @ costs one look-up for each length that a name has (32 at most), however many names there are.
 */
export function mentionFinder(names: Iterable<string>): MentionFinder {
  const known = new Set(Array.from(names, (name) => name.toLowerCase()));
  known.delete('');
  const lengths = [...new Set(Array.from(known, (name) => name.length))].sort((a, b) => b - a);
  const lengthAt = (text: string, at: number): number => {
    const behind = text.slice(at, at + (lengths[0] ?? 0) + 2);
    const folded = behind.toLowerCase();
    const isNamed = (length: number) =>
      known.has(folded.slice(0, length)) && !inWord.test(behind.slice(length));
    return lengths.find(isNamed) ?? 0;
  };
  return (text) => {
    const pieces: Piece[] = [];
    let from = 0;
    for (const { index } of text.matchAll(start)) {
      const length = index < from ? 0 : lengthAt(text, index + 1);
      if (length === 0) continue;
      const end = index + 1 + length;
      pieces.push({ text: text.slice(from, index), isMention: false });
      pieces.push({ text: text.slice(index, end), isMention: true });
      from = end;
    }
    pieces.push({ text: text.slice(from), isMention: false });
    return pieces.filter((piece) => piece.text !== '');
  };
}
