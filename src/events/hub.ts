import type { EventRow } from '../db/commit.ts';
import type { Snapshot } from '../db/query.ts';
import type { Store } from '../db/store.ts';
import { describe } from './describe.ts';
import { frame } from './frame.ts';
import { audiences } from './log.ts';
import { replay } from './replay.ts';
import type { Stream } from './stream.ts';

/** A user may have so many streams; one more ends the oldest. */
const streamLimit = 20;

/** An event and the streams that are told of it. */
interface Delivery {
  readonly event: EventRow;
  readonly to: readonly Stream[];
}

/**
 * Tells the open streams of what is committed, in the order of the log. A stream first reads the
 * log until it has all of it, and from that moment on is told by what the commits bring.
 */
export class Hub {
  readonly #db: Store;
  readonly #byUser = new Map<number, Set<Stream>>();
  /** Only streams that are live. */
  readonly #byChat = new Map<number, Set<Stream>>();
  #newest = 0;
  #waiting: Delivery[] = [];
  #working = false;
  #isClosed = false;

  constructor(db: Store) {
    this.#db = db;
    db.onCommit((events) => this.#take(events));
  }

  /**
   * Opens a stream: first what its user has missed since an event, then what happens.
   *
   * @param since the id of the last event that the reader knows; undefined to begin with now.
   */
  async open(stream: Stream, since: number | undefined): Promise<void> {
    if (!this.#add(stream)) return stream.end();
    let position = since;
    while (stream.isOpen) {
      const part = await this.#db.read(replay, { userId: stream.userId, since: position });
      stream.push(part.text);
      stream.flush();
      position = part.upTo;
      // In the same turn: nothing can be committed between the look and the leap.
      if (position >= this.#newest) return this.#goLive(stream, position, part.chatIds);
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

  /** Writes a comment to every stream: keeps the lines open, and finds out who is gone. */
  beat(): void {
    for (const stream of this.#all()) send(stream, ':\n\n');
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

  #goLive(stream: Stream, position: number, chatIds: readonly number[]): void {
    stream.position = position;
    if (!this.#byUser.get(stream.userId)?.has(stream)) return;
    for (const chatId of chatIds) this.#enter(stream, chatId);
  }

  #take(events: readonly EventRow[]): void {
    this.#newest = events.at(-1)?.id ?? this.#newest;
    if (this.#byUser.size === 0) return;
    for (const event of events) this.#waiting.push({ event, to: this.#receivers(event) });
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
      await this.#deliver(deliveries);
    }
    this.#working = false;
  }

  async #deliver(deliveries: readonly Delivery[]): Promise<void> {
    const told = deliveries.filter(({ to }) => to.length > 0);
    if (told.length === 0) return;
    const texts = await this.#db.read(
      describeAll,
      told.map(({ event }) => event),
    );
    told.forEach(({ to }, index) => {
      for (const stream of to) stream.push(texts[index] ?? '');
    });
    for (const stream of new Set(told.flatMap(({ to }) => to))) stream.flush();
    for (const { event } of told) this.#endSession(event);
  }

  #endSession({ type, userId, sessionId }: EventRow): void {
    if (type !== 'session.ended') return;
    for (const stream of this.#byUser.get(userId ?? 0) ?? []) {
      if (stream.sessionId === sessionId) stream.end();
    }
  }
}

async function describeAll(snapshot: Snapshot, events: readonly EventRow[]): Promise<string[]> {
  const texts: string[] = [];
  for (const event of events) {
    const data = await describe(snapshot, event);
    texts.push(data === undefined ? '' : frame(event.type, data, event.id));
  }
  return texts;
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
