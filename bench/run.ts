/** `npm run bench [-- trial …]`: compares the server with one that does nothing. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { type Bundles, bundleServers } from './bundle.ts';
import { drawCharts, writeCharts } from './charts.ts';
import { Lab } from './lab.ts';
import { formatReport } from './report.ts';
import { conditionsOf, hasConditions, type Results, readResults, writeResult } from './results.ts';
import { readSettings, type Settings } from './settings.ts';
import type { Findings, Trial } from './trial.ts';
import { batches } from './trials/batches.ts';
import { cold } from './trials/cold.ts';
import { delivery } from './trials/delivery.ts';
import { fanOut } from './trials/fan-out.ts';
import { againstFloor } from './trials/floor.ts';
import { growth } from './trials/growth.ts';
import { idleStreams } from './trials/idle-streams.ts';
import { listSizes } from './trials/list-sizes.ts';
import { logins } from './trials/logins.ts';
import { openLoop } from './trials/open-loop.ts';
import { parts } from './trials/parts.ts';
import { peers } from './trials/peers.ts';
import { pi } from './trials/pi.ts';
import { slowDisk } from './trials/slow-disk.ts';
import { startUp } from './trials/start-up.ts';
import { back } from './workloads/back.ts';
import { list } from './workloads/list.ts';
import { mixed } from './workloads/mixed.ts';
import { newest } from './workloads/newest.ts';
import { post } from './workloads/post.ts';
import { common, inChat, rare, two } from './workloads/search.ts';

/** One search at a time: with several at once, the figures would mostly show waiting. */
const oneByOne = { connections: 1, watch: true, few: true };

/** Without the cache: the cost of an answer that is not in memory. */
const uncached = { 'not cached': { env: { CACHE_MB: '0' } } };

const all: readonly Trial[] = [
  againstFloor(post, { others: { 'without group commit': { variant: 'single' } } }),
  ...[newest, list].map((workload) => againstFloor(workload, { others: uncached })),
  ...[mixed, back].map((workload) => againstFloor(workload)),
  ...[rare, common, two, inChat].map((workload) => againstFloor(workload, oneByOne)),
  batches,
  openLoop,
  listSizes,
  slowDisk,
  pi,
  parts,
  startUp,
  cold,
  logins,
  fanOut,
  delivery,
  idleStreams,
  growth,
  peers,
];

const settings = readSettings(process.env);
const chosen = choose(process.argv.slice(2));
const bundles = await bundleServers();
const conditions = conditionsOf(settings, bundles.fingerprint);
const missing = chosen.filter(({ name }) => !settings.resume || !isMeasured(name));
announce(missing);
for (const trial of missing) await attempt(trial, bundles);
console.log(show(readResults(settings.results)));

function choose(names: string[]): Trial[] {
  const unknown = names.find((name) => all.every((trial) => trial.name !== name));
  if (unknown !== undefined) {
    const known = all.map(({ name }) => name).join(', ');
    throw new Error(`There is no trial "${unknown}". The trials are: ${known}.`);
  }
  return all.filter(({ name }) =>
    names.length > 0 ? names.includes(name) : name !== peers.name || settings.peers,
  );
}

function isMeasured(name: string): boolean {
  return hasConditions(readResults(settings.results)[name], conditions);
}

function announce(trials: readonly Trial[]): void {
  const seconds = trials.reduce((sum, trial) => sum + trial.lasts(settingsFor(trial)), 0);
  const names = trials.map(({ name }) => name).join(', ');
  console.error(`${names || 'nothing to do'}: about ${Math.ceil(seconds / 60)} minutes.`);
}

function settingsFor({ few = false }: Trial): Settings {
  return few ? { ...settings, rounds: Math.ceil(settings.rounds * 0.6) } : settings;
}

/** @throws if a trial takes far longer than expected, which means that it hangs. */
async function inTime(trial: Trial, running: Promise<Findings>): Promise<Findings> {
  const patience = 3 * trial.lasts(settingsFor(trial)) + 120;
  const late = new AbortController();
  const expired = wait(patience * 1000, undefined, { signal: late.signal }).then(() => {
    throw new Error(`not finished after ${Math.round(patience)} s`);
  });
  return Promise.race([running, expired]).finally(() => {
    late.abort();
    expired.catch(() => undefined);
  });
}

/** Writes the report and the charts next to the figures. */
function show(results: Results): string {
  const charts = drawCharts(results);
  const report = formatReport(results, charts);
  mkdirSync(settings.results, { recursive: true });
  writeCharts(settings.results, charts);
  writeFileSync(join(settings.results, 'report.md'), report);
  return report;
}

/** A trial that fails does not stop the others. */
async function attempt(trial: Trial, bundles: Bundles): Promise<void> {
  console.error(`${new Date().toISOString().slice(11, 16)} ${trial.name} …`);
  const started = performance.now();
  const lab = new Lab(settingsFor(trial), bundles);
  try {
    const findings = await inTime(trial, trial.run(lab));
    const took = Math.round((performance.now() - started) / 1000);
    const at = new Date().toISOString();
    const result = { ...conditions, ...findings, at, took };
    show(writeResult(settings.results, trial.name, result));
  } catch (error) {
    console.error(`${trial.name} failed:`, error);
    process.exitCode = 1;
  } finally {
    await lab.close();
  }
}
