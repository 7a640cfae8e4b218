import { useLayoutEffect, useRef } from 'preact/hooks';
import { isIntercepted } from '../lib/api.ts';
import { isStorageFull } from '../lib/storage.ts';
import { account } from '../state/account.ts';
import { connection } from '../state/connection.ts';
import { isOutdated, reload } from '../state/update.ts';
import { texts } from '../texts/index.ts';
import { Failure } from './failure.tsx';

/**
 * What the user should know in every pane, without moving the layout. The height is a property of
 * the page's style, because an error at the top of a pane has to stand below.
 */
export function Notices() {
  const box = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    const { style } = document.documentElement;
    const observer = new ResizeObserver(() =>
      style.setProperty('--notices', `${box.current?.offsetHeight ?? 0}px`),
    );
    if (box.current !== null) observer.observe(box.current);
    return () => observer.disconnect();
  }, []);
  return (
    <div class="notices" ref={box}>
      {account.value && (
        <>
          <ConnectionState />
          <UpdateOffer />
          <StorageNotice />
        </>
      )}
      <Failure />
    </div>
  );
}

/** Shows the state of the connection while it is down. */
function ConnectionState() {
  return (
    <p class="line" role="status" hidden={connection.value === 'open'}>
      <ConnectionText />
    </p>
  );
}

/** The state of the connection, and what to do if it will not recover automatically. */
export function ConnectionText() {
  if (connection.value === 'connecting') return texts.connecting;
  if (connection.value === 'open') return null;
  if (connection.value === 'held') return texts.delayed;
  if (!isIntercepted.value) return texts.disconnected;
  return (
    <>
      {texts.intercepted}{' '}
      <button type="button" class="link" onClick={reload}>
        {texts.reload}
      </button>
    </>
  );
}

/** Warns that unsent messages would be lost when the page closes. */
function StorageNotice() {
  if (!isStorageFull.value || connection.value !== 'open') return null;
  return (
    <p class="line" role="status">
      {texts.storageFull}
    </p>
  );
}

/** Offers to reload for a newer version, while connected. */
function UpdateOffer() {
  if (!isOutdated() || connection.value !== 'open') return null;
  return (
    <p class="line" role="status">
      {texts.newVersion}{' '}
      <button type="button" class="link" onClick={reload}>
        {texts.reload}
      </button>
    </p>
  );
}
