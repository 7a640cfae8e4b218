import { once } from 'node:events';
import net from 'node:net';
import { extname } from 'node:path';
import closeWithGrace from 'close-with-grace';
import { destination, type Logger, pino } from 'pino';
import { buildApp } from './app.ts';
import { type Config, loadConfig } from './config.ts';
import { toOperatorError } from './db/file/operator-errors.ts';
import { isLongUpgradeDue, type Report } from './db/file/upgrade.ts';
import { openStore } from './db/open.ts';
import { upgradeAside } from './db/upgrade-thread.ts';
import { OperatorError } from './errors.ts';
import { checkDescriptors } from './http/descriptors.ts';
import { describeRequest } from './http/request-log.ts';
import { upgradingServer } from './http/upgrading.ts';
import { startBackups, watchBackups } from './jobs/backups.ts';
import { startDeletions } from './jobs/deletions.ts';
import { pollExternalWrites, startMaintenance } from './jobs/maintenance.ts';
import { startIndexRebuild } from './jobs/search-index.ts';
import { startVocabularyUpdates } from './jobs/search-vocabulary.ts';
import { startIndexing } from './jobs/waiting-messages.ts';
import { mutations } from './mutations.ts';
import { announceSetup } from './server/setup-notice.ts';

/** How long requests in progress may take to finish after a signal, in ms. */
const grace = 9_000;

/** How long the server keeps answering that its disk has failed before it exits, in ms. */
const lastWords = 250;

/**
 * How many connections may wait to be accepted, as far as the system allows, because all clients
 * reconnect at once.
 */
const backlog = 4_096;

/** In the same folder as this file, both as source and in the bundle. */
const writerModule = new URL(`writer${extname(import.meta.url)}`, import.meta.url);

/** Runs the server until a signal stops it. */
export async function serve(): Promise<void> {
  const config = loadConfig();
  checkDescriptors();
  // Logging is asynchronous: a slow reader of the log must not slow requests down.
  const log = pino(
    { level: config.logLevel, serializers: { req: describeRequest } },
    destination({ sync: false }),
  );
  const report: Report = (what, details) => log.warn(details, what);
  if (isLongUpgradeDue(config.databaseFile)) await upgradeWhileRefusing(config, log, report);
  const db = openStore(config.databaseFile, {
    cacheBytes: config.cacheBytes,
    mustExist: config.mustExist,
    report,
    program: { url: writerModule, mutations },
  });
  if (db.isNew) log.warn({ file: config.databaseFile }, 'created a new database');
  if (db.fault === 'disk_full')
    log.warn('the disk is full: nothing can be stored until there is room');
  db.onFailure((error) => {
    log.fatal({ err: error }, 'exiting at once; the file is left as it is');
    setTimeout(() => process.exit(1), lastWords);
  });
  const backups = watchBackups(config, log);
  const app = await buildApp({ config, db, logger: log, areBackupsLate: backups.areLate });
  const stopMaintenance = startMaintenance(db, log, config.databaseFile);
  const jobs = [
    startDeletions(db, log),
    startIndexRebuild(db, log),
    startIndexing(db, log),
    startVocabularyUpdates(db, log),
    startBackups(config, log),
  ];
  const stopJobs = () => Promise.all(jobs.map((stop) => stop()));
  const stopPolling = pollExternalWrites(db, log);
  closeWithGrace({ delay: grace, logger: log }, async ({ signal, err }) => {
    if (err !== undefined) log.fatal({ err }, 'stopping after an error');
    else log.info({ signal }, 'stopping');
    stopMaintenance();
    backups.stop();
    stopPolling();
    await Promise.all([app.close(), stopJobs()]);
    await db.close();
    log.info('stopped');
  });
  try {
    await waitForWriter(db, config);
    const address = await listen(app, config);
    if (isExposed(config)) {
      log.warn('others can reach this server without https: put a proxy with https in front of it');
    }
    await announceSetup(db, log, config.publicUrl?.origin ?? address);
  } catch (error) {
    await stopJobs();
    await db.close();
    throw error;
  }
}

/** Upgrades the database; meanwhile, answers all requests that it is doing so. */
async function upgradeWhileRefusing(config: Config, log: Logger, report: Report): Promise<void> {
  const { host, port, databaseFile } = config;
  const server = upgradingServer();
  try {
    server.listen({ host, port });
    await once(server, 'listening');
    log.warn({ address: server.address() }, 'until the upgrade is done, all requests are refused');
    await upgradeAside(writerModule, databaseFile, report);
  } catch (error) {
    throw asListenError(error as NodeJS.ErrnoException, host, port);
  } finally {
    server.close();
    server.closeAllConnections();
  }
}

/** The writer thread has been starting meanwhile; no request is accepted before it can write. */
async function waitForWriter(
  db: ReturnType<typeof openStore>,
  { databaseFile }: Config,
): Promise<void> {
  try {
    await db.ready();
  } catch (error) {
    throw toOperatorError(error, databaseFile);
  }
}

async function listen(app: Awaited<ReturnType<typeof buildApp>>, { host, port }: Config) {
  try {
    passBacklog(app.server);
    return await app.listen({ host, port, ...bound(host, port) });
  } catch (error) {
    throw asListenError(error as NodeJS.ErrnoException, host, port);
  }
}

/** For a bound socket, Node accepts the backlog only as an argument, and Fastify passes none. */
function passBacklog(server: net.Server): void {
  const listen = server.listen.bind(server) as (...args: unknown[]) => net.Server;
  server.listen = (options: unknown) => listen(options, backlog);
}

/**
 * Binds an IPv4 address right here, where Node can (26.4 and newer). Node's own way checks whether
 * the address is IPv6, and compiling that pattern takes 1.6 MB and a twentieth of the start.
 */
function bound(host: string, port: number): { handle?: net.BoundSocket } {
  const canBind = net.isIPv4(host) && net.BoundSocket !== undefined;
  return canBind ? { handle: new net.BoundSocket({ host, port }) } : {};
}

/** Whether passwords may cross a network unencrypted, judging by the settings. */
function isExposed({ host, publicUrl, trustProxy }: Config): boolean {
  const isLoopback = /^(127\..*|::1)$/.test(host);
  return !isLoopback && publicUrl?.protocol !== 'https:' && trustProxy.length === 0;
}

function asListenError(error: NodeJS.ErrnoException, host: string, port: number): Error {
  if (error.code === 'EADDRINUSE') {
    return new OperatorError(`Port ${port} is already in use. Set PORT to another one.`);
  }
  if (error.code === 'EACCES') {
    return new OperatorError(`Port ${port} is not permitted. Set PORT to 1024 or higher.`);
  }
  if (error.code === 'EADDRNOTAVAIL' || error.code === 'ENOTFOUND') {
    return new OperatorError(
      `This machine has no address ${host}. Set HOST to an address of this machine.`,
    );
  }
  if (error.syscall === undefined) return error;
  return new OperatorError(
    `The server cannot listen at ${host}, port ${port} (${error.code}). Check both.`,
  );
}
