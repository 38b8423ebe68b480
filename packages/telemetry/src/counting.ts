import type { Counter } from 'prom-client'

/** Shows every value of a label from the start: a counter that appears with its first event hides that event from `rate`. */
export function countFromZero<Label extends string>(
  counter: Counter<Label>,
  labels: Partial<Record<Label, string>>,
  label: NoInfer<Label>,
  values: readonly string[],
): void {
  for (const value of values) counter.inc({ ...labels, [label]: value }, 0)
}
