/** Databases of older versions, each with the answers of its program to the people in it. */
import { readdirSync, readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';

/** The answer at one address, and who received it. */
export interface Recorded {
  readonly path: string;
  readonly people: string[];
  readonly status: number;
  readonly body: unknown;
  readonly link: string | null;
}

export interface RecordedEvent {
  readonly id: number | undefined;
  readonly type: string;
  readonly data: unknown;
}

export interface Recording {
  /** When it was recorded, in ms since 1970. */
  readonly at: number;
  readonly password: string;
  /** Cookies by the names of people. */
  readonly cookies: Readonly<Record<string, string>>;
  /** Addresses and ids of what is in the database. */
  readonly places: Readonly<Record<string, string>>;
  readonly answers: readonly Recorded[];
  /** The id of an event, and the events after it by the names of people. */
  readonly first: string;
  readonly events: Readonly<Record<string, readonly RecordedEvent[]>>;
}

const folder = new URL('../fixtures/', import.meta.url);

/** The names of all fixtures: each is a version of the schema, by its number of migrations. */
export const fixtures = readdirSync(folder)
  .filter((name) => name.endsWith('.db.gz'))
  .map((name) => name.slice(0, -'.db.gz'.length));

export function readFixture(name: string): { database: Buffer; recording: Recording } {
  const read = (suffix: string) => gunzipSync(readFileSync(new URL(name + suffix, folder)));
  return { database: read('.db.gz'), recording: JSON.parse(String(read('.json.gz'))) };
}

interface Page {
  readonly status: number;
  readonly body: unknown;
  readonly link: string | null;
}

/** Requests an address; for a search, whose pages vary, all its pages. */
export async function askAll(
  path: string,
  ask: (path: string) => Promise<Page>,
): Promise<Omit<Recorded, 'people' | 'path'>> {
  const page = await ask(path);
  const found = hitsOf(page);
  if (found === undefined) return page;
  const hits = [...found];
  for (let { link } = page; link !== null; ) {
    const next = await ask(link.replace(/^<|>.*/g, ''));
    hits.push(...(hitsOf(next) ?? []));
    link = next.link;
  }
  return { status: page.status, body: { hits }, link: null };
}

const hitsOf = ({ body }: Page) => (body as { hits?: readonly unknown[] }).hits;

/** A value with only the fields of an older one, because fields may be new. */
export function asBefore(now: unknown, before: unknown): unknown {
  if (Array.isArray(now) && Array.isArray(before)) {
    return now.map((item, index) => asBefore(item, before[index]));
  }
  if (!isObject(now) || !isObject(before)) return now;
  const common = Object.keys(before).filter((key) => key in now);
  return Object.fromEntries(common.map((key) => [key, asBefore(now[key], before[key])]));
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
