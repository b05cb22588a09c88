/**
 * A text that the browser keeps, as long as it lets the page: one may forbid it, and then even to look for the storage is
 * an error. Whoever needs it longer than the browser keeps it keeps it besides.
 */
export class Stored {
  /**
   * @param {() => Storage} storage asked for each time, as it may not be there
   * @param {string} key
   */
  constructor(storage, key) {
    this.storage = storage;
    this.key = key;
  }

  /** What is kept; null where that is nothing, or may not be read. @returns {string | null} */
  read() {
    try {
      return this.storage().getItem(this.key);
    } catch {
      return null;
    }
  }

  /** @param {string | null} text null to keep nothing */
  write(text) {
    try {
      if (text === null) this.storage().removeItem(this.key);
      else this.storage().setItem(this.key, text);
    } catch {
      // It lasts as long as the page, then.
    }
  }
}
