/** Loaded before a program: tells at its end, on stderr, which packages of OpenTelemetry it has loaded. */
import { writeSync } from 'node:fs'
import { registerHooks } from 'node:module'

const loaded = new Set<string>()

registerHooks({
  resolve(specifier, context, next) {
    const resolved = next(specifier, context)
    const [, name] = /.*node_modules\/@opentelemetry\/([\w-]+)/.exec(resolved.url) ?? []
    if (name !== undefined) loaded.add(name)
    return resolved
  },
})

process.on('exit', () => writeSync(2, `loaded: ${[...loaded].toSorted().join(' ')}\n`))
