import { invalidOptions } from './errors.ts'
import { isName } from './job.ts'
import { quote } from './text-of.ts'

const EXPECTED = 'Handlers must be an object with a function for each job name, or one function for all'

/** Refuses what is neither a function nor a map of functions. @throws {QueueError} `INVALID_OPTIONS` */
export function checkHandlers(handlers: unknown): void {
  if (typeof handlers === 'function') return
  if (typeof handlers !== 'object' || handlers === null || Array.isArray(handlers))
    throw invalidOptions(`${EXPECTED}, got ${Array.isArray(handlers) ? 'an array' : quote(handlers)}`)
  const inherited = inheritedMethod(handlers)
  if (inherited !== undefined)
    throw invalidOptions(
      `Handlers must be a plain object: method ${quote(inherited)} is inherited and would not be called. ` +
        `Write { '<job name>': (job, context) => instance.${inherited}(job, context) }`,
    )
  const entries = Object.entries(handlers)
  if (entries.length === 0) throw invalidOptions(`${EXPECTED}, got {}`)
  for (const [name, handler] of entries) checkHandler(name, handler)
}

function checkHandler(name: string, handler: unknown): void {
  if (!isName(name))
    throw invalidOptions(
      `No job can have the name ${quote(name)}: to handle jobs of every name, give one function instead of an object`,
    )
  if (handler === undefined) throw invalidOptions(`The handler of "${name}" is undefined`)
  if (typeof handler !== 'function')
    throw invalidOptions(`The handler of "${name}" must be a function, got ${quote(handler)}`)
}

/** Name of a method that an object gets from its class or prototype. */
function inheritedMethod(handlers: object): string | undefined {
  let from: unknown = Object.getPrototypeOf(handlers)
  while (typeof from === 'object' && from !== null && !Object.hasOwn(from, 'hasOwnProperty')) {
    const name = Object.getOwnPropertyNames(from).find((key) => key !== 'constructor')
    if (name !== undefined) return name
    from = Object.getPrototypeOf(from)
  }
  return undefined
}
