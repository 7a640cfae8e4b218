import { setImmediate as nextTurn } from 'node:timers/promises';
import type { FastifyBaseLogger } from 'fastify';
import type { Snapshot } from '../db/query/query.ts';
import type { Store } from '../db/store.ts';
import type { CommittedEvent, EventRow } from '../db/unit-of-work.ts';
import { audiences } from '../event-log/log.ts';
import { readSessionEnd } from '../sessions/sessions.ts';
import { isAboutUser, mayRead } from './audience.ts';
import { type Chunk, catchUp } from './catch-up.ts';
import { chatsOf, toFrame, toFrameSync } from './payload.ts';
import { ResumeQueue } from './resume-queue.ts';
import { sseFrame } from './sse-frame.ts';
import type { Stream } from './stream.ts';

/** The most streams of a user; one more ends the oldest. */
const streamLimit = 20;

/** How many streams catch up at once; each continues after other requests had their turn. */
const resumeLimit = 2;

/** How many streams are sent their events in one turn of the event loop; 5,000 would take 50 ms. */
const flushedPerTurn = 250;

/**
 * Says that the connection is alive, and that its reader has been sent everything up to now. It is
 * an event because browsers hide comments from the page.
 */
const beat = sseFrame('beat', {});

/** The open streams of a user, and the user's chats, stored once for all of them. */
interface UserStreams {
  /** The oldest first. */
  readonly streams: Set<Stream>;
  readonly chats: Set<number>;
  /** The event as of which these are the chats; undefined until a stream is live. */
  since: number | undefined;
}

/** How far a stream has come. */
interface Progress {
  readonly position: number | undefined;
  /** Whether any missed events have been sent. */
  readonly isUnderWay: boolean;
}

/** How far a stream has come after a turn. */
interface Turn {
  readonly position: number | undefined;
  /** Whether it needs no more turns: it is live, or has ended. */
  readonly isOver: boolean;
}

/** An event and the streams that receive it. */
interface Delivery {
  readonly event: CommittedEvent;
  readonly to: readonly Stream[];
}

/**
 * Sends committed events to the open streams, in the order of the log. A stream first catches up
 * from the log; once it has everything, it receives events as they are committed.
 */
export class Hub {
  readonly #db: Store;
  readonly #log: Pick<FastifyBaseLogger, 'error'>;
  readonly #resumeQueue = new ResumeQueue(resumeLimit);
  readonly #byUser = new Map<number, UserStreams>();
  readonly #byChat = new Map<number, Set<UserStreams>>();
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
   * Opens a stream: first its user's missed events, then new ones.
   *
   * @param since the id of the last event that the reader has; undefined to start with the newest.
   */
  async open(stream: Stream, since: number | undefined): Promise<void> {
    if (!this.#add(stream)) return stream.end();
    let position = since;
    let isOver = false;
    while (!isOver) {
      const reader = { position, isUnderWay: position !== since };
      const turn = await this.#resumeQueue.run(stream.userId, () => this.#catchUp(stream, reader));
      ({ position, isOver } = turn);
      if (!isOver) await stream.drained();
    }
  }

  /**
   * Sends chunks until the stream is live or over, or has to wait for its reader: a slow reader
   * must not hold up the others.
   */
  async #catchUp(stream: Stream, from: Progress): Promise<Turn> {
    const { userId, sessionId } = stream;
    let { position, isUnderWay } = from;
    while (stream.isOpen) {
      const reader = { userId, sessionId, since: position, isUnderWay };
      const chunk = await this.#db.read(catchUp, reader);
      if (chunk === undefined) {
        this.#dismiss(stream);
        break;
      }
      stream.push(chunk.text);
      position = chunk.upTo;
      isUnderWay = true;
      // In the same turn: no event can be broadcast between this check and going live.
      const isLive = chunk.isLast && position >= this.#newest;
      if (isLive) this.#goLive(stream, chunk);
      stream.flush();
      if (isLive) break;
      // Writes reach the system at the end of this turn.
      await nextTurn();
      if (stream.isBehind) return { position, isOver: false };
    }
    return { position, isOver: true };
  }

  /** Removes a stream that has ended. */
  remove(stream: Stream): void {
    const userStreams = this.#byUser.get(stream.userId);
    userStreams?.streams.delete(stream);
    if (userStreams === undefined || userStreams.streams.size > 0) return;
    this.#byUser.delete(stream.userId);
    for (const chatId of userStreams.chats) this.#exit(userStreams, chatId);
  }

  /** Sends an event that is not logged, because it is soon over, to the other members of a chat. */
  broadcast(chatId: number, type: string, data: object, except: number): void {
    const text = sseFrame(type, data);
    const others = live(this.#byChat.get(chatId)).filter(({ userId }) => userId !== except);
    for (const stream of others) stream.push(text);
    void flush(others);
  }

  /**
   * Sends a `beat` to every live stream, and a comment to those that still catch up, which keeps
   * connections open and detects dead ones. A stream whose session has expired ends.
   *
   * @param now in ms since 1970.
   */
  async beat(now: number): Promise<void> {
    const streams = this.#all();
    for (const stream of streams) {
      if (stream.sessionEndsAt <= now) await this.#checkSession(stream, now);
      stream.push(stream.isLive ? beat : ':\n\n');
    }
    await flush(streams);
  }

  /** Ends all streams, and rejects new ones. */
  close(): void {
    this.#isClosed = true;
    for (const stream of this.#all()) stream.end();
  }

  #all(): Stream[] {
    return Array.from(this.#byUser.values(), ({ streams }) => [...streams]).flat();
  }

  #add(stream: Stream): boolean {
    if (this.#isClosed) return false;
    const { streams } = this.#streamsOf(stream.userId);
    const [oldest] = streams.add(stream);
    if (streams.size > streamLimit && oldest !== undefined) {
      this.remove(oldest);
      oldest.end();
    }
    return true;
  }

  #streamsOf(userId: number): UserStreams {
    const existing = this.#byUser.get(userId);
    if (existing !== undefined) return existing;
    const userStreams = { streams: new Set<Stream>(), chats: new Set<number>(), since: undefined };
    this.#byUser.set(userId, userStreams);
    return userStreams;
  }

  #goLive(stream: Stream, { upTo, chatIds }: Chunk): void {
    const userStreams = this.#byUser.get(stream.userId);
    if (!userStreams?.streams.has(stream)) return;
    stream.position = upTo;
    stream.chats = userStreams.chats;
    stream.push(beat);
    // Another stream has set the chats, and may still have to receive their changes up to here.
    if (userStreams.since !== undefined) return;
    userStreams.since = upTo;
    for (const chatId of chatIds) this.#enter(userStreams, chatId);
  }

  #take(events: readonly CommittedEvent[]): void {
    this.#newest = events.at(-1)?.id ?? this.#newest;
    if (this.#byUser.size === 0) return;
    for (const event of events) {
      if (event.type === 'session.ended') this.#endSession(event);
      this.#waiting.push({ event, to: this.#receivers(event) });
    }
    if (!this.#working) void this.#work();
  }

  /** The streams that receive an event; joining and leaving take effect with the event itself. */
  #receivers(event: EventRow): Stream[] {
    const { type, userId, chatId } = event;
    const own = this.#byUser.get(userId ?? 0);
    const audience = audiences[type];
    if (audience === 'user') return live(own && [own], event.id);
    // Which of them see the user's name is looked up when the text is made.
    if (audience === 'peers') return live(this.#byUser.values(), event.id);
    if (audience !== 'members' || chatId === null) return [];
    const isNewer = own?.since !== undefined && own.since < event.id;
    if (isNewer && type === 'member.joined') this.#enter(own, chatId);
    const receivers = live(this.#byChat.get(chatId), event.id);
    if (isNewer && type === 'member.left') this.#exit(own, chatId);
    return receivers;
  }

  #enter(userStreams: UserStreams, chatId: number): void {
    userStreams.chats.add(chatId);
    const members = this.#byChat.get(chatId) ?? new Set();
    this.#byChat.set(chatId, members.add(userStreams));
  }

  #exit(userStreams: UserStreams, chatId: number): void {
    userStreams.chats.delete(chatId);
    const members = this.#byChat.get(chatId);
    members?.delete(userStreams);
    if (members?.size === 0) this.#byChat.delete(chatId);
  }

  async #work(): Promise<void> {
    this.#working = true;
    while (this.#waiting.length > 0) {
      const deliveries = this.#waiting;
      this.#waiting = [];
      await this.#deliver(deliveries).catch((error: unknown) => {
        this.#log.error({ err: error }, 'events not sent');
        // The readers resume, and catch up from the log.
        for (const stream of receiversOf(deliveries)) stream.cut();
      });
    }
    this.#working = false;
  }

  async #deliver(deliveries: readonly Delivery[]): Promise<void> {
    const deliverable = deliveries.filter(({ to }) => to.length > 0);
    if (deliverable.length === 0) return;
    const events = deliverable.map(({ event }) => event);
    const texts = await this.#textsOf(events);
    deliverable.forEach(({ event, to }, index) => {
      const { text, chats } = texts[index] as Text;
      if (text === '') return;
      for (const stream of to) {
        const sharesChat = chats !== undefined && !stream.chats.isDisjointFrom(chats);
        if (mayRead(event, stream, sharesChat)) stream.push(text);
      }
    });
    await flush(receiversOf(deliverable));
  }

  /** New messages need no snapshot: opening and closing one costs as much as sending a few. */
  async #textsOf(events: readonly CommittedEvent[]): Promise<Text[]> {
    const texts = events.map(toFrameSync);
    if (texts.every((text) => text !== undefined)) return texts.map((text) => ({ text }));
    return this.#db.read(textsOf, events);
  }

  /** Takes effect at once, before deliveries that still wait. */
  #endSession({ userId, sessionId }: EventRow): void {
    for (const stream of this.#byUser.get(userId ?? 0)?.streams ?? []) {
      if (stream.sessionId === sessionId) this.#dismiss(stream);
    }
  }

  async #checkSession(stream: Stream, now: number): Promise<void> {
    stream.sessionEndsAt = await this.#db.read(readSessionEnd, { id: stream.sessionId });
    if (stream.sessionEndsAt <= now) this.#dismiss(stream);
  }

  /**
   * Ends a stream whose session has ended. The final event has no id, so that the reader can resume
   * in another session after the last event that it has received.
   */
  #dismiss(stream: Stream): void {
    this.remove(stream);
    stream.push(sseFrame('session.ended', { session_id: stream.sessionId }));
    stream.end();
  }
}

/** The text of an event. */
interface Text {
  readonly text: string;
  /** For an event about a user, that user's chats: members of any of them receive it. */
  readonly chats?: ReadonlySet<number>;
}

async function textsOf(snapshot: Snapshot, events: readonly CommittedEvent[]): Promise<Text[]> {
  const texts: Text[] = [];
  for (const event of events) {
    const text = await toFrame(snapshot, event);
    const isSent = isAboutUser(event) && text !== '';
    texts.push({ text, ...(isSent && { chats: await chatsOf(snapshot, event) }) });
  }
  return texts;
}

function receiversOf(deliveries: readonly Delivery[]): Set<Stream> {
  return new Set(deliveries.flatMap(({ to }) => to));
}

/** Each stream takes a system call, so after some of them other requests have their turn. */
async function flush(streams: Iterable<Stream>): Promise<void> {
  let flushed = 0;
  for (const stream of streams) {
    if (flushed > 0 && flushed % flushedPerTurn === 0) await nextTurn();
    stream.flush();
    flushed += 1;
  }
}

/** The live streams among these that have not received the event with this id. */
function live(all: Iterable<UserStreams> = [], id = Number.POSITIVE_INFINITY): Stream[] {
  const streams: Stream[] = [];
  for (const userStreams of all) {
    for (const stream of userStreams.streams) if (stream.position < id) streams.push(stream);
  }
  return streams;
}
