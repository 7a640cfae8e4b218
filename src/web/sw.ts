/**
 * Keeps the shell of the client (the page and its files, nothing of anybody's chats), so that it
 * opens at once and while the server is away. `shell` is put in by the build; its first word changes
 * with every file, which makes the browser take the new one.
 */
declare const shell: { readonly version: string; readonly files: readonly string[] };

interface WorkerScope {
  addEventListener(
    type: 'install' | 'activate' | 'fetch',
    listener: (event: WorkerEvent) => void,
  ): void;
  skipWaiting(): Promise<void>;
  readonly clients: { claim(): Promise<void> };
}

interface WorkerEvent {
  readonly request: Request;
  waitUntil(work: Promise<unknown>): void;
  respondWith(answer: Promise<Response>): void;
}

const worker = self as unknown as WorkerScope;
const cacheName = `snug-${shell.version}`;

worker.addEventListener('install', (event) => {
  const fill = caches.open(cacheName).then((cache) => cache.addAll([...shell.files]));
  event.waitUntil(fill.then(() => worker.skipWaiting()));
});

worker.addEventListener('activate', (event) => {
  event.waitUntil(dropOthers().then(() => worker.clients.claim()));
});

worker.addEventListener('fetch', (event) => {
  const { pathname, origin } = new URL(event.request.url);
  const isShell = origin === location.origin && shell.files.includes(pathname);
  if (event.request.method !== 'GET' || !isShell) return;
  event.respondWith(pathname === '/' ? freshOrKept(event.request) : keptOrFresh(event.request));
});

async function dropOthers(): Promise<void> {
  const names = (await caches.keys()).filter((name) => name !== cacheName);
  await Promise.all(names.map((name) => caches.delete(name)));
}

/** The server has this long for the page before the kept one is shown, in ms. */
const patience = 3_000;

/**
 * The page names its files, so the newest one is wanted, if it can be had. A proxy whose server is
 * away answers 502 to 504, or nothing for a long time.
 */
async function freshOrKept(request: Request): Promise<Response> {
  const fresh = fetch(request);
  const kept = await caches.match('/');
  if (kept === undefined) return fresh;
  const good = fresh.then(
    (response) => (response.status < 500 ? response : kept),
    () => kept,
  );
  const late = new Promise<Response>((resolve) => setTimeout(resolve, patience, kept));
  return Promise.race([good, late]);
}

/** The other files have their contents in their names. */
async function keptOrFresh(request: Request): Promise<Response> {
  return (await caches.match(request)) ?? fetch(request);
}
