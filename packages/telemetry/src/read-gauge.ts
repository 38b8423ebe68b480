import { Gauge, type Registry } from 'prom-client'

/** What a gauge that is read at each scrape is. */
export interface ReadGauge<Label extends string> {
  readonly name: string
  readonly help: string
  readonly labelNames?: readonly Label[]
  /** Tells the values; what it does not tell is not shown. */
  readonly read: (
    tell: (value: number, labels?: Partial<Record<Label, string>>) => void,
  ) => Promise<void> | void
}

/** Registers a gauge whose values are read at each scrape. What is not known is absent: an old number would be a lie. */
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
      const told: (() => void)[] = []
      await read((value, labels = {}) => told.push(() => gauge.set(labels, value)))
      gauge.reset()
      // Without labels a reset gauge is 0, which is a value too.
      if (labelNames.length === 0) gauge.remove()
      for (const set of told) set()
    },
  })
}
