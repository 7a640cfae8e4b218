/** The maximum number of unsent bytes of one owner. */
const ownerLimit = 8 * 1024 * 1024;

/** The maximum number of unsent bytes of all owners together. */
const totalLimit = 64 * 1024 * 1024;

/** A user's id, or the address of a client that is not signed in. */
export type OwnerKey = string | number;

interface Owner {
  readonly key: OwnerKey;
  bytes: number;
  /** The oldest first. */
  readonly accounts: Set<Account>;
}

/** The unsent bytes of one answer or stream. */
interface Account {
  readonly owner: Owner;
  readonly cut: () => void;
  bytes: number;
}

/** Counts the unsent bytes of one answer or stream. */
export interface UnsentCounter {
  /** Sets how many bytes are unsent now. */
  set(bytes: number): void;
  /** Stops counting; the bytes are sent or discarded. */
  close(): void;
}

/**
 * Counts bytes that were written but have not left yet, because readers do not take them. Beyond an
 * owner's limit, the owner's oldest answers are cut off; beyond the total limit, those of the owner
 * with the most bytes. Readers lose nothing: streams resume, and requests can be sent again.
 */
export class Unsent {
  readonly #owners = new Map<OwnerKey, Owner>();
  #total = 0;

  /** The unsent bytes of all owners. */
  get total(): number {
    return this.#total;
  }

  /**
   * Opens a counter.
   *
   * @param cut aborts the answer, so that its bytes are freed.
   */
  open(key: OwnerKey, cut: () => void): UnsentCounter {
    const owner = this.#owners.get(key) ?? { key, bytes: 0, accounts: new Set() };
    this.#owners.set(key, owner);
    const account = { owner, cut, bytes: 0 };
    owner.accounts.add(account);
    return {
      set: (bytes) => this.#set(account, bytes),
      close: () => this.#close(account),
    };
  }

  #set(account: Account, bytes: number): void {
    const { owner } = account;
    // The answer was cut off in the meantime.
    if (!owner.accounts.has(account)) return;
    this.#add(account, bytes - account.bytes);
    while (owner.bytes > ownerLimit && owner.accounts.size > 1) this.#cutOldest(owner);
    while (this.#total > totalLimit) this.#cutOldest(this.#largest());
  }

  #close(account: Account): void {
    const { owner } = account;
    if (!owner.accounts.delete(account)) return;
    this.#add(account, -account.bytes);
    if (owner.accounts.size === 0) this.#owners.delete(owner.key);
  }

  #add(account: Account, bytes: number): void {
    account.bytes += bytes;
    account.owner.bytes += bytes;
    this.#total += bytes;
  }

  #cutOldest({ accounts }: Owner): void {
    const [oldest] = accounts;
    if (oldest === undefined) return;
    this.#close(oldest);
    oldest.cut();
  }

  #largest(): Owner {
    return [...this.#owners.values()].reduce((one, other) =>
      other.bytes > one.bytes ? other : one,
    );
  }
}
