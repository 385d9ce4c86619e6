// What every client has to find out about an answer.

/** True if the access token was not good (any more). */
export const isUnauthenticated = (errors) =>
  Array.isArray(errors) && errors.some(({ extensions }) => extensions?.code === 'UNAUTHENTICATED');

/** The data of a result that must have no errors. */
export function dataOf({ data, errors }) {
  if (errors?.length) throw Object.assign(new Error(JSON.stringify(errors)), { errors });
  return data;
}
