/** The figures as tables in Markdown, with medians of all rounds. */
import type { Chart } from './charts.ts';
import type { Round, Sample } from './measure.ts';
import { comparisonsOf, perRound, type Result, type Results } from './results.ts';
import { formatNumber, median, quantile } from './statistics.ts';
import { summarise } from './summary.ts';
import { isReached, Measured, type Target, targets } from './targets.ts';
import type { Comparison } from './trial.ts';

/** If the load generator is busy for more of the time, it is the bottleneck, not the server. */
const loadLimit = 0.9;

/** The floor is always busy: below this share of its core, something else used the machine. */
const shareLimit = 0.9;

/** The name of a figure that says how busy a client was. */
const ofCore = /share of (its|their) core$/;

/** The whole report; the charts are files next to it. */
export function formatReport(results: Results, charts: readonly Chart[]): string {
  const comparisons = Object.values(comparisonsOf(results));
  const doubts = [
    ...mixedPrograms(results),
    ...sleepers(comparisons),
    ...comparisons.flatMap(doubtsOf),
    ...busyClients(results),
  ];
  const parts = [
    describeRun(results),
    summarise(new Measured(results)),
    ...charts.map(({ title, file }) => `![${title}](${file})`),
    ...doubts.map((doubt) => `**Doubtful:** ${doubt}`),
    ...skippedTrials(results),
    '### Targets',
    formatTargets(results),
    '### Servers under load',
    formatTable(comparisonHead, comparisons.flatMap(formatComparison)),
    '### Other figures',
    formatTable(valueHead, Object.entries(results).flatMap(formatValues)),
  ];
  return `${parts.filter((part) => part !== '').join('\n\n')}\n`;
}

function describeRun(results: Results): string {
  const last = latest(results);
  if (last === undefined) return 'There are no results yet.';
  const { messages, connections, seconds } = last.settings;
  const comparisons = Object.values(comparisonsOf(results));
  const generators = new Set(comparisons.map(({ load }) => load));
  const rounds = new Set(comparisons.map((comparison) => comparison.rounds.length));
  return [
    `Measured on ${last.at.slice(0, 10)}: ${last.machine}; `,
    `${messages.toLocaleString('en')} messages, ${connections} connections by `,
    `${[...generators].join(', ')}, ${[...rounds].join(' or ')} rounds of ${seconds} s.`,
  ].join('');
}

function latest(results: Results): Result | undefined {
  return Object.values(results)
    .toSorted((a, b) => a.at.localeCompare(b.at))
    .at(-1);
}

function formatTargets(results: Results): string {
  const measured = new Measured(results);
  const rows = targets.map((target) => formatTarget(target, target.values(measured)));
  return formatTable(['', 'target', 'measured (quartiles)', 'reached'], rows);
}

function formatTarget(target: Target, values: readonly number[]): string[] {
  const { what, unit, atLeast, atMost, always = false } = target;
  const limits = [
    atLeast !== undefined && `≥ ${formatNumber(atLeast)}`,
    atMost !== undefined && `≤ ${formatNumber(atMost)}`,
  ].filter((limit) => limit !== false);
  const wanted = `${limits.join(', ')} ${unit}`;
  if (values.length === 0) return [what, wanted, 'not measured', ''];
  const value = always ? Math.max(...values) : median(values);
  const measured = formatSpread(values, value) + (always ? ' at worst' : '');
  return [what, wanted, measured, isReached(target, value) ? 'yes' : '**no**'];
}

const comparisonHead = [
  'server / floor',
  'ratio (quartiles)',
  'ratio by CPU',
  'requests/s',
  'CPU µs/request',
  'p50 ms',
  'p99 ms',
  'MB idle, after, peak',
];

function formatComparison(comparison: Comparison): string[][] {
  const names = Object.keys(comparison.memory).filter((name) => name !== 'floor');
  return names.map((name) => formatServer(comparison, name));
}

function formatServer(comparison: Comparison, name: string): string[] {
  const { title, rounds, memory } = comparison;
  const both = (of: (sample: Sample) => number, digits: number) =>
    [name, 'floor']
      .map((server) => median(samplesOf(rounds, server).map(of)).toFixed(digits))
      .join(' / ');
  const { idle = 0, after = 0, peak = 0 } = memory[name] ?? {};
  const ratios = perRound(comparison, name, 'floor');
  return [
    name === 'snug' ? title : `${title}: ${name}`,
    formatSpread(ratios, median(ratios)),
    median(perRound(comparison, 'floor', name, ({ cpu }) => cpu)).toFixed(2),
    both((sample) => sample.rate, 0),
    both((sample) => sample.cpu, 0),
    both((sample) => sample.p50, 1),
    both((sample) => sample.p99, 1),
    [idle, after, peak].map((bytes) => Math.round(bytes / 1e6)).join(', '),
  ];
}

const valueHead = ['', 'median (quartiles)'];

function formatValues([trial, { values = {} }]: [string, Result]): string[][] {
  return Object.entries(values).map(([name, list]) => [
    `${trial}: ${name}`,
    formatSpread(list, median(list)),
  ]);
}

function skippedTrials(results: Results): string[] {
  return Object.entries(results).flatMap(([trial, { skipped }]) =>
    skipped === undefined ? [] : [`**Skipped:** ${trial}: ${skipped}.`],
  );
}

/** Trials that measured another state of the program than the latest one. */
function mixedPrograms(results: Results): string[] {
  const last = latest(results);
  return Object.entries(results)
    .filter(([, result]) => result.program !== last?.program)
    .map(([name]) => `${name} measured another state of the program.`);
}

/** Load generators that slept while waiting, all in one line. */
function sleepers(comparisons: readonly Comparison[]): string[] {
  const names = new Set(comparisons.filter(({ sleeps }) => sleeps).map(({ load }) => load));
  if (names.size === 0) return [];
  const list = [...names].join(', ');
  return [`${list} slept while waiting, so the servers' CPU time includes waking it.`];
}

/** The reasons to doubt the figures. */
function doubtsOf({ title, rounds, connections }: Comparison): string[] {
  const doubts: string[] = [];
  const load = Math.max(...rounds.flatMap(Object.values<Sample>).map((s) => s.loadShare));
  if (load > loadLimit) {
    doubts.push(
      `${title}: the load generator was at its limit (busy ${percent(load)} of the time).`,
    );
  }
  const floor = median(samplesOf(rounds, 'floor').map(({ share }) => share));
  // With a single connection, it is idle while the answer travels.
  if (connections > 1 && floor < shareLimit) {
    doubts.push(`${title}: the floor had ${percent(floor)} of its core; trust the ratio by CPU.`);
  }
  return doubts;
}

/** Clients of streams and of the open loop that were at their limit; they measure it themselves. */
function busyClients(results: Results): string[] {
  return Object.entries(results)
    .flatMap(([trial, { values = {} }]) =>
      Object.entries(values).map(([name, list]) => ({ name: `${trial}: ${name}`, list })),
    )
    .filter(({ name, list }) => ofCore.test(name) && median(list) > loadLimit)
    .map(({ name, list }) => `${name}: ${percent(median(list))}, so it was the bottleneck.`);
}

function samplesOf(rounds: readonly Round[], name: string): Sample[] {
  return rounds.flatMap(({ [name]: sample }) => (sample === undefined ? [] : [sample]));
}

function formatTable(head: readonly string[], rows: readonly string[][]): string {
  const rule = head.map((_, column) => (column === 0 ? '---' : '---:'));
  return [head, rule, ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n');
}

function formatSpread(values: readonly number[], value: number): string {
  if (values.length === 1) return `**${formatNumber(value)}**`;
  const [low = '', high = ''] = [0.25, 0.75].map((part) => formatNumber(quantile(values, part)));
  return `**${formatNumber(value)}** (${low}–${high})`;
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}
