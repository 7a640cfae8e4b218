/**
 * A disk after a power cut: strace records a program's writes, and any that were not yet fsynced
 * may be there, in part, or not at all.
 */
import { readFileSync } from 'node:fs';

/** A line of the record: the call, and the end of the line in the record, in bytes. */
interface Step {
  readonly call: string;
  readonly path: string;
  readonly bytes: Buffer;
  /** The offset in the file at which it writes, or at which it truncates. */
  readonly at: number;
  readonly end: number;
}

/** The options that make strace record all calls on these paths. */
export function recording(trace: string, paths: readonly string[]): string[] {
  const calls =
    'trace=openat,pwrite64,pwritev,write,fsync,fdatasync,ftruncate,fallocate,unlink,rename';
  const only = paths.flatMap((path) => ['-P', path]);
  const whole = ['-y', '-xx', '-s', '1000000'];
  return ['strace', '-D', '-f', ...whole, '--seccomp-bpf', '-e', calls, ...only, '-o', trace];
}

const line = /^\d+ +(\w+)\((?:(?:\d+|AT_FDCWD)<([^>]*)>)?(?:, )?(?:"([^"]*)")?(.*)\) += (-?\d+|\?)/;

/** The steps of a record, in order. */
export function readRecord(trace: string): Step[] {
  let end = 0;
  const unfinishedCalls = new Map<string, string>();
  return readFileSync(trace, 'latin1')
    .split('\n')
    .flatMap((text) => {
      end += text.length + 1;
      const whole = join(text, unfinishedCalls);
      return whole === undefined || /^(\d+ +(\+\+\+|---)|$)/.test(whole)
        ? []
        : readStep(whole, end);
    });
}

/**
 * A call in one line: where the calls of two threads overlap, strace writes one of them in two.
 *
 * @param unfinishedCalls the calls that each thread has started and not finished.
 */
function join(text: string, unfinishedCalls: Map<string, string>): string | undefined {
  const [, unfinished, thread = ''] = /^((\d+) .*) <unfinished \.\.\.>$/.exec(text) ?? [];
  if (unfinished !== undefined) {
    unfinishedCalls.set(thread, unfinished);
    return undefined;
  }
  const [, resuming = '', end] = /^(\d+) +<\.\.\. \w+ resumed>(.*)$/.exec(text) ?? [];
  return end === undefined ? text : `${unfinishedCalls.get(resuming)}${end}`;
}

function readStep(text: string, end: number): Step[] {
  const [, call = '', place = '', data = '', rest = '', result] = line.exec(text) ?? [];
  const numbers = rest.match(/\d+/g)?.map(Number) ?? [];
  if (result === '-1') return [];
  // The program was killed in this call: what it wrote may be there, but nothing is certain.
  const isKilled = result === '?';
  const bytes = decode(data);
  const of = (path: string, at = 0) => [{ call, path, bytes, at, end }];
  if (call === 'openat') return rest.includes('O_CREAT') ? of(bytes.toString()) : [];
  if (call === 'unlink') return of(bytes.toString());
  if (call === 'fsync' || call === 'fdatasync') {
    return isKilled ? [] : of(decode(place).toString());
  }
  if (call === 'ftruncate') return of(decode(place).toString(), numbers[0]);
  if (call === 'pwrite64' && (isKilled || Number(result) === bytes.length)) {
    return of(decode(place).toString(), numbers.at(-1));
  }
  throw new Error(`not understood: ${text.slice(0, 200)}`);
}

/** The bytes of a string in strace's -xx format. */
const decode = (text: string) => Buffer.from(text.replaceAll('\\x', ''), 'hex');

/** Decides whether an unsynced change is on the disk. */
export type Chance = () => boolean;

interface File {
  /** The contents that are on the disk for certain. */
  synced: Buffer;
  /** The changes since then. */
  pending: Step[];
}

/** A folder of files after the steps so far. */
export class Disk {
  readonly #folder: string;
  #entries = new Map<string, File>();
  /** The files created or deleted since the folder was synced. */
  #pending: [path: string, file: File | undefined][] = [];

  constructor(folder: string) {
    this.#folder = folder;
  }

  apply(step: Step): void {
    const { call, path } = step;
    const file = this.#entriesWith(() => true).get(path);
    if (call === 'openat') {
      if (file === undefined) this.#pending.push([path, { synced: Buffer.alloc(0), pending: [] }]);
    } else if (call === 'unlink') this.#pending.push([path, undefined]);
    else if (path === this.#folder) this.#syncFolder();
    else if (file === undefined) throw new Error(`${path} is not there: ${call}`);
    else if (call === 'fsync' || call === 'fdatasync') sync(file);
    else file.pending.push(step);
  }

  /** The files, by path, if the power were cut now. */
  afterCut(chance: Chance): Map<string, Buffer> {
    const entries = [...this.#entriesWith(chance)];
    return new Map(entries.map(([path, file]) => [path, contentOf(file, chance)]));
  }

  /** Folders are journalled in order: the disk has all changes of one up to some moment. */
  #entriesWith(chance: Chance): Map<string, File> {
    const entries = new Map(this.#entries);
    for (const [path, file] of this.#pending) {
      if (!chance()) break;
      if (file === undefined) entries.delete(path);
      else entries.set(path, file);
    }
    return entries;
  }

  #syncFolder(): void {
    this.#entries = this.#entriesWith(() => true);
    this.#pending = [];
  }
}

function sync(file: File): void {
  file.synced = contentOf(file, () => true);
  file.pending = [];
}

/** A disk writes whole sectors of this many bytes, in any order. */
const sector = 512;

function contentOf({ synced, pending }: File, chance: Chance): Buffer {
  const ends = pending.map(({ at, bytes }) => at + bytes.length);
  const content = Buffer.alloc(Math.max(synced.length, ...ends));
  let size = synced.copy(content);
  for (const { call, at, bytes } of pending) {
    if (call === 'ftruncate') {
      if (!chance()) continue;
      content.fill(0, at);
      size = at;
      continue;
    }
    for (const [from, to] of sectorsOf(at, bytes.length)) {
      if (chance()) size = Math.max(size, at + from + bytes.copy(content, at + from, from, to));
    }
  }
  return content.subarray(0, size);
}

/** The parts of a write, each within one sector. */
function* sectorsOf(at: number, length: number): Generator<[from: number, to: number]> {
  for (let from = 0; from < length; ) {
    const to = Math.min(length, from + sector - ((at + from) % sector));
    yield [from, to];
    from = to;
  }
}
