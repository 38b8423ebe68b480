import {
  Failure,
  InvalidSettings,
  type Environment,
  type SettingNames,
  type SettingsGroup,
  type SettingsSource,
} from '@titan/service'
import { gatewayTimeout } from '../settings.ts'
import type { AccountGateways } from './account-gateways.ts'
import { BUILT_IN } from './built-in.ts'
import type { Gateway, GatewayMode } from './gateway.ts'
import { gatewaysOf, withMembers, type Gateways } from './gateways.ts'
import { limitsSection } from './limit-settings.ts'
import { createBuiltIn, gatewaySettings, LIST_SETTINGS, readWords, type GatewayPlan } from './settings.ts'

/** A gateway of the workers, as a program needs to know it that does not charge. */
export interface AcceptingGateway {
  readonly name: string
  /** Whether a payment may leave out its payment method. */
  readonly hasDefaultMethod: boolean
  /** The money that it moves. @default unknown */
  readonly mode?: GatewayMode | undefined
}

/** How the webhooks of one gateway are checked and read. Needs its signing secret, and no right to charge. */
export interface GatewayWebhookReader {
  /** The name that attempts at this gateway are stored with. */
  readonly gateway: string
  /** The header that holds the signature, in lower case; undefined where the body does. */
  readonly signatureHeader: string | undefined
  /** The body that the gateway expects when its webhook was taken. @default JSON of ours */
  readonly acknowledgement?: string | undefined
  readonly parse: NonNullable<Gateway['parseWebhook']>
}

/** What a program that does not charge knows of the gateways of the workers. */
export interface KnownGateways {
  /** In the order of `GATEWAYS`; undefined where it is not set, because then nothing is known of them. */
  readonly accepting: readonly AcceptingGateway[] | undefined
  /** Those that can do no captures, voids and refunds. */
  readonly unmovable: readonly string[]
  /** Those whose webhooks can be checked. */
  readonly webhooks: readonly GatewayWebhookReader[]
  /** Those that can look up attempts, list them or complete actions; undefined without one. */
  readonly lookUp: Gateways | undefined
  /**
   * Creates the gateway of that name from an account's variables over those of the program. Its webhooks are checked by the
   * account's alone: the secrets of the program would let what is of the program be reported as the account's.
   */
  create(name: string, variables: Environment): Promise<Gateway>
}

export interface KnownGatewayPlan {
  /** Loads modules. @throws Failure that names the module and the reason */
  open(): Promise<KnownGateways>
}

/** The settings of gateways whose webhooks can be checked: those of this package with a signing secret. */
export const gatewayWebhookSettings: SettingsGroup<readonly GatewayWebhookReader[]> = {
  sections: [
    {
      title: 'Webhooks of gateways, received at POST /gateway-webhooks/{gateway}',
      settings: [...BUILT_IN.values()].flatMap(({ webhooks }) => webhooks?.settings ?? []),
    },
  ],
  read: (source) =>
    [...BUILT_IN].flatMap(([gateway, { webhooks }]) => {
      const parse = webhooks?.parserOf(source)
      if (webhooks === undefined || parse === undefined) return []
      const { signatureHeader, acknowledgement } = webhooks
      return [{ gateway, signatureHeader, acknowledgement, parse }]
    }),
}

/** The settings of the workers' gateways for programs that accept payments and look up attempts. */
export const knownGatewaySettings: SettingsGroup<KnownGatewayPlan> = {
  sections: [
    {
      title: 'Gateways of the workers: what a payment must name, and where operators look up attempts',
      settings: withoutFlags([...LIST_SETTINGS, gatewayTimeout]),
    },
    ...[...BUILT_IN.values()].filter(({ isShared }) => isShared).flatMap(({ sections }) => sections),
    limitsSection,
  ],
  read({ environment }) {
    const source = { environment }
    const words = readWords(source)
    const webhooks = gatewayWebhookSettings.read(source)
    const builtIns = (words ?? []).flatMap((word) => createShared(word, source) ?? [])
    const modules = (words ?? []).filter((word) => !BUILT_IN.has(word))
    const plan =
      modules.length === 0
        ? undefined
        : gatewaySettings.read({ environment: { ...environment, GATEWAY: '', GATEWAYS: modules.join() } })
    return { open: () => openKnown({ words, webhooks, builtIns, plan, source }) }
  },
}

/** The settings of programs that must know only which gateways can do no captures, voids and refunds. */
export const unmovableGatewaySettings: SettingsGroup<KnownGatewayPlan> = {
  sections: [{ settings: withoutFlags(LIST_SETTINGS) }],
  read: (source) => knownGatewaySettings.read(source),
}

function withoutFlags(settings: readonly SettingNames[]): SettingNames[] {
  return settings.map((setting) => ({ ...setting, flag: undefined }))
}

/** Creates a gateway of this package that other processes can ask; undefined where the settings do not make one. */
function createShared(name: string, source: SettingsSource): Gateway | undefined {
  if (BUILT_IN.get(name)?.isShared !== true) return undefined
  try {
    return createBuiltIn(name, source)
  } catch (error) {
    if (error instanceof InvalidSettings) return undefined
    throw error
  }
}

interface Known {
  readonly words: readonly string[] | undefined
  readonly webhooks: readonly GatewayWebhookReader[]
  readonly builtIns: readonly Gateway[]
  /** The modules alone. */
  readonly plan: GatewayPlan | undefined
  readonly source: SettingsSource
}

async function openKnown({ words, webhooks, builtIns, plan, source }: Known): Promise<KnownGateways> {
  const opened = await plan?.open()
  const modules = (opened?.names ?? []).flatMap((name) => opened?.get(name) ?? [])
  const asked = [...builtIns, ...modules].filter(
    ({ lookup, list, completeAction }) => (lookup ?? list ?? completeAction) !== undefined,
  )
  return {
    accepting: words?.map((word) => {
      const builtIn = BUILT_IN.get(word)
      if (builtIn !== undefined)
        return {
          name: word,
          hasDefaultMethod: builtIn.hasDefaultMethod(source.environment),
          mode: builtIn.mode ?? builtIns.find(({ name }) => name === word)?.mode,
        }
      const { name = word, hasDefaultMethod = false, mode } = modules[plan?.words.indexOf(word) ?? -1] ?? {}
      return { name, hasDefaultMethod, mode }
    }),
    unmovable: modules.filter(({ move }) => move === undefined).map(({ name }) => name),
    webhooks: [
      ...webhooks,
      ...modules.flatMap(({ name: gateway, signatureHeader, parseWebhook: parse }) =>
        parse === undefined ? [] : [{ gateway, signatureHeader: signatureHeader?.toLowerCase(), parse }],
      ),
    ],
    lookUp: asked.length === 0 ? undefined : gatewaysOf(asked),
    async create(name, variables) {
      const environment = { ...source.environment, ...variables }
      if (BUILT_IN.has(name)) return createOwn(name, environment, variables)
      if (opened === undefined) throw new Failure(`GATEWAYS names no gateway ${name}`)
      // How a module checks webhooks is not known, nor by which of its variables.
      return withMembers(await opened.create(name, environment), { parseWebhook: undefined })
    },
  }
}

function createOwn(name: string, environment: Environment, variables: Environment): Gateway {
  const webhooks = BUILT_IN.get(name)?.webhooks
  const parseWebhook = webhooks?.parserOf({ environment: variables })
  return withMembers(createBuiltIn(name, { environment }), {
    signatureHeader: webhooks?.signatureHeader,
    parseWebhook,
  })
}

/** Returns how the webhooks of an account's own credentials are checked; empty without any. */
export function accountReadersOf(
  accounts: Pick<AccountGateways, 'ofAccount'>,
  name: string,
  account: string,
): readonly GatewayWebhookReader[] {
  const acknowledgement = BUILT_IN.get(name)?.webhooks?.acknowledgement
  return accounts
    .ofAccount(name, account)
    .flatMap(({ name: gateway, signatureHeader, parseWebhook: parse }) =>
      parse === undefined ? [] : [{ gateway, signatureHeader, acknowledgement, parse }],
    )
}
