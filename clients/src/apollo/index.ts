export { consistencyLink } from './consistency-link.ts';
export { liveLink } from './live-link.ts';
export { RevisionCache } from './revision-cache.ts';
