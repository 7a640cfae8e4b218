/** The documents of the project, as tests read them: parts, tables and blocks of code. */
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';

export const root = new URL('../../', import.meta.url);

export class Document {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }

  static async read(path: string): Promise<Document> {
    return new Document(await readFile(new URL(path, root), 'utf8'));
  }

  /** For what must be known while tests are defined. */
  static readSync(path: string): Document {
    return new Document(readFileSync(new URL(path, root), 'utf8'));
  }

  /** A part by its heading of level 2 or 3, like `## Routes`, with the parts below it. */
  part(heading: string): Document {
    const [, rest] = this.text.split(`\n${heading}\n`);
    if (rest === undefined) throw new Error(`There is no part "${heading}".`);
    const next = heading.startsWith('###') ? /\n###? / : /\n## /;
    return new Document(rest.split(next)[0] ?? '');
  }

  /** The rows of its tables, without their heads. */
  get rows(): string[] {
    const tables = this.text.matchAll(/^\|[^\n]*\n\|[-|]+\n((?:\|[^\n]*(?:\n|$))*)/gm);
    return Array.from(tables, ([, rows = '']) => rows.trimEnd().split('\n')).flat();
  }

  /** Its blocks of code. */
  get blocks(): string[] {
    return Array.from(this.text.matchAll(/^```\w*\n(.*?)^```$/gms), ([, block = '']) => block);
  }
}

/** The settings of a block of code, a line each. */
export function environmentOf(block: string): Record<string, string> {
  const lines = block.trim().split('\n');
  return Object.fromEntries(lines.map((line) => line.split('=')));
}
