/**
 * Generates src/users/confusables.ts from Unicode's data for UTS 39:
 *
 *     node build/confusables.ts < confusables.txt > src/users/confusables.ts
 *
 * https://www.unicode.org/Public/security/latest/confusables.txt
 */
import { text } from 'node:stream/consumers';

const source = await text(process.stdin);
const version = /^# Version: (\S+)/m.exec(source)?.[1];
if (version === undefined) throw new Error('this is not confusables.txt');

const classes = Map.groupBy(readLines(source), ([, prototype]) => prototype)
  .entries()
  .map(([prototype, lines]) => membersOf(prototype, lines))
  .filter((members) => members.length > 1)
  .map((members) => members.map((char) => char.codePointAt(0)?.toString(16)).join(' '));

console.log(`/**
 * Which characters look like which, one class a line, in hexadecimal; the first stands for all. Made
 * by build/confusables.ts of Unicode's confusables.txt ${version} for UTS 39.
 *
 * © Unicode, Inc., under the Unicode License v3: https://www.unicode.org/license.txt
 */
export const confusables = \`
${[...classes].join('\n')}
\`;`);

/**
 * Characters and what each looks like, but only characters that occur in the compared form of
 * names.
 */
function readLines(source: string): [char: string, prototype: string][] {
  return [...source.matchAll(/^([0-9A-F]+) ;\t([0-9A-F ]+) ;/gm)]
    .map(([, char = '', prototype = '']): [string, string] => [read(char), read(prototype)])
    .filter(([char]) => isComparable(char));
}

function read(hexadecimal: string): string {
  return String.fromCodePoint(...hexadecimal.split(' ').map((code) => Number.parseInt(code, 16)));
}

function isComparable(char: string): boolean {
  return char.normalize('NFKD') === char;
}

/**
 * A prototype of several characters is not part of the class, so that m does not equal rn: Bam may
 * coexist with Barn.
 */
function membersOf(prototype: string, lines: [char: string, prototype: string][]): string[] {
  const chars = lines.map(([char]) => char).sort();
  return [...prototype].length === 1 ? [prototype, ...chars] : chars;
}
