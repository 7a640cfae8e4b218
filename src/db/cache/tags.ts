/** What events are about, and who waits for them. */
import type { EventRow } from '../unit-of-work.ts';

const subjects = ['chatId', 'userId', 'sessionId'] as const;
type Subject = (typeof subjects)[number];

/** The events of one type that are about one chat, one user or one session. */
export interface Tag {
  readonly type: EventRow['type'];
  readonly subject: Subject;
  readonly id: number;
}

type About = { readonly [S in Subject]?: number | null };

/** The events of some types that are about the same. */
export function dependsOn(types: readonly Tag['type'][], of: About): Tag[] {
  const topics: Tag[] = [];
  // Loops take a fifth of the time of flatMap: a list that is read anew has sixty of these.
  for (const subject of subjects) {
    const id = of[subject];
    if (typeof id !== 'number') continue;
    for (const type of types) topics.push({ type, subject, id });
  }
  return topics;
}

/** All that an event is about. */
export function tagsOf(event: EventRow): Tag[] {
  return dependsOn([event.type], event);
}

export function nameOf({ type, subject, id }: Tag): string {
  return `${type} ${subject} ${id}`;
}

/** Asked for each thing that waits for an event, which to make names of them would double in cost. */
export function isSameTag(one: Tag, other: Tag): boolean {
  return one.id === other.id && one.type === other.type && one.subject === other.subject;
}

/** Finds who waits for a topic. By numbers: making a name of each costs more than what is kept. */
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
