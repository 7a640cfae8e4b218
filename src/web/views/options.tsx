import type { ComponentChildren } from 'preact';

interface Props<Item> {
  /** The id of the list, by which its input names it. */
  readonly id: string;
  readonly label: string;
  readonly items: readonly Item[];
  readonly chosen: number;
  readonly onPick: (item: Item) => void;
  readonly show: (item: Item) => ComponentChildren;
}

/**
 * What an input offers. The focus stays in the input, which moves through the list by keys and names
 * the chosen one by `optionId`; see the combobox pattern of the ARIA Authoring Practices.
 */
export function Options<Item>({ id, label, items, chosen, onPick, show }: Props<Item>) {
  return (
    <div class="options" id={id} role="listbox" aria-label={label}>
      {items.map((item, index) => (
        <div
          key={index}
          id={optionId(id, index)}
          role="option"
          tabIndex={-1}
          aria-selected={index === chosen}
          onMouseDown={(event) => {
            // A click would take the focus from the input first.
            event.preventDefault();
            onPick(item);
          }}
        >
          {show(item)}
        </div>
      ))}
    </div>
  );
}

export const optionId = (id: string, index: number) => `${id}-${index}`;

/** The next choice after a key, or undefined if the key does not choose. */
export function moved(key: string, chosen: number, count: number): number | undefined {
  const step = { ArrowDown: 1, ArrowUp: -1 }[key];
  return step === undefined || count === 0 ? undefined : (chosen + step + count) % count;
}
