import { Gauge, type Registry } from 'prom-client'

/** Shows one value of a gauge. */
type Show<Label extends string> = (value: number, labels?: Partial<Record<Label, string>>) => void

/** A gauge that is read at each scrape. */
export interface ReadGauge<Label extends string> {
  readonly name: string
  readonly help: string
  readonly labelNames?: readonly Label[]
  /** Shows the values that are known; the others are absent. */
  readonly read: (show: Show<Label>) => Promise<void> | void
}

/** Registers a gauge whose values are read at each scrape. An unknown value is absent: an old number would be a lie. */
export function registerGauge<Label extends string = never>(
  registry: Registry,
  { name, help, labelNames = [], read }: ReadGauge<Label>,
): void {
  const gauge: Gauge = new Gauge({
    name,
    help,
    labelNames: [...labelNames],
    registers: [registry],
    async collect() {
      const values: Parameters<Show<Label>>[] = []
      await read((...value) => values.push(value))
      gauge.reset()
      // Without labels a reset gauge is 0, which is a value too.
      if (labelNames.length === 0) gauge.remove()
      for (const [value, labels = {}] of values) gauge.set(labels, value)
    },
  })
}
