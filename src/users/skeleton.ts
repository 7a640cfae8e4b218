/**
 * Names that look alike: the skeletons of UTS 39, section 4, with two differences. A character
 * stands for one character only, so that Bam may join Barn. Names are compared ignoring case, but a
 * capital I looks like l, and a capital L does not.
 */
import { hash } from 'node:crypto';
import { confusables } from './confusables.ts';

/** Each character's class, as the class's first character. */
let prototypes: ReadonlyMap<string, string> | undefined;

/** The class of I, l, 1 and |, as a character that no name has. */
const bar = '\n';

/**
 * The stored skeletons of a name, by which names that look like it are found: of the name as shown,
 * in capitals and with capital initials. They are hashed, because the names of former users are not
 * stored in the clear.
 */
export function skeletonsOf(name: string): string[] {
  const [capitals, initials] = casesOf(name);
  return digestAll([
    fold(name),
    `shown ${trace(name)}`,
    `cased ${trace(capitals)}`,
    `cased ${trace(initials)}`,
  ]);
}

/** The skeletons to search for before another user gets this name. */
export function lookAlikesOf(name: string): string[] {
  const [capitals, initials] = casesOf(name);
  return digestAll([
    fold(name),
    `cased ${trace(name)}`,
    `shown ${trace(capitals)}`,
    `shown ${trace(initials)}`,
  ]);
}

/** A name as it looks, ignoring case: names that are equal here cannot be told apart. */
export function fold(name: string): string {
  return trace(name).toLowerCase();
}

/** A name as it looks, in the case in which it is written. */
function trace(name: string): string {
  prototypes ??= readPrototypes();
  let traced = '';
  for (const char of decompose(name)) traced += prototypes.get(char) ?? char;
  return traced.normalize('NFD');
}

function decompose(name: string): string {
  return name.normalize('NFKC').normalize('NFD');
}

function casesOf(name: string): [capitals: string, initials: string] {
  const initials = name
    .toLowerCase()
    .replace(/(?<![\p{L}\p{M}])\p{L}/gu, (letter) => letter.toUpperCase());
  return [name.toUpperCase(), initials];
}

function readPrototypes(): ReadonlyMap<string, string> {
  const classes = confusables
    .trim()
    .split('\n')
    .map((line) => line.split(' ').map((code) => String.fromCodePoint(Number.parseInt(code, 16))));
  return new Map(
    classes.flatMap((members) => {
      const prototype = members.includes('l') ? bar : (members[0] ?? '');
      return members.map((member) => [member, prototype] as const);
    }),
  );
}

/** 132 bits: nobody can find two names with the same hash. */
function digestAll(skeletons: readonly string[]): string[] {
  const digests = skeletons.map((skeleton) => hash('sha256', skeleton, 'base64url').slice(0, 22));
  return [...new Set(digests)];
}
