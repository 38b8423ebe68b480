import { collectDefaultMetrics, Gauge, Registry } from 'prom-client'

/** Opens a registry with what every program tells: what it is, and how its process fares. */
export function createRegistry(program: string, version: string): Registry {
  const registry = new Registry()
  const build = new Gauge({
    name: 'titan_build_info',
    help: 'Always 1; the labels say what runs.',
    labelNames: ['program', 'version', 'node'],
    registers: [registry],
  })
  build.set({ program, version, node: process.version }, 1)
  collectDefaultMetrics({ register: registry })
  return registry
}

/** Seconds, the unit of Prometheus. */
export function seconds(ms: number): number {
  return ms / 1_000
}
