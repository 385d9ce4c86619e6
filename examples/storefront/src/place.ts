/** What a path names: a section, and of what. */
export interface Place {
  section: string;
  argument: string;
}

/** Null where the path cannot be read: then no page is meant, of no section. */
export function placeOf(path: string): Place | null {
  const [, section = '', encoded = ''] = path.split('/');
  const argument = decoded(encoded);
  return argument === null ? null : { section, argument };
}

/** Anybody can type or link to a lone `%`. It comes up while the page is rendered, where an error would leave nothing to see. */
function decoded(part: string): string | null {
  try {
    return decodeURIComponent(part);
  } catch {
    return null;
  }
}
