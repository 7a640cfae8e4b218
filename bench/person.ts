/** One person: sends one request at a time, on a connection that stays open. */
import { once } from 'node:events';
import { Agent, request } from 'node:http';
import { type BenchRequest, headersOf } from './requests.ts';

export class Person {
  readonly #url: string;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 });

  constructor(url: string) {
    this.#url = url;
  }

  /**
   * Resolves with the response time in ms.
   *
   * @throws if the answer is not a success.
   */
  async ask(asked: BenchRequest): Promise<number> {
    const { method, path, body } = asked;
    const started = performance.now();
    const options = { agent: this.#agent, method, headers: headersOf(asked) };
    const sent = request(this.#url + path, options).end(body);
    const [answer] = await once(sent, 'response');
    answer.resume();
    await once(answer, 'end');
    const took = performance.now() - started;
    if (answer.statusCode < 300) return took;
    throw new Error(`${method} ${path} was answered with ${answer.statusCode}`);
  }

  leave(): void {
    this.#agent.destroy();
  }
}
