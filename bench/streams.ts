/** The event streams that a trial opens, and the chats whose messages they receive. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Database } from 'better-sqlite3';
import { loadCore } from './load.ts';
import { keepTrack } from './processes.ts';

/** A chat, and the users whose streams are open. */
export interface Room {
  readonly chatId: number;
  readonly userIds: readonly number[];
}

export interface Opening {
  readonly kind: 'open';
  readonly port: number;
  readonly rooms: readonly Room[];
  /** How many streams each user opens. */
  readonly each: number;
}

export interface Posting {
  readonly kind: 'post';
  /** How many messages to post to each chat at once. */
  readonly posts: number;
  readonly seconds: number;
}

export type Order = Opening | Posting | { readonly kind: 'count' };

export interface Delivery {
  /** Deliveries per second: a message that 100 streams receive counts 100 times. */
  readonly rate: number;
  /** Time from the post until a stream has received it, in ms. */
  readonly p99: number;
  /** Time until the last of the streams has received a message: the 99th percentile, in ms. */
  readonly last: number;
  /** The share of their core that the readers used, from 0 to 1. */
  readonly share: number;
}

/** Streams for each user; the server allows more. */
export const streamsEach = 5;

/** Adds chats to a database that no server has open, each with different members. */
export function makeRooms(sqlite: Database, count: number, streams: number): Room[] {
  const members = Math.max(1, Math.floor(streams / streamsEach / count));
  const event = sqlite.prepare(`insert into events (type, at) values ('chat.created', 0)`);
  const chat = sqlite.prepare(
    `insert into chats (id, title, created_at, member_count) values (?, 'Room', 0, ?)`,
  );
  const member = sqlite.prepare(
    `insert into memberships (user_id, chat_id, role, joined_at, joined_event)
     values (?, ?, 'member', 0, 0)`,
  );
  return Array.from({ length: count }, (_, room) => {
    const chatId = Number(event.run().lastInsertRowid);
    const userIds = Array.from({ length: members }, (_, i) => 1 + room * members + i);
    chat.run(chatId, members);
    for (const userId of userIds) member.run(userId, chatId);
    return { chatId, userIds };
  });
}

export class Streams {
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess) {
    this.#child = child;
  }

  /** Opens streams to a server; resolves when all of them receive events. */
  static async open(url: string, rooms: readonly Room[]): Promise<Streams> {
    const script = fileURLToPath(new URL('readers.ts', import.meta.url));
    const child = spawn('taskset', ['-c', loadCore, process.execPath, script], {
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    const streams = new Streams(keepTrack(child));
    const port = Number(new URL(url).port);
    await streams.#ask({ kind: 'open', port, rooms, each: streamsEach });
    return streams;
  }

  /** Posts messages for some time, and measures how fast the streams receive them. */
  post(posts: number, seconds: number): Promise<Delivery> {
    return this.#ask({ kind: 'post', posts, seconds });
  }

  /** How many streams are open. */
  count(): Promise<number> {
    return this.#ask({ kind: 'count' });
  }

  async close(): Promise<void> {
    const gone = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await gone;
  }

  /** @throws if the readers end instead of answering; they have printed why. */
  async #ask<Answer>(order: Order): Promise<Answer> {
    const answered = new AbortController();
    const { signal } = answered;
    const failed = once(this.#child, 'exit', { signal }).then(() => {
      throw new Error('the readers ended: see their error above');
    });
    this.#child.send(order);
    const message = once(this.#child, 'message', { signal });
    const [answer] = await Promise.race([message, failed]).finally(() => answered.abort());
    return answer;
  }
}
