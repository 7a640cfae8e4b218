import type { ComponentChildren } from 'preact';

interface Props<Item> {
  /** The id of the list, which its input refers to. */
  readonly id: string;
  readonly label: string;
  readonly items: readonly Item[];
  readonly chosen: number;
  readonly onPick: (item: Item) => void;
  readonly show: (item: Item) => ComponentChildren;
}

/**
 * The suggestions of an input. The focus stays in the input, whose keys move through the list and
 * which refers to the chosen item by `optionId`; see the combobox pattern of the ARIA Authoring
 * Practices.
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
            // A click would first move the focus out of the input.
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

/** The index of the next item after a key; undefined if the key does not move. */
export function moved(key: string, chosen: number, count: number): number | undefined {
  const step = { ArrowDown: 1, ArrowUp: -1 }[key];
  return step === undefined || count === 0 ? undefined : (chosen + step + count) % count;
}
