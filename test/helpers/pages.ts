/** Paginated lists. */
import type { Answer, Person } from './world.ts';

/** The address of a list's next page, from its Link header. */
export const nextOf = ({ headers }: Pick<Answer, 'headers'>): string | undefined =>
  /<([^>]+)>; rel="next"/.exec(String(headers.link ?? ''))?.[1];

/** All pages of a list, each with its items, by following Link. */
export async function pagesOf<Item>(
  person: Person,
  url: string,
  field: string,
): Promise<{ readonly items: Item[]; readonly bytes: number }[]> {
  const pages = [];
  for (let next: string | undefined = url; next !== undefined; ) {
    const answer: Answer = await person.get(next);
    if (answer.status !== 200) throw new Error(`${next}: ${answer.text}`);
    pages.push({ items: answer.body[field], bytes: Buffer.byteLength(answer.text) });
    next = nextOf(answer);
  }
  return pages;
}
