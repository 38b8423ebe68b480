// Measures one scenario as a separate process, so that none inherits the heap or the compiled code of another.
import { measure } from './measure.ts'
import type { Size } from './scenario.ts'
import { scenarios } from './scenarios.ts'

// Nobody waits for the result any more.
process.once('disconnect', () => process.exit(1))
const [name, size, previous] = process.argv.slice(2)
const scenario = scenarios.find((scenario) => scenario.name === name)
if (scenario === undefined) throw new Error(`There is no scenario ${String(name)}`)
const result = await measure(scenario, size as Size, (line) => console.log(line), previous)
process.send?.(result, () => process.exit(0))
