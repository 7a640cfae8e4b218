import { closeSync, openSync, readSync, statSync } from 'node:fs';
import { OperatorError } from '../../errors.ts';

/** "Snug" in ASCII: marks a file as ours (SQLite's PRAGMA application_id). */
export const applicationId = 0x536e7567;

const magic = 'SQLite format 3\0';
const pageSizeOffset = 16;
const pageCountOffset = 28;
const versionOffset = 60;
const applicationIdOffset = 68;
const headerBytes = 100;

/**
 * Refuses a file that is not ours by its first 100 bytes, before SQLite opens it: opening may
 * already write to it. The layout is defined in
 * https://sqlite.org/fileformat2.html#the_database_header.
 *
 * @param advice what to do about it, as a sentence.
 * @throws OperatorError for a file that is not a database, or another program's.
 */
export function checkHeader(file: string, advice = 'Name another file in DATABASE_URL.'): void {
  const header = firstBytes(file);
  if (header.length === 0) checkEmpty(file);
  else checkMagic(file, header, advice);
}

function checkMagic(file: string, header: Buffer, advice: string): void {
  if (!isDatabase(header)) {
    throw new OperatorError(`${file} is not a database. ${advice}`);
  }
  if (header.readUInt32BE(applicationIdOffset) !== applicationId) {
    throw new OperatorError(`${file} is the database of another program. ${advice}`);
  }
}

/** Whether SQLite would accept a file as a database of any program. */
export function hasHeader(file: string): boolean {
  return isDatabase(firstBytes(file));
}

/** How many migrations a database of ours has had, by its header only; 0 if it is not ours. */
export function versionOf(file: string): number {
  const header = firstBytes(file);
  return isOurs(header) ? header.readUInt32BE(versionOffset) : 0;
}

/**
 * The size of a database of ours according to its header, in bytes; undefined if it is not ours.
 */
export function sizeOf(file: string): number | undefined {
  const header = firstBytes(file);
  if (!isOurs(header)) return undefined;
  const pageSize = header.readUInt16BE(pageSizeOffset);
  // The largest page size, 65,536 bytes, does not fit in two bytes.
  return (pageSize === 1 ? 65_536 : pageSize) * header.readUInt32BE(pageCountOffset);
}

const isOurs = (header: Buffer) =>
  isDatabase(header) && header.readUInt32BE(applicationIdOffset) === applicationId;

const isDatabase = (header: Buffer) =>
  header.length === headerBytes && header.toString('latin1', 0, magic.length) === magic;

/** An empty file becomes a database, unless a WAL next to it shows that it was one before. */
function checkEmpty(file: string): void {
  const log = statSync(`${file}-wal`, { throwIfNoEntry: false });
  if (log !== undefined && log.size > 0) {
    throw new OperatorError(
      `${file} is damaged: it is empty, but its WAL is not. Restore a backup.`,
    );
  }
}

function firstBytes(file: string): Buffer {
  const descriptor = openSync(file, 'r');
  try {
    const bytes = Buffer.alloc(headerBytes);
    return bytes.subarray(0, readSync(descriptor, bytes, 0, headerBytes, 0));
  } finally {
    closeSync(descriptor);
  }
}
