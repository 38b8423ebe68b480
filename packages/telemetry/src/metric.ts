/** Values of labels by name. */
export type Labels<Label extends string = string> = Readonly<Record<Label, string>>

/** A counter, or a histogram where `buckets` are given. */
export interface Metric<Label extends string = string> {
  readonly name: string
  readonly help: string
  /** Every combination of labels that it may have. */
  readonly series: readonly Labels<Label>[]
  readonly buckets?: readonly number[]
}

/** Handlers and gateways: from a simulated response to the longest call that is allowed. In seconds, as all buckets. */
export const WORK_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]

/** Defines a counter. */
export function counter<Label extends string = never>(
  name: string,
  help: string,
  series: readonly Labels<Label>[] = [{} as Labels<Label>],
): Metric<Label> {
  return { name, help, series }
}

/** Defines a histogram. */
export function histogram<Label extends string = never>(
  name: string,
  help: string,
  buckets: readonly number[],
  series: readonly Labels<Label>[] = [{} as Labels<Label>],
): Metric<Label> {
  return { name, help, buckets, series }
}

/** Makes one series for each value of a label. */
export function each<Label extends string>(label: Label, values: readonly string[]) {
  return values.map((value) => ({ [label]: value }) as Labels<Label>)
}

/** Converts milliseconds to seconds, the unit of Prometheus. */
export function seconds(ms: number) {
  return ms / 1_000
}
