/** The routes of the server, as registered with the framework. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { FastifyInstance, RouteOptions } from 'fastify';

const channel = 'fastify.initialization';

/** The routes of every server that is built while `build` runs. */
export async function routesOf(build: () => Promise<unknown>): Promise<RouteOptions[]> {
  const routes: RouteOptions[] = [];
  const listen = (message: unknown) => {
    const { fastify } = message as { fastify: FastifyInstance };
    fastify.addHook('onRoute', (route) => void routes.push(route));
  };
  subscribe(channel, listen);
  try {
    await build();
  } finally {
    unsubscribe(channel, listen);
  }
  return routes;
}

/** A route by its method; GET also stands for HEAD. */
export const nameOf = (route: RouteOptions) => `${[route.method].flat()[0]} ${route.url}`;
