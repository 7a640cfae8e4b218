import { signal } from '@preact/signals';
import type { RefObject } from 'preact';

/** More messages are loaded at this distance from an end, in pixels. */
const near = 900;

/** A reader within this distance of the end counts as at the end, in pixels. */
const slack = 60;

/** A message that is cut off by at most this much counts as in view, in pixels. */
const seam = 8;

/** Where to scroll once it is shown: to a message, to the end, or to the first unread message. */
type Aim = number | 'start' | 'end';

/**
 * Scroll anchoring: keeps the reader's place while messages are added and removed above and below.
 * The first message in view stays where it was; at the end, the end stays in view.
 */
export class Scroller {
  readonly isAtEnd = signal(false);
  /** The id of the last message whose end is in view; 0 if there is none. */
  readonly lastInSight = signal(0);
  readonly #box: RefObject<HTMLElement | null>;
  #aim: Aim | undefined;
  #anchor: { readonly id: string; readonly offset: number } | undefined;

  constructor(box: RefObject<HTMLElement | null>) {
    this.#box = box;
  }

  get isNearTop(): boolean {
    return (this.#box.current?.scrollTop ?? near) < near;
  }

  get isNearEnd(): boolean {
    return this.#fromEnd() < near;
  }

  /** Sets where to scroll after the next change. */
  aim(aim: Aim): void {
    this.#aim = aim;
  }

  /** Records the reader's place, after scrolling. */
  recordPlace(): void {
    this.isAtEnd.value = this.#fromEnd() < slack;
    const box = this.#box.current;
    if (box === null) return;
    const top = box.scrollTop;
    const items = this.#items();
    const end = top + box.clientHeight + seam;
    const last = items.findLast((item) => isSeen(item, end, box.clientHeight));
    this.lastInSight.value = Number(last?.dataset.id ?? 0);
    const first = items.find((item) => item.offsetTop + item.offsetHeight > top);
    this.#anchor = first && { id: first.dataset.id ?? '', offset: first.offsetTop - top };
  }

  /** Restores the reader's place, after the messages have changed. */
  restorePlace(): void {
    const box = this.#box.current;
    if (box === null) return;
    if (this.#aim !== undefined && this.#isThere(this.#aim)) this.#reach(box, this.#aim);
    else if (this.isAtEnd.value) box.scrollTop = box.scrollHeight;
    else this.#restore(box);
    this.recordPlace();
  }

  /**
   * Does the same when the height of the box changes, as the composer grows or a keyboard opens.
   */
  observeResize(): () => void {
    const observer = new ResizeObserver(() => this.restorePlace());
    if (this.#box.current !== null) observer.observe(this.#box.current);
    return () => observer.disconnect();
  }

  /** Whether the target is shown; the previous messages may still be there instead. */
  #isThere(aim: Aim): boolean {
    return typeof aim === 'number'
      ? this.#item(String(aim)) !== undefined
      : this.#items().length > 0;
  }

  #reach(box: HTMLElement, aim: Aim): void {
    this.#aim = undefined;
    const line = aim === 'start' ? box.querySelector<HTMLElement>('.new-line') : null;
    const target = typeof aim === 'number' ? this.#item(String(aim)) : line;
    if (target) box.scrollTop = target.offsetTop - box.clientHeight / 3;
    else box.scrollTop = box.scrollHeight;
  }

  #restore(box: HTMLElement): void {
    const item = this.#anchor && this.#item(this.#anchor.id);
    if (item) box.scrollTop = item.offsetTop - (this.#anchor?.offset ?? 0);
  }

  #fromEnd(): number {
    const box = this.#box.current;
    return box === null ? 0 : box.scrollHeight - box.scrollTop - box.clientHeight;
  }

  #items(): HTMLElement[] {
    return [...(this.#box.current?.querySelectorAll<HTMLElement>('[data-id]') ?? [])];
  }

  #item(id: string): HTMLElement | undefined {
    return this.#items().find((item) => item.dataset.id === id);
  }
}

/**
 * Whether the end of a message is in view; a message higher than the box need only fill half of it.
 */
function isSeen({ offsetTop, offsetHeight }: HTMLElement, end: number, height: number): boolean {
  const needed = offsetHeight > height ? height / 2 : offsetHeight;
  return offsetTop + needed <= end;
}
