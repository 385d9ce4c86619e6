/** The one field of a mutation or a subscription. */
export type Root<Data> = Data[keyof Data];

/** What an operation answers that has but one field, as codegen writes it. */
export type OneField<Field> = { [name: string]: Field };

export function rootOf<Data extends OneField<unknown>>(data: Data): Root<Data> {
  const [root] = Object.values(data) as Root<Data>[];
  return root!;
}
