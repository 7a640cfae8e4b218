/** A reader of GET /api/events on a real connection, by the HTML living standard. */
import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { FastifyInstance } from 'fastify';
import type { Test } from 'tap';
import type { Person, World } from './world.ts';

/** Every 15 seconds, and once everything missed has been sent. */
export const beat = 'event: beat\ndata: {}\n\n';

export interface SseEvent {
  /** The last id that the stream has named; undefined for an event without one of its own. */
  readonly id: number | undefined;
  readonly type: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into events of every shape.
  readonly data: any;
  /** Its bytes, with the blank line. */
  readonly text: string;
}

interface Where {
  readonly url: string;
  readonly cookie: string;
  readonly query?: string;
  readonly lastEventId?: string;
}

export class EventReader {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  /** Everything received so far. */
  text = '';
  /** The events received so far, without those that only name an id. */
  readonly events: SseEvent[] = [];
  /** The build of the client, named by the first event, which is not among the events. */
  build = '';
  /** The number of beats, which are not among the events either. */
  beats = 0;
  /** What a browser would send as Last-Event-ID. */
  lastId: number | undefined;
  hasEnded = false;
  /** Whether the connection broke, instead of ending in order. */
  isBroken = false;
  readonly #response: IncomingMessage;
  #rest = '';
  #limit = Number.POSITIVE_INFINITY;
  #taken = 0;
  #wake = Promise.withResolvers<void>();

  constructor(response: IncomingMessage) {
    this.#response = response;
    this.status = response.statusCode ?? 0;
    this.headers = response.headers;
    response.setEncoding('utf8');
    response.on('data', (text: string) => this.#read(text));
    response.on('error', () => undefined);
    response.on('close', () => {
      this.hasEnded = true;
      this.isBroken = !response.complete;
      this.#rouse();
    });
  }

  /** Resolves as soon as `isDone` returns true; rejects if the stream ends before. */
  async until(isDone: () => boolean): Promise<void> {
    while (!isDone()) {
      if (this.hasEnded) throw new Error(`the stream has ended: ${this.text.slice(-500)}`);
      await this.#wake.promise;
    }
  }

  /** Resolves when the stream is over. */
  async ended(): Promise<void> {
    while (!this.hasEnded) await this.#wake.promise;
  }

  /** Resolves with the next event of a type that was not taken yet; takes all before it. */
  async next(type: string): Promise<SseEvent> {
    const find = () => this.events.findIndex((event, i) => i >= this.#taken && event.type === type);
    await this.until(() => find() >= 0);
    const index = find();
    this.#taken = index + 1;
    return this.events[index] as SseEvent;
  }

  /**
   * The bytes of all events since the last call. No more are on their way then: the reader's user
   * makes a chat, and that event, which comes after all others, has arrived.
   */
  async take(person: Person): Promise<string> {
    const marker = Number((await person.createChat('marker')).split('/').at(-1)) + 1;
    const markers = markersOf(person);
    markers.add(marker);
    const find = () => this.events.findIndex((event) => event.id === marker);
    await this.until(() => find() >= 0);
    const taken = this.events.slice(this.#taken, find());
    this.#taken = find() + 1;
    const isMarker = ({ id = 0, type }: SseEvent) => type === 'member.joined' && markers.has(id);
    const received = taken.filter((event) => !isMarker(event));
    return received.map((event) => event.text).join('');
  }

  /** Stops reading, so that the server's bytes pile up. */
  pause(): void {
    this.#response.pause();
  }

  resume(): void {
    this.#response.resume();
  }

  /** Breaks the connection after this many more characters, wherever that is. */
  cut(after = 0): void {
    this.#limit = this.text.length + after;
    if (after === 0) this.#response.destroy();
  }

  #read(arrived: string): void {
    const text = arrived.slice(0, this.#limit - this.text.length);
    if (text !== arrived) this.#response.destroy();
    this.text += text;
    this.#rest += text;
    const blocks = this.#rest.split(/(?<=\n\n|\r\r|\r\n\r\n)/);
    this.#rest = /(\n\n|\r\r|\r\n\r\n)$/.test(blocks.at(-1) ?? '') ? '' : (blocks.pop() ?? '');
    for (const block of blocks) this.#dispatch(block);
    this.#rouse();
  }

  #dispatch(text: string): void {
    let id: number | undefined;
    let type = 'message';
    const data: string[] = [];
    for (const line of text.split(/\r\n|\n|\r/)) {
      const [, field, value = ''] = /^([^:]*)(?:: ?(.*))?$/s.exec(line) ?? [];
      if (field === 'id') id = Number(value);
      if (field === 'event') type = value;
      if (field === 'data') data.push(value);
    }
    this.lastId = id ?? this.lastId;
    if (type === 'hello') this.build = JSON.parse(data.join('\n')).build;
    else if (type === 'beat') this.beats += 1;
    else if (data.length > 0)
      this.events.push({ id, type, data: JSON.parse(data.join('\n')), text });
  }

  #rouse(): void {
    this.#wake.resolve();
    this.#wake = Promise.withResolvers();
  }
}

const markersOfApp = new WeakMap<FastifyInstance, Set<number>>();

/** The events that only show that no others were on their way. */
function markersOf({ app }: Person): Set<number> {
  const markers = markersOfApp.get(app) ?? new Set();
  markersOfApp.set(app, markers);
  return markers;
}

/** Opens a stream; resolves with it once its headers have arrived. */
export async function openEvents(
  t: Test,
  { url, cookie, query = '', lastEventId }: Where,
): Promise<EventReader> {
  const headers = { cookie, ...(lastEventId !== undefined && { 'last-event-id': lastEventId }) };
  const sent = request(`${url}/api/events${query}`, { headers, agent: false }).end();
  t.teardown(() => sent.destroy());
  sent.on('error', () => undefined);
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  return new EventReader(response);
}

/** Opens a live stream, which gets new events as they happen. */
export async function follow(
  t: Test,
  world: World,
  person: Person,
  options: Partial<Where> = {},
): Promise<EventReader> {
  const reader = await openEvents(t, {
    url: await addressOf(world),
    cookie: cookieOf(person),
    ...options,
  });
  await reader.until(() => reader.lastId !== undefined);
  return reader;
}

export function cookieOf({ cookies }: Person): string {
  return Object.entries(cookies)
    .map(([name, value]) => `${name}=${value}`)
    .join('; ');
}

/** The address of a world; it starts to listen for the first reader. */
export async function addressOf({ app }: World): Promise<string> {
  if (!app.server.listening) await app.listen({ host: '127.0.0.1', port: 0 });
  return `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`;
}
