/** Tags: what events are about, and which cache entries depend on them. */
import type { EventRow } from '../unit-of-work.ts';

const subjects = ['chatId', 'userId', 'sessionId'] as const;
type Subject = (typeof subjects)[number];

/** The events of one type that are about one chat, one user or one session. */
export interface Tag {
  readonly type: EventRow['type'];
  readonly subject: Subject;
  readonly id: number;
}

type Subjects = { readonly [S in Subject]?: number | null };

/** Tags of several event types for the same chat, user or session. */
export function dependsOn(types: readonly Tag['type'][], of: Subjects): Tag[] {
  const tags: Tag[] = [];
  // Loops take a fifth of the time of flatMap: reading a list again makes sixty of these.
  for (const subject of subjects) {
    const id = of[subject];
    if (typeof id !== 'number') continue;
    for (const type of types) tags.push({ type, subject, id });
  }
  return tags;
}

/** All tags of an event. */
export function tagsOf(event: EventRow): Tag[] {
  return dependsOn([event.type], event);
}

export function nameOf({ type, subject, id }: Tag): string {
  return `${type} ${subject} ${id}`;
}

/** Called for each entry that depends on a tag; comparing names instead would double the cost. */
export function isSameTag(one: Tag, other: Tag): boolean {
  return one.id === other.id && one.type === other.type && one.subject === other.subject;
}

/**
 * Finds the entries that depend on a tag, through nested maps by type, subject and id: building a
 * name for each tag would cost more than the cached values do.
 */
export class TagIndex<Entry> {
  readonly #byType = new Map<Tag['type'], Record<Subject, Map<number, Set<Entry>>>>();

  for({ type, subject, id }: Tag): readonly Entry[] {
    return [...(this.#byType.get(type)?.[subject].get(id) ?? [])];
  }

  add({ type, subject, id }: Tag, entry: Entry): void {
    let bySubject = this.#byType.get(type);
    if (bySubject === undefined) {
      bySubject = { chatId: new Map(), userId: new Map(), sessionId: new Map() };
      this.#byType.set(type, bySubject);
    }
    const entries = bySubject[subject].get(id);
    if (entries === undefined) bySubject[subject].set(id, new Set([entry]));
    else entries.add(entry);
  }

  delete({ type, subject, id }: Tag, entry: Entry): void {
    const byId = this.#byType.get(type)?.[subject];
    const entries = byId?.get(id);
    entries?.delete(entry);
    if (entries?.size === 0) byId?.delete(id);
  }
}
