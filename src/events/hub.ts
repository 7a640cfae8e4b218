import { setImmediate as nextTurn } from 'node:timers/promises';
import type { FastifyBaseLogger } from 'fastify';
import type { Snapshot } from '../db/query/query.ts';
import type { Store } from '../db/store.ts';
import type { CommittedEvent, EventRow } from '../db/unit-of-work.ts';
import { audiences, isPersonal } from '../event-log/log.ts';
import { readSessionEnd } from '../sessions/sessions.ts';
import { type Chunk, catchUp } from './catch-up.ts';
import { chatsOf, toFrame, toFrameAtOnce } from './payload.ts';
import { RecentEvents, readBefore } from './recent.ts';
import { ResumeQueue } from './resume-queue.ts';
import { sseFrame } from './sse-frame.ts';
import type { Stream } from './stream.ts';

/** A user may have so many streams; one more ends the oldest. */
const streamLimit = 20;

/** So many streams are replayed at once; each goes on after other requests had their turn. */
const resumeLimit = 2;

/**
 * Says that the line is alive, and that its reader has been sent everything up to now. An event and
 * no comment, which browsers hide from the page.
 */
const beat = sseFrame('beat', {});

/** The open streams of a user, and the chats that they are told of, kept once for all of them. */
interface UserStreams {
  /** The oldest first. */
  readonly streams: Set<Stream>;
  readonly chats: Set<number>;
  /** The event after which these are the chats; undefined until a stream is live. */
  since: number | undefined;
}

/** How far a stream has come. */
interface Place {
  readonly position: number | undefined;
  /** Whether it has been sent anything of what its user has missed. */
  readonly isUnderWay: boolean;
}

/** How far it has come after a turn. */
interface Turn {
  readonly position: number | undefined;
  /** Whether it needs no more turns: it is live, or has ended. */
  readonly isOver: boolean;
}

/** An event and the streams that are told of it. */
interface Delivery {
  readonly event: CommittedEvent;
  readonly to: readonly Stream[];
}

/**
 * Tells the open streams of what is committed, in the order of the log. A stream first reads the
 * log until it has all of it, and from that moment on is told by what the commits bring.
 */
export class Hub {
  readonly #db: Store;
  readonly #log: Pick<FastifyBaseLogger, 'error'>;
  readonly #recent: RecentEvents;
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
    this.#recent = new RecentEvents((input) => db.read(readBefore, input));
    db.onCommit((events) => this.#take(events));
  }

  /**
   * Opens a stream: first what its user has missed since an event, then what happens.
   *
   * @param since the id of the last event that the reader knows; undefined to begin with now.
   */
  async open(stream: Stream, since: number | undefined): Promise<void> {
    if (!this.#add(stream)) return stream.end();
    if (since !== undefined) await this.#recent.ready();
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
   * Replays until the stream is live or over, or has to wait for its reader: a slow one must not hold
   * up the others.
   */
  async #catchUp(stream: Stream, from: Place): Promise<Turn> {
    const { userId, sessionId } = stream;
    const recent = this.#recent;
    let { position, isUnderWay } = from;
    while (stream.isOpen) {
      const reader = { userId, sessionId, since: position, isUnderWay, recent };
      const part = await this.#db.read(catchUp, reader);
      if (part === undefined) {
        this.#dismiss(stream);
        break;
      }
      stream.push(part.text);
      position = part.upTo;
      isUnderWay = true;
      // In the same turn: nothing can be published between the look and the leap.
      const isLive = part.isLast && position >= this.#newest;
      if (isLive) this.#goLive(stream, part);
      stream.flush();
      if (isLive) break;
      // What was written goes to the system at the end of this turn.
      await nextTurn();
      if (stream.isBehind) return { position, isOver: false };
    }
    return { position, isOver: true };
  }

  /** Forgets a stream that has ended. */
  remove(stream: Stream): void {
    const devices = this.#byUser.get(stream.userId);
    devices?.streams.delete(stream);
    if (devices === undefined || devices.streams.size > 0) return;
    this.#byUser.delete(stream.userId);
    for (const chatId of devices.chats) this.#exit(devices, chatId);
  }

  /** Tells the others in a chat what is not in the log because it is soon over. */
  broadcast(chatId: number, type: string, data: object, except: number): void {
    const text = sseFrame(type, data);
    for (const stream of live(this.#byChat.get(chatId))) {
      if (stream.userId !== except) send(stream, text);
    }
  }

  /**
   * Sends a `beat` to every live stream, and a comment to those that are still replayed: keeps the
   * lines open, and finds out who is gone. A stream whose session has run out ends.
   *
   * @param now in ms since 1970.
   */
  async beat(now: number): Promise<void> {
    for (const stream of this.#all()) {
      if (stream.sessionEndsAt <= now) await this.#checkSession(stream, now);
      send(stream, stream.isLive ? beat : ':\n\n');
    }
  }

  /** Ends all streams, and those to come at once. */
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
    const known = this.#byUser.get(userId);
    if (known !== undefined) return known;
    const devices = { streams: new Set<Stream>(), chats: new Set<number>(), since: undefined };
    this.#byUser.set(userId, devices);
    return devices;
  }

  #goLive(stream: Stream, { upTo, chatIds }: Chunk): void {
    const devices = this.#byUser.get(stream.userId);
    if (!devices?.streams.has(stream)) return;
    stream.position = upTo;
    stream.chats = devices.chats;
    stream.push(beat);
    // Other streams have made them known, and may have to be told yet of how they change up to here.
    if (devices.since !== undefined) return;
    devices.since = upTo;
    for (const chatId of chatIds) this.#enter(devices, chatId);
  }

  #take(events: readonly CommittedEvent[]): void {
    this.#newest = events.at(-1)?.id ?? this.#newest;
    this.#recent.take(events);
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
    const own = this.#byUser.get(userId ?? 0);
    const audience = audiences[type];
    if (audience === 'user') return live(own && [own], event.id);
    // Who of them shares a chat is looked up with the text.
    if (audience === 'peers') return live(this.#byUser.values(), event.id);
    if (audience !== 'members' || chatId === null) return [];
    const isNews = own?.since !== undefined && own.since < event.id;
    if (isNews && type === 'member.joined') this.#enter(own, chatId);
    const receivers = live(this.#byChat.get(chatId), event.id);
    if (isNews && type === 'member.left') this.#exit(own, chatId);
    return receivers;
  }

  #enter(devices: UserStreams, chatId: number): void {
    devices.chats.add(chatId);
    const members = this.#byChat.get(chatId) ?? new Set();
    this.#byChat.set(chatId, members.add(devices));
  }

  #exit(devices: UserStreams, chatId: number): void {
    devices.chats.delete(chatId);
    const members = this.#byChat.get(chatId);
    members?.delete(devices);
    if (members?.size === 0) this.#byChat.delete(chatId);
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
    const texts = await this.#textsOf(events);
    told.forEach(({ event, to }, index) => {
      const { text, chats } = texts[index] as Text;
      if (text === '') return;
      for (const stream of to) if (mayKnow(stream, event, chats)) stream.push(text);
    });
    for (const stream of receiversOf(told)) stream.flush();
  }

  /** New messages alone need no snapshot: to begin and to end one takes as long as to tell a few. */
  async #textsOf(events: readonly CommittedEvent[]): Promise<Text[]> {
    const news = events.map(toFrameAtOnce);
    if (news.every((text) => text !== undefined)) return news.map((text) => ({ text }));
    return this.#db.read(textsOf, events);
  }

  /** At once, before what still waits to be told. */
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
   * Ends a stream whose session has ended. It is told so without an id: what it was not told any
   * more, its reader may resume after in another session.
   */
  #dismiss(stream: Stream): void {
    this.remove(stream);
    stream.push(sseFrame('session.ended', { session_id: stream.sessionId }));
    stream.end();
  }
}

/** What an event is told as. */
interface Text {
  readonly text: string;
  /** Of a user, the chats that they are in: whoever is in one of these is told. */
  readonly chats?: ReadonlySet<number>;
}

async function textsOf(snapshot: Snapshot, events: readonly CommittedEvent[]): Promise<Text[]> {
  const texts: Text[] = [];
  for (const event of events) {
    const text = await toFrame(snapshot, event);
    const isOfPeers = audiences[event.type] === 'peers' && text !== '';
    texts.push({ text, ...(isOfPeers && { chats: await chatsOf(snapshot, event) }) });
  }
  return texts;
}

/**
 * Whether a stream may still be told of an event. Its text shows things as they are by now: who has
 * left the chat since must not see that.
 */
function mayKnow(stream: Stream, event: EventRow, chats?: ReadonlySet<number>): boolean {
  if (isPersonal(event, stream.userId)) return true;
  if (chats !== undefined) return !stream.chats.isDisjointFrom(chats);
  return stream.chats.has(event.chatId ?? 0);
}

function receiversOf(deliveries: readonly Delivery[]): Set<Stream> {
  return new Set(deliveries.flatMap(({ to }) => to));
}

function send(stream: Stream, text: string): void {
  stream.push(text);
  stream.flush();
}

/** Of these, the streams that have not had an event from the log; every live one is before all. */
function live(all: Iterable<UserStreams> = [], id = Number.POSITIVE_INFINITY): Stream[] {
  const streams: Stream[] = [];
  for (const devices of all) {
    for (const stream of devices.streams) if (stream.position < id) streams.push(stream);
  }
  return streams;
}
