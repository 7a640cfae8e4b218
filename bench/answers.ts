/** Samples of the server's answers, for the floor to repeat. */
import type { BenchRequest } from './requests.ts';
import { headersOf } from './requests.ts';

export interface Answer {
  readonly method: BenchRequest['method'];
  readonly route: string;
  readonly status: number;
  readonly headers: Record<string, string>;
  readonly body: string;
}

/** How many requests are made to find an answer of typical size. */
const sampleSize = 300;

const repeatedHeaders = ['content-type', 'link', 'location'];

/**
 * Makes some of the requests and returns, for each route among them, the answer of median size.
 *
 * @throws if one is refused, because the speed of errors means nothing.
 */
export async function sampleAnswers(url: string, pool: readonly BenchRequest[]): Promise<Answer[]> {
  const answers: Answer[] = [];
  for (const request of pool.slice(0, sampleSize)) answers.push(await ask(url, request));
  const routes = Object.values(Object.groupBy(answers, (a) => `${a.method} ${a.route}`));
  return routes.flatMap((group = []) => {
    group.sort((a, b) => a.body.length - b.body.length);
    return group[group.length >> 1] ?? [];
  });
}

async function ask(url: string, request: BenchRequest): Promise<Answer> {
  const { method, route, path, body } = request;
  const response = await fetch(url + path, {
    method,
    headers: headersOf(request),
    ...(body !== undefined && { body }),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
  return {
    method,
    route,
    status: response.status,
    headers: Object.fromEntries([...response.headers].filter(([n]) => repeatedHeaders.includes(n))),
    body: text,
  };
}
