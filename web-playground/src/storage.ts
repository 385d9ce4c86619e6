import { createLocalStorage, type Storage } from '@graphiql/toolkit';

/** Keeps tabs and history of this playground apart from other GraphiQL pages of the same origin, and tokens out of both. */
export function createPlaygroundStorage(namespace: string): Storage {
  return withoutHeaders(createLocalStorage({ namespace }));
}

/** GraphiQL's history stores the Headers editor in clear even where `shouldPersistHeaders` is off, so headers are dropped here. */
export function withoutHeaders(storage: Storage): Storage {
  return {
    get length() {
      return storage.length;
    },
    getItem: (key) => storage.getItem(key),
    setItem: (key, value) => storage.setItem(key, dropHeaders(value)),
    removeItem: (key) => storage.removeItem(key),
    clear: () => storage.clear(),
  };
}

function dropHeaders(value: string): string {
  if (!value.includes('"headers"')) return value;
  try {
    return JSON.stringify(JSON.parse(value), (key, part: unknown) => (key === 'headers' ? null : part));
  } catch {
    // Not JSON, so it is no list of tabs or of history entries: a query text that has the word in it.
    return value;
  }
}
