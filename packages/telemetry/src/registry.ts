import { collectDefaultMetrics, Gauge, Registry } from 'prom-client'

/** Creates a registry with what every program measures: its build, and its process. */
export function createRegistry(program: string, version: string): Registry {
  const registry = new Registry()
  const build = new Gauge({
    name: 'titan_build_info',
    help: 'Always 1. The labels name program, version and Node.',
    labelNames: ['program', 'version', 'node'],
    registers: [registry],
  })
  build.set({ program, version, node: process.version }, 1)
  collectDefaultMetrics({ register: registry })
  return registry
}
