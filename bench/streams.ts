/** Event streams that are open for a trial, and the chats that they are about. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Database } from 'better-sqlite3';
import { loadCore } from './load.ts';
import { keepTrack } from './processes.ts';

/** A chat, and whose streams are open. */
export interface Room {
  readonly chatId: number;
  readonly userIds: readonly number[];
}

export interface Opening {
  readonly kind: 'open';
  readonly port: number;
  readonly rooms: readonly Room[];
  /** How many streams each of them opens. */
  readonly each: number;
}

export interface Telling {
  readonly kind: 'tell';
  /** So many messages are posted to each chat at once. */
  readonly posts: number;
  readonly seconds: number;
}

export type Order = Opening | Telling | { readonly kind: 'count' };

export interface Told {
  /** Deliveries per second: a message that 100 streams are told of is 100. */
  readonly rate: number;
  /** From the posting to a stream's being told, in ms. */
  readonly p99: number;
  /** The share of its core that the readers had, from 0 to 1. */
  readonly share: number;
}

/** Streams of one user; the server allows more. */
export const streamsEach = 5;

/** Makes chats in a database that no server has open, with other members each. */
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

  /** Opens streams to a server; resolves when all of them are told of everything. */
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

  tell(posts: number, seconds: number): Promise<Told> {
    return this.#ask({ kind: 'tell', posts, seconds });
  }

  /** How many of them are open. */
  count(): Promise<number> {
    return this.#ask({ kind: 'count' });
  }

  async close(): Promise<void> {
    const gone = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await gone;
  }

  /** @throws if the readers end instead of answering; they have told why. */
  async #ask<Answer>(order: Order): Promise<Answer> {
    const answered = new AbortController();
    const { signal } = answered;
    const failed = once(this.#child, 'exit', { signal }).then(() => {
      throw new Error('the readers have ended');
    });
    this.#child.send(order);
    const message = once(this.#child, 'message', { signal });
    const [answer] = await Promise.race([message, failed]).finally(() => answered.abort());
    return answer;
  }
}
