import { countAll } from '../accounts/queries.ts';
import { countFree } from '../db/admin/check.ts';
import { findNewest, type Newest } from '../jobs/backups.ts';
import { readArguments, type Subcommand } from './command.ts';
import { withDatabase } from './database.ts';
import { filesOf } from './files.ts';
import { printJson } from './print.ts';

export const stats: Subcommand = {
  usage: 'stats [--json]',
  summary: 'Show counts and disk usage.',
  async run(args) {
    const { values } = readArguments(stats.usage, args, { json: { type: 'boolean' } });
    await withDatabase(async (db, { databaseFile, backupDir }) => {
      const counts = await db.read(countAll, {});
      const free = await db.read(countFree, {});
      const files = Object.fromEntries(filesOf(databaseFile).map(({ path, size }) => [path, size]));
      const backup = backupDir === '' ? undefined : await findNewest(backupDir, Date.now());
      if (values.json)
        printJson({ ...counts, free, files, ...(backup && { backup: inSeconds(backup) }) });
      else print({ ...counts, ...files, ...inWords(free, backup) });
    });
  },
};

const inSeconds = ({ name, age }: Newest) => ({ name, age: Math.round(age / 1000) });

const inWords = (free: number, backup: Newest | undefined) => ({
  'bytes free in the database': free,
  ...(backup && { 'seconds since the newest backup': inSeconds(backup).age }),
});

/** Prints counts, and sizes in bytes, with their digits aligned. */
function print(numbers: Record<string, number>): void {
  const width = Math.max(...Object.values(numbers).map((number) => String(number).length));
  for (const [name, number] of Object.entries(numbers)) {
    console.log(
      `${String(number).padStart(width)}  ${name.includes('/') ? 'bytes in ' : ''}${name}`,
    );
  }
}
