/** Refused names: those that deceive readers, by UTS 39 or by their meaning. */
import { Refusal } from '../errors.ts';
import { scripts } from './scripts.ts';
import { fold } from './skeleton.ts';

/**
 * Refuses a new name that deceives readers. Existing names stay valid.
 *
 * @throws Refusal `name_marks`, `name_mixed_scripts`, `name_reserved`
 */
export function checkName(name: string): void {
  if (hasStrayMarks(name)) throw new Refusal('name_marks');
  if (!isHighlyRestrictive(name)) throw new Refusal('name_mixed_scripts');
  if (isReserved(name)) throw new Refusal('name_reserved');
}

/** Scripts in which a letter may rightly have several marks, as in လှိုင် and སྒྲོལ་མ. */
const stacking = 'Beng Deva Gujr Guru Khmr Knda Laoo Mlym Mymr Orya Sinh Taml Telu Thai Tibt'.split(
  ' ',
);

let stray: RegExp | undefined;

/**
 * Whether marks belong to no letter, a letter has more than 2, or they cross or enclose it; UTS 39,
 * 5.4. Iota subscript counts as a letter, because it was one.
 */
function hasStrayMarks(name: string): boolean {
  stray ??= new RegExp(
    [
      '^\\p{M}|[\\p{Z}\\p{P}]\\p{M}',
      '[\\u0334-\\u0338\\p{Me}]',
      `(?:(?![${stacking.map((script) => `\\p{Script=${script}}`).join('')}])\\p{Mn}){3}`,
      '\\p{Mn}{5}',
      '(\\p{Mn})\\1',
    ].join('|'),
    'u',
  );
  return stray.test(name.normalize('NFD').replaceAll('\u0345', 'ι'));
}

/** Scripts that are written together, in Japan, Taiwan and Korea, each also with Latin. */
const together = ['Latn Hani Hira Kana', 'Latn Hani Bopo', 'Latn Hani Hang'];

const patterns = new Map<string, RegExp>();

/** The level "highly restrictive" of UTS 39, 5.2: one script, or several written together. */
function isHighlyRestrictive(name: string): boolean {
  // Digits and other characters common to all scripts may appear anywhere.
  const letters = name.normalize('NFKC').replace(/[\p{scx=Zyyy}\p{scx=Zinh}]+/gu, '');
  return letters === '' || [...scripts, ...together].some((set) => isOf(letters, set));
}

/** Whether a whole text belongs to a set of scripts. */
function isOf(text: string, set: string): boolean {
  let pattern = patterns.get(set);
  if (pattern === undefined) {
    const classes = set.split(' ').map((script) => `\\p{scx=${script}}`);
    pattern = new RegExp(`^[${classes.join('')}]+$`, 'u');
    patterns.set(set, pattern);
  }
  return pattern.test(text);
}

/** Roles on a server, which no name may claim. */
const roles = [
  ...['admin', 'admins', 'sysadmin', 'administrator', 'administrators', 'administratorin'],
  ...['moderator', 'moderators', 'moderatorin', 'moderatoren'],
];

/** Titles, refused in brackets and where set apart in other ways: "alice (owner)". */
const titles = [
  ...['snug', 'system', 'mod', 'mods', 'owner', 'staff', 'support', 'team', 'bot', 'official'],
  ...['verified', 'inhaber', 'inhaberin', 'besitzer', 'besitzerin', 'offiziell', 'verifiziert'],
];

/** Words that the client shows in place of a name, and words that a mention could address. */
const words = [
  ...['deleted user', 'deleted account', 'gelöschtes konto', 'gelöschter benutzer'],
  ...['you', 'du', 'all', 'here', 'channel', 'everyone', 'everybody', 'nobody', 'anonymous'],
  ...['alle', 'hier', 'kanal', 'jeder', 'niemand', 'anonym', 'direct chat', 'direktchat'],
];

/** The words as they look, in lower case, in capitals, and with capital initials. */
const asShown = (list: readonly string[]) =>
  new Set(
    list
      .flatMap((word) => [word, word.toUpperCase(), word.replace(/\b./g, (c) => c.toUpperCase())])
      .map((word) => fold(word).replaceAll(' ', '')),
  );

let reserved: { role: Set<string>; apart: Set<string>; any: Set<string> } | undefined;

/** Whether a name claims a role, or claims to be everybody, nobody or a mention. */
function isReserved(name: string): boolean {
  reserved ??= {
    role: asShown(roles),
    apart: asShown([...roles, ...titles]),
    any: asShown([...roles, ...titles, ...words]),
  };
  const { role, apart, any } = reserved;
  const shown = name.normalize('NFKC');
  if (shown.startsWith('@')) return true;
  const parts = splitParts(shown);
  const tokens = parts.flatMap(splitWords);
  if (tokens.some((token) => role.has(token)) || any.has(tokens.join(''))) return true;
  if (tokens.length > 0 && tokens.every((token) => any.has(token))) return true;
  return parts.length > 1 && parts.some((part) => apart.has(splitWords(part).join('')));
}

/** The parts of a name, separated by brackets, bars, colons, or dashes with spaces. */
function splitParts(name: string): string[] {
  return name.split(/ [-–—.] |[^\p{L}\p{M}\p{N} '’.\-_]+/u).filter((part) => part.trim() !== '');
}

/** The words of a part, as they look. */
function splitWords(part: string): string[] {
  return part.split(/[^\p{L}\p{M}\p{N}|]+/u).flatMap((word) => (word === '' ? [] : [fold(word)]));
}
