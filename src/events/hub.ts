import type { FastifyBaseLogger } from 'fastify';
import type { EventRow, Told } from '../db/commit.ts';
import type { Snapshot } from '../db/query.ts';
import type { Store } from '../db/store.ts';
import { readSessionEnd } from '../sessions/sessions.ts';
import { textOf } from './describe.ts';
import { frame } from './frame.ts';
import { audiences, isPersonal } from './log.ts';
import { type Part, replay } from './replay.ts';
import type { Stream } from './stream.ts';

/** A user may have so many streams; one more ends the oldest. */
const streamLimit = 20;

/** An event and the streams that are told of it. */
interface Delivery {
  readonly event: Told;
  readonly to: readonly Stream[];
}

/**
 * Tells the open streams of what is committed, in the order of the log. A stream first reads the
 * log until it has all of it, and from that moment on is told by what the commits bring.
 */
export class Hub {
  readonly #db: Store;
  readonly #log: Pick<FastifyBaseLogger, 'error'>;
  readonly #byUser = new Map<number, Set<Stream>>();
  /** Only streams that are live. */
  readonly #byChat = new Map<number, Set<Stream>>();
  #newest = 0;
  #waiting: Delivery[] = [];
  #working = false;
  #isClosed = false;

  constructor(db: Store, log: Pick<FastifyBaseLogger, 'error'>) {
    this.#db = db;
    this.#log = log;
    db.onCommit((events) => this.#take(events));
  }

  /**
   * Opens a stream: first what its user has missed since an event, then what happens.
   *
   * @param since the id of the last event that the reader knows; undefined to begin with now.
   */
  async open(stream: Stream, since: number | undefined): Promise<void> {
    if (!this.#add(stream)) return stream.end();
    const { userId, sessionId } = stream;
    let position = since;
    while (stream.isOpen) {
      const part = await this.#db.read(replay, { userId, sessionId, since: position });
      if (part === undefined) return this.#dismiss(stream);
      stream.push(part.text);
      stream.flush();
      position = part.upTo;
      // In the same turn: nothing can be published between the look and the leap.
      if (part.isLast && position >= this.#newest) return this.#goLive(stream, part);
      await stream.drained();
    }
  }

  /** Forgets a stream that has ended. */
  remove(stream: Stream): void {
    remove(this.#byUser, stream.userId, stream);
    for (const chatId of stream.chats) remove(this.#byChat, chatId, stream);
  }

  /** Tells the others in a chat what is not in the log because it is soon over. */
  tell(chatId: number, type: string, data: object, except: number): void {
    const text = frame(type, data);
    for (const stream of this.#byChat.get(chatId) ?? []) {
      if (stream.userId !== except) send(stream, text);
    }
  }

  /**
   * Writes a comment to every stream: keeps the lines open, and finds out who is gone. A stream
   * whose session has run out ends.
   *
   * @param now in ms since 1970.
   */
  async beat(now: number): Promise<void> {
    for (const stream of this.#all()) {
      if (stream.sessionEndsAt <= now) await this.#checkSession(stream, now);
      send(stream, ':\n\n');
    }
  }

  /** Ends all streams, and those to come at once. */
  close(): void {
    this.#isClosed = true;
    for (const stream of this.#all()) stream.end();
  }

  #all(): Stream[] {
    return Array.from(this.#byUser.values(), (streams) => [...streams]).flat();
  }

  #add(stream: Stream): boolean {
    if (this.#isClosed) return false;
    const own = add(this.#byUser, stream.userId, stream);
    const [oldest] = own;
    if (own.size > streamLimit && oldest !== undefined) {
      this.remove(oldest);
      oldest.end();
    }
    return true;
  }

  #goLive(stream: Stream, { upTo, chatIds }: Part): void {
    if (!this.#byUser.get(stream.userId)?.has(stream)) return;
    stream.position = upTo;
    for (const chatId of chatIds) this.#enter(stream, chatId);
  }

  #take(events: readonly Told[]): void {
    this.#newest = events.at(-1)?.id ?? this.#newest;
    if (this.#byUser.size === 0) return;
    for (const event of events) {
      if (event.type === 'session.ended') this.#endSession(event);
      this.#waiting.push({ event, to: this.#receivers(event) });
    }
    if (!this.#working) void this.#work();
  }

  /** Who is told of an event; joining and leaving take effect with the event itself. */
  #receivers(event: EventRow): Stream[] {
    const { type, userId, chatId } = event;
    const own = this.#live(this.#byUser.get(userId ?? 0), event);
    const audience = audiences[type];
    if (audience !== 'members' || chatId === null) return audience === 'user' ? own : [];
    if (type === 'member.joined') for (const stream of own) this.#enter(stream, chatId);
    const receivers = this.#live(this.#byChat.get(chatId), event);
    if (type === 'member.left') for (const stream of own) this.#exit(stream, chatId);
    return receivers;
  }

  /** Those that have not had the event from the log. */
  #live(streams: Iterable<Stream> = [], event: EventRow): Stream[] {
    return Array.from(streams).filter((stream) => stream.position < event.id);
  }

  #enter(stream: Stream, chatId: number): void {
    stream.chats.add(chatId);
    add(this.#byChat, chatId, stream);
  }

  #exit(stream: Stream, chatId: number): void {
    stream.chats.delete(chatId);
    remove(this.#byChat, chatId, stream);
  }

  async #work(): Promise<void> {
    this.#working = true;
    while (this.#waiting.length > 0) {
      const deliveries = this.#waiting;
      this.#waiting = [];
      await this.#deliver(deliveries).catch((error: unknown) => {
        this.#log.error({ err: error }, 'events not told');
        // They resume, and are told from the log.
        for (const stream of receiversOf(deliveries)) stream.cut();
      });
    }
    this.#working = false;
  }

  async #deliver(deliveries: readonly Delivery[]): Promise<void> {
    const told = deliveries.filter(({ to }) => to.length > 0);
    if (told.length === 0) return;
    const events = told.map(({ event }) => event);
    const texts = await this.#db.read(textsOf, events);
    told.forEach(({ event, to }, index) => {
      for (const stream of to) if (mayKnow(stream, event)) stream.push(texts[index] ?? '');
    });
    for (const stream of receiversOf(told)) stream.flush();
  }

  /** At once, before what still waits to be told. */
  #endSession({ userId, sessionId }: EventRow): void {
    for (const stream of this.#byUser.get(userId ?? 0) ?? []) {
      if (stream.sessionId === sessionId) this.#dismiss(stream);
    }
  }

  async #checkSession(stream: Stream, now: number): Promise<void> {
    stream.sessionEndsAt = await this.#db.read(readSessionEnd, { id: stream.sessionId });
    if (stream.sessionEndsAt <= now) this.#dismiss(stream);
  }

  /**
   * Ends a stream whose session has ended. It is told so without an id: what it was not told any
   * more, its reader may resume after in another session.
   */
  #dismiss(stream: Stream): void {
    this.remove(stream);
    stream.push(frame('session.ended', { session_id: stream.sessionId }));
    stream.end();
  }
}

async function textsOf(snapshot: Snapshot, events: readonly Told[]): Promise<string[]> {
  const texts: string[] = [];
  for (const event of events) texts.push(await textOf(snapshot, event));
  return texts;
}

/**
 * Whether a stream may still be told of an event. Its text shows things as they are by now: who has
 * left the chat since must not see that.
 */
function mayKnow(stream: Stream, event: EventRow): boolean {
  return isPersonal(event, stream.userId) || stream.chats.has(event.chatId ?? 0);
}

function receiversOf(deliveries: readonly Delivery[]): Set<Stream> {
  return new Set(deliveries.flatMap(({ to }) => to));
}

function send(stream: Stream, text: string): void {
  stream.push(text);
  stream.flush();
}

function add(index: Map<number, Set<Stream>>, key: number, stream: Stream): Set<Stream> {
  const streams = index.get(key) ?? new Set();
  index.set(key, streams.add(stream));
  return streams;
}

function remove(index: Map<number, Set<Stream>>, key: number, stream: Stream): void {
  const streams = index.get(key);
  streams?.delete(stream);
  if (streams?.size === 0) index.delete(key);
}
