import { signal } from '@preact/signals';
import type { RefObject } from 'preact';

/** As near to an end more is loaded, in pixels. */
const near = 900;

/** A reader this near to the end is at the end, in pixels. */
const slack = 60;

/** What is cut off by no more than this is in sight, in pixels. */
const seam = 8;

/** Where the box shall be once it has something to show: a message, the end, or where one stopped. */
type Aim = number | 'start' | 'end';

/**
 * Keeps what one reads in its place while messages come and go above and below: the first one in
 * sight stays where it was; and at the end, the end stays in sight.
 */
export class Scroller {
  readonly isAtEnd = signal(false);
  /** The last message that is in sight to its end; 0 if there is none. */
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

  /** Says where to be after the next change. */
  aim(aim: Aim): void {
    this.#aim = aim;
  }

  /** Notes where the reader is, after scrolling. */
  note(): void {
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

  /** Puts the reader back in place, after what is shown has changed. */
  keep(): void {
    const box = this.#box.current;
    if (box === null) return;
    if (this.#aim !== undefined && this.#isThere(this.#aim)) this.#reach(box, this.#aim);
    else if (this.isAtEnd.value) box.scrollTop = box.scrollHeight;
    else this.#restore(box);
    this.note();
  }

  /** The same whenever the box itself becomes higher or lower: by what one writes, by a keyboard. */
  keepResized(): () => void {
    const observer = new ResizeObserver(() => this.keep());
    if (this.#box.current !== null) observer.observe(this.#box.current);
    return () => observer.disconnect();
  }

  /** What was shown before may still be there, without the message that one wants to see. */
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

/** Whether a message can be read to its end; one that is higher than the box, when it fills half. */
function isSeen({ offsetTop, offsetHeight }: HTMLElement, end: number, height: number): boolean {
  const needed = offsetHeight > height ? height / 2 : offsetHeight;
  return offsetTop + needed <= end;
}
