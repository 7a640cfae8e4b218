/** The project's documents as tests read them: sections, tables and code blocks. */
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

  /** For tests that need it while they are defined. */
  static readSync(path: string): Document {
    return new Document(readFileSync(new URL(path, root), 'utf8'));
  }

  /** A section by its heading of level 2 or 3, like `## Routes`, with its subsections. */
  section(heading: string): Document {
    const [, rest] = this.text.split(`\n${heading}\n`);
    if (rest === undefined) throw new Error(`There is no section "${heading}".`);
    const next = heading.startsWith('###') ? /\n###? / : /\n## /;
    return new Document(rest.split(next)[0] ?? '');
  }

  /** The rows of its tables, without their heads. */
  get rows(): string[] {
    const tables = this.text.matchAll(/^\|[^\n]*\n\|[-|]+\n((?:\|[^\n]*(?:\n|$))*)/gm);
    return Array.from(tables, ([, rows = '']) => rows.trimEnd().split('\n')).flat();
  }

  /** Its code blocks. */
  get blocks(): string[] {
    return Array.from(this.text.matchAll(/^```\w*\n(.*?)^```$/gms), ([, block = '']) => block);
  }
}

/** The settings of a code block, one per line. */
export function environmentOf(block: string): Record<string, string> {
  const lines = block.trim().split('\n');
  return Object.fromEntries(lines.map((line) => line.split('=')));
}
