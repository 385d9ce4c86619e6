/** What an earlier page left in storage; null if there is nothing, or nothing that can be read: a page that cannot start is worse. */
export function stored<Value>(storage: Storage, name: string): Value | null {
  try {
    return JSON.parse(storage.getItem(name) ?? 'null') as Value | null;
  } catch {
    storage.removeItem(name);
    return null;
  }
}
