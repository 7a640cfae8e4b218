import { countAll } from '../admin/queries.ts';
import { type Command, readArguments } from './command.ts';
import { withDatabase } from './database.ts';
import { filesOf } from './files.ts';
import { printJson } from './print.ts';

export const stats: Command = {
  usage: 'stats [--json]',
  summary: 'Tell how much there is of everything.',
  async run(args) {
    const { values } = readArguments(stats.usage, args, { json: { type: 'boolean' } });
    await withDatabase(async (db, { databaseFile }) => {
      const counts = await db.read(countAll, {});
      const files = Object.fromEntries(filesOf(databaseFile).map(({ path, size }) => [path, size]));
      if (values.json) printJson({ ...counts, files });
      else print({ ...counts, ...files });
    });
  },
};

/** Counts, and sizes in bytes, with their digits below each other. */
function print(numbers: Record<string, number>): void {
  const width = Math.max(...Object.values(numbers).map((number) => String(number).length));
  for (const [name, number] of Object.entries(numbers)) {
    console.log(
      `${String(number).padStart(width)}  ${name.includes('/') ? 'bytes in ' : ''}${name}`,
    );
  }
}
