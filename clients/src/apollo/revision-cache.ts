import { gql, InMemoryCache, type Cache, type DocumentNode, type OperationVariables, type Reference, type StoreObject } from '@apollo/client';
import { isOlder } from '../revision.ts';

/**
 * Apollo's cache, in which an older revision of a node never overwrites a newer one: neither an answer that was long on its way
 * what a live event has shown since, nor the other way round. Fields that only the older one has are added.
 *
 * A class, because no `merge` function of a type policy sees a node's `revision`: of what has an id Apollo hands it references only.
 */
export class RevisionCache extends InMemoryCache {
  readonly #revisionOf = new Map<string, DocumentNode>();

  override write<TData = unknown, TVariables extends OperationVariables = OperationVariables>(
    options: Cache.WriteOptions<TData, TVariables>,
  ): Reference | undefined {
    const outdated = new Set<string>();
    this.#gatherOutdated(options.result, outdated);
    if (outdated.size === 0) return super.write(options);
    const before = this.extract();
    const reference = super.write({ ...options, broadcast: false });
    for (const id of outdated) this.#putBack(id, before[id] ?? {});
    if (options.broadcast !== false) this.broadcastWatches();
    return reference;
  }

  /** The ids of all nodes in a result that are known in a newer revision. */
  #gatherOutdated(value: unknown, outdated: Set<string>): void {
    if (typeof value !== 'object' || value === null) return;
    for (const part of Object.values(value)) this.#gatherOutdated(part, outdated);
    const { __typename: typename, revision } = value as StoreObject;
    if (typeof revision !== 'string' || typename === undefined) return;
    const id = this.identify(value as StoreObject);
    if (id !== undefined && isOlder(revision, this.#knownRevision(typename, id))) outdated.add(id);
  }

  #knownRevision(typename: string, id: string): string | undefined {
    const fragment = this.#revisionOf.get(typename) ?? gql(`fragment Revision on ${typename} { revision }`);
    this.#revisionOf.set(typename, fragment);
    return this.readFragment<{ revision?: string }>({ id, fragment })?.revision;
  }

  #putBack(id: string, before: StoreObject): void {
    const fields = (value: unknown, { storeFieldName }: { storeFieldName: string }) => (storeFieldName in before ? before[storeFieldName] : value);
    this.modify({ id, fields, broadcast: false });
  }
}
