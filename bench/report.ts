/** The figures as a person reads them: a table in Markdown, medians of all rounds. */
import { availableParallelism } from 'node:os';
import type { Round, Sample } from './measure.ts';
import { cpuModel } from './proc.ts';
import type { Settings } from './settings.ts';

/** Above this share of its core the load generator is measured, not the server. */
const loadLimit = 0.9;

/** The floor always has work: below this share of its core, somebody else was using the machine. */
const shareLimit = 0.9;

export interface Memory {
  /** In bytes: before the load, after it, and at the highest. */
  readonly idle: number;
  readonly after: number;
  readonly peak: number;
}

export interface Outcome {
  readonly title: string;
  /** The load generator's name. */
  readonly load: string;
  readonly rounds: readonly Round[];
  readonly memory: Memory;
}

const head = [
  'Snug / floor',
  'ratio (quartiles)',
  'ratio by CPU',
  'requests/s',
  'CPU µs/request',
  'p50 ms',
  'p99 ms',
  'MB idle, after, peak',
];

export function describeRun(settings: Settings, outcomes: readonly Outcome[]): string {
  const { messages, connections, rounds, seconds } = settings;
  return [
    `${cpuModel()}, ${availableParallelism()} cores, Node ${process.version}; `,
    `${messages.toLocaleString('en')} messages, ${connections} connections by ${outcomes[0]?.load}, `,
    `${rounds} rounds of ${seconds} s.`,
  ].join('');
}

export function formatTable(outcomes: readonly Outcome[]): string {
  const rule = head.map((_, column) => (column === 0 ? '---' : '---:'));
  return [head, rule, ...outcomes.map(formatRow)].map((row) => `| ${row.join(' | ')} |`).join('\n');
}

/** What makes a figure doubtful. */
export function warnings(outcomes: readonly Outcome[]): string[] {
  return outcomes.flatMap(({ title, rounds }) => {
    const doubts: string[] = [];
    const load = Math.max(
      ...rounds.flatMap(({ floor, snug }) => [floor.loadShare, snug.loadShare]),
    );
    if (load > loadLimit) {
      doubts.push(`${title}: the load generator was at its limit (${percent(load)} of its core).`);
    }
    const floor = median(rounds.map((round) => round.floor.share));
    if (floor < shareLimit) {
      doubts.push(`${title}: the floor had ${percent(floor)} of its core; trust the ratio by CPU.`);
    }
    return doubts;
  });
}

function formatRow({ title, rounds, memory }: Outcome): string[] {
  const both = (of: (sample: Sample) => number, digits: number) =>
    (['snug', 'floor'] as const)
      .map((name) => median(rounds.map((round) => of(round[name]))).toFixed(digits))
      .join(' / ');
  const megabytes = [memory.idle, memory.after, memory.peak].map((n) => Math.round(n / 1e6));
  return [
    title,
    formatRatio(rounds.map(({ floor, snug }) => snug.rate / floor.rate)),
    median(rounds.map(({ floor, snug }) => floor.cpu / snug.cpu)).toFixed(2),
    both((sample) => sample.rate, 0),
    both((sample) => sample.cpu, 0),
    both((sample) => sample.p50, 1),
    both((sample) => sample.p99, 1),
    megabytes.join(', '),
  ];
}

function formatRatio(ratios: readonly number[]): string {
  const [low, middle, high] = [0.25, 0.5, 0.75].map((part) => quantile(ratios, part).toFixed(2));
  return `**${middle}** (${low}–${high})`;
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}

function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** By linear interpolation between the two values nearest to it. */
function quantile(values: readonly number[], part: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const place = (sorted.length - 1) * part;
  const [below = 0, above = below] = sorted.slice(Math.floor(place), Math.floor(place) + 2);
  return below + (above - below) * (place % 1);
}
