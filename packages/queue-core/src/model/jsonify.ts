/** What JSON writes as an empty object. */
type Emptied =
  | ReadonlyMap<never, unknown>
  | ReadonlySet<unknown>
  | WeakMap<never, unknown>
  | WeakSet<never>
  | PromiseLike<unknown>
  | RegExp

/** What JSON leaves out of an object, and writes as null in an array. */
type Omitted = symbol | ((...args: never) => unknown)

/**
 * The type of data after its way through JSON, as a handler gets it: a `Date` is a string, a `Map` an empty object,
 * methods are gone. Written here because a package of types would become a dependency of everyone's compiler.
 */
export type Jsonify<Data> = 0 extends 1 & Data
  ? Data // any
  : unknown extends Data
    ? Data
    : Data extends string | number | boolean | null | undefined
      ? Data
      : Data extends { toJSON(key: never): infer Json }
        ? Jsonify<Json>
        : Data extends bigint | Omitted
          ? never
          : Data extends Emptied
            ? Record<string, never>
            : Data extends readonly unknown[]
              ? { [Index in keyof Data]: Jsonify<NullFor<Data[Index]>> }
              : { [Key in keyof Data as KeptKey<Key, Data[Key]>]: Jsonify<Data[Key]> }

type NullFor<Item> = Item extends undefined | Omitted ? null : Item

type KeptKey<Key, Value> = Key extends symbol ? never : [Value] extends [Omitted] ? never : Key
