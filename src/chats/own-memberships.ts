/** A user's memberships in memory. An event changes one of them, however many there are. */

import { type CachedQuery, dependsOn } from '../db/cache/cached-query.ts';
import type { Reads } from '../db/query/query.ts';
import type { CommittedEvent } from '../db/unit-of-work.ts';
import { listMemberships, listMembershipsOf } from '../members/queries.ts';
import type { SortedChats } from './sorted-chats.ts';

export type Membership = Awaited<ReturnType<typeof listMemberships>>[number];

/** The approximate size of a membership and its part of the list in memory, in bytes. */
const membershipBytes = 400;

export class OwnMemberships {
  readonly userId: number;
  readonly #byChat: Map<number, Membership>;
  /** By chat, the event since which its membership must be read again. */
  readonly #stale = new Map<number, number>();
  /** The list last made from them. */
  list?: SortedChats;

  constructor(userId: number, memberships: readonly Membership[]) {
    this.userId = userId;
    this.#byChat = new Map(memberships.map((one) => [one.chatId, one]));
  }

  get chatIds(): number[] {
    return [...this.#byChat.keys(), ...this.#stale.keys()];
  }

  get bytes(): number {
    return (this.#byChat.size + this.#stale.size) * membershipBytes;
  }

  /** Whether this is still the membership of its chat. */
  isCurrent(membership: Membership): boolean {
    return this.#byChat.get(membership.chatId) === membership;
  }

  /** The memberships of these chats, in no particular order; not a promise if none is stale. */
  of(
    db: Reads,
    chatIds: readonly number[],
  ): readonly Membership[] | Promise<readonly Membership[]> {
    const known = chatIds.flatMap((id) => this.#byChat.get(id) ?? []);
    if (known.length === chatIds.length) return known;
    const stale = chatIds.filter((id) => this.#stale.has(id));
    return this.#readAgain(db, stale).then((read) => [...known, ...read]);
  }

  async #readAgain(db: Reads, chatIds: readonly number[]): Promise<readonly Membership[]> {
    const { userId } = this;
    const since = new Map(chatIds.map((id) => [id, this.#stale.get(id)]));
    const found = await db.read(listMembershipsOf, { userId, chatIds: JSON.stringify(chatIds) });
    for (const membership of found) {
      const { chatId } = membership;
      // Otherwise it has changed again meanwhile.
      if (this.#stale.get(chatId) !== since.get(chatId)) continue;
      this.#stale.delete(chatId);
      this.#byChat.set(chatId, membership);
    }
    return found;
  }

  apply({ id, chatId, payload }: CommittedEvent): void {
    if (chatId === null) return;
    const membership = this.#byChat.get(chatId);
    if (payload === undefined || membership === undefined) {
      this.#byChat.delete(chatId);
      this.#stale.set(chatId, id);
      return;
    }
    const { message, posted } = payload;
    // The row may have been read after the commit but before its event arrived.
    if (message.id <= membership.readId) return;
    // Posting marks the chat as read up to the new message.
    this.#byChat.set(chatId, { ...membership, readId: message.id, seen: posted, mentions: 0 });
  }
}

/** Reading, and what others do, change one membership. */
const ownChanges = ['message', 'mention', 'read', 'notify'] as const;

/** The chats that a user is a member of, and how far they have read. */
export const ownMemberships: CachedQuery<{ userId: number }, OwnMemberships> = {
  key: ({ userId }) => userId,
  read: async (snapshot, { userId }) => {
    const memberships = await listMemberships(snapshot, { userId });
    const updatedBy = [
      ...dependsOn(ownChanges, { userId }),
      // Members who had not read the message have one unread message less.
      ...memberships.flatMap(({ chatId }) => dependsOn(['message.deleted'], { chatId })),
    ];
    const invalidatedBy = dependsOn(['member.joined', 'member.left'], { userId });
    return { ...sized(new OwnMemberships(userId, memberships)), invalidatedBy, updatedBy };
  },
  applyEvent: (own, event) => {
    own.apply(event);
    return sized(own);
  },
};

function sized(value: OwnMemberships) {
  return { value, bytes: value.bytes };
}
