import type { FastifyInstance, FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import type { Store } from '../db/store.ts';
import { refuseUnlessAdmin } from './quotas.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Exempts a POST or PUT route from the refusal when the disk is nearly full. */
    needsNoRoom?: true;
  }
}

interface Options {
  readonly db: Store;
  /** In bytes; 0 for none. */
  readonly reserve: number;
  /** A monotonic clock, in ms. */
  readonly ticks: () => number;
}

/** The interval between checks of the disk, in ms. */
const interval = 1_000;

/**
 * Reserves the last disk space for admins, who can free some, and for deletions, which need some
 * themselves. Reading and signing in go on.
 */
export const diskReserve = fp<Options>(
  async (app: FastifyInstance, { db, reserve, ticks }: Options) => {
    let isLow = false;
    let due = Number.NEGATIVE_INFINITY;

    app.addHook('onRequest', (request, _, done) => {
      if (!needsSpace(request) || !checkDisk()) return done();
      // A registering user has no session, and is no admin.
      const userId = request.session?.userId ?? 0;
      db.read(refuseUnlessAdmin, { userId, code: 'disk_low' }).then(() => done(), done);
    });

    function checkDisk(): boolean {
      if (ticks() < due) return isLow;
      due = ticks() + interval;
      const wasLow = isLow;
      isLow = db.freeSpace < reserve;
      if (isLow && !wasLow)
        app.log.warn('the disk is nearly full: only admins and deletions can write');
      return isLow;
    }
  },
  { name: 'disk-reserve', dependencies: ['authentication'] },
);

/** The method is checked first: Fastify builds `routeOptions` again at each access. */
function needsSpace(request: FastifyRequest): boolean {
  const { method } = request;
  if (method !== 'POST' && method !== 'PUT') return false;
  return !request.is404 && request.routeOptions.config.needsNoRoom !== true;
}
