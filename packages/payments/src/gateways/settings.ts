import {
  Failure,
  InvalidSettings,
  list,
  loadDefault,
  named,
  optionalText,
  readAll,
  readSettings,
  type Environment,
  type SettingsGroup,
  type SettingsSource,
} from '@titan/service'
import { textOf } from '@titan/queue-core/text-of'
import { reasonOf } from '../domain/evidence.ts'
import { PaymentsError } from '../domain/errors.ts'
import { BUILT_IN } from './built-in.ts'
import type { Gateway } from './gateway.ts'
import { gatewaysOf, withMembers, type Gateways } from './gateways.ts'
import type { FleetLimits } from './fleet.ts'
import { fleetLimitsOf, fleetSection, limitsOf, limitsSection } from './limit-settings.ts'
import { limitGateway, type GatewayLimits } from './limited-gateway.ts'

const NAMES = [...BUILT_IN.keys()].join(', ')
const FORM = { form: /^[^\s,]{1,300}$/, rule: `one of ${NAMES}, or a module` }

const listSettings = {
  one: optionalText(
    {
      ...named('GATEWAY', 'Gateway that charges the payments: the same as GATEWAYS with one.'),
      hint: 'name',
    },
    FORM,
  ),
  several: list<string>(
    {
      ...named(
        'GATEWAYS',
        `Gateways that charge the payments, in order: ${NAMES}, or modules (the path of a file that begins with ./ or /, or a package).`,
      ),
      hint: 'name,…',
      shown: 'simulated',
    },
    [],
    (word) => (FORM.form.test(word) ? word : undefined),
    'names or modules, separated by commas',
  ),
}

/** The settings that name gateways, for the help. */
export const LIST_SETTINGS = Object.values(listSettings)

/** Returns what `GATEWAYS` lists; undefined where neither variable is set. @throws InvalidSettings */
export function readWords(source: SettingsSource): readonly string[] | undefined {
  const { one, several } = readSettings(listSettings, source)
  if (one === undefined && several.length === 0) return undefined
  if (one !== undefined && several.length > 0 && several.join() !== one)
    throw new InvalidSettings([`GATEWAY is ${one} and GATEWAYS is ${several.join()}: set one of them`])
  const words = one === undefined ? several : [one]
  const twice = words.find((word, index) => words.indexOf(word) !== index)
  if (twice !== undefined)
    throw new InvalidSettings([`GATEWAYS must name each gateway once, got ${twice} twice`])
  return words
}

/** The opened gateways of a program. */
export interface OpenGateways extends Gateways {
  /** Returns the limits of a gateway for all workers together; undefined without any. */
  fleetLimits(name: string): FleetLimits | undefined
  /**
   * Creates the gateway of that name from another environment, such as one with the credentials of an account, behind
   * separate limits. @throws Failure, InvalidSettings
   */
  create(name: string, environment: Environment): Promise<Gateway>
}

/** The gateways that the settings name. */
export interface GatewayPlan {
  /** As `GATEWAYS` lists them. */
  readonly words: readonly string[]
  /** Loads modules, and creates each gateway. @throws Failure that names the gateway and the reason */
  open(): Promise<OpenGateways>
}

/** The settings of the gateways that a worker charges at. */
export const gatewaySettings: SettingsGroup<GatewayPlan> = {
  sections: [
    { settings: LIST_SETTINGS },
    ...[...BUILT_IN.values()].flatMap(({ sections }) => sections),
    limitsSection,
    fleetSection,
  ],
  read(source) {
    const words = readWords(source) ?? ['simulated']
    const created = createBuiltIns(words, source)
    for (const name of created.keys()) fleetLimitsOf(source, name)
    return { words, open: () => openAll(words, source, created) }
  },
}

/** Creates the gateways of this package, so that everything wrong with their settings is reported at once. */
function createBuiltIns(words: readonly string[], source: SettingsSource): ReadonlyMap<string, Gateway> {
  const known = words.filter((word) => BUILT_IN.has(word))
  const created = readAll(Object.fromEntries(known.map((word) => [word, () => createBuiltIn(word, source)])))
  return new Map(Object.entries(created))
}

/** Creates a gateway of this package behind its limits. @throws InvalidSettings */
export function createBuiltIn(name: string, source: SettingsSource): Gateway {
  const builtIn = BUILT_IN.get(name)
  if (builtIn === undefined) throw new InvalidSettings([`there is no gateway ${name}`])
  const { gateway, limits } = readAll({
    gateway: () => checked(() => builtIn.create(source)),
    limits: () => limitsOf(source, builtIn.limits, name),
  })
  return limited(gateway, limits)
}

function limited(gateway: Gateway, limits: GatewayLimits): Gateway {
  const isLimited = Object.values(limits).some((limit) => limit !== undefined)
  return isLimited ? checked(() => limitGateway(gateway, limits)) : gateway
}

/** Creates a gateway from an environment, behind its limits. */
type Make = (source: SettingsSource) => Gateway | Promise<Gateway>

async function openAll(
  words: readonly string[],
  source: SettingsSource,
  created: ReadonlyMap<string, Gateway>,
): Promise<OpenGateways> {
  const makers = new Map<string, Make>()
  const gateways: Gateway[] = []
  try {
    for (const word of words) {
      const make = BUILT_IN.has(word)
        ? (given: SettingsSource) => createBuiltIn(word, given)
        : await load(word)
      const gateway = created.get(word) ?? (await make(source))
      gateways.push(gateway)
      makers.set(gateway.name, make)
    }
    const opened = gatewaysOf(gateways)
    const limits = new Map(opened.names.map((name) => [name, fleetLimitsOf(source, name)]))
    return {
      ...opened,
      fleetLimits: (name) => limits.get(name),
      async create(name, environment) {
        const make = makers.get(name)
        if (make === undefined) throw new Failure(`GATEWAYS names no gateway ${name}`)
        return make({ environment })
      },
    }
  } catch (error) {
    await Promise.all(gateways.map(async (gateway) => gateway.close?.()))
    throw asFailure(error)
  }
}

/** No job waits for the gateway of a module while it is down. */
const MODULE_LIMITS: GatewayLimits = { breaker: {} }

/** Loads a module that makes a gateway. @throws Failure */
async function load(word: string): Promise<Make> {
  const make = (await loadModule(word)) as (environment: Environment) => unknown
  return async (source) => {
    const gateway = requireGateway(word, await makeOne(word, make, source.environment))
    return limited(gateway, limitsOf(source, MODULE_LIMITS, gateway.name))
  }
}

async function loadModule(word: string) {
  try {
    return await loadDefault('GATEWAYS', word)
  } catch (error) {
    const hint = /^[\w-]+$/.test(word) ? `; the gateways without a module are ${NAMES}` : ''
    throw new Failure(`${textOf(error)}${hint}`, { cause: error })
  }
}

async function makeOne(word: string, make: (environment: Environment) => unknown, environment: Environment) {
  try {
    return await make(environment)
  } catch (error) {
    throw new Failure(`GATEWAYS ${word} made no gateway: ${reasonOf(error)}`, { cause: error })
  }
}

const GATEWAY_NAME = /^[a-z][a-z0-9_-]{0,39}$/

/** What a module makes may be anything, whatever its types say. @throws Failure */
function requireGateway(word: string, made: unknown): Gateway {
  const { name, keyTtlMs, charge } = (made ?? {}) as Readonly<Record<string, unknown>>
  const fault =
    typeof name !== 'string' || !GATEWAY_NAME.test(name) || name === 'gateway'
      ? 'name must be 1 to 40 of a-z, 0-9, _ and -, with a letter first, and not "gateway"'
      : typeof keyTtlMs !== 'number' || !(keyTtlMs > 0)
        ? 'keyTtlMs must be a number above 0'
        : typeof charge === 'function'
          ? undefined
          : 'charge must be a function'
  if (fault !== undefined) throw new Failure(`GATEWAYS ${word} made no gateway: ${fault}`)
  return withMembers(made as Gateway, {})
}

/** Reports options that contradict each other like settings that are wrong. */
function checked<Value>(create: () => Value): Value {
  try {
    return create()
  } catch (error) {
    throw error instanceof PaymentsError ? new InvalidSettings([error.message]) : error
  }
}

function asFailure(error: unknown): unknown {
  if (error instanceof InvalidSettings) return new Failure(error.issues.join('; '), { cause: error })
  return error instanceof PaymentsError ? new Failure(`GATEWAYS: ${error.message}`, { cause: error }) : error
}

/** Opens the gateways that an environment names. @throws InvalidSettings, Failure */
export function openGateways(environment: Environment): Promise<OpenGateways> {
  return gatewaySettings.read({ environment }).open()
}
