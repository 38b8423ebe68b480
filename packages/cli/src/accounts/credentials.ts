import { readFile } from 'node:fs/promises'
import { parseEnv } from 'node:util'
import { CredentialStore, databaseSettings, gatewaySettings, type Database } from '@titan/payments'
import { choice, Failure, optionalText, text } from '@titan/service'
import { SecretBox, webhooksSettings, type WebhooksConfig } from '@titan/webhooks'
import { command, requiredWords } from '../command.ts'
import { recorded } from '../commands/audit.ts'
import { formatTable, formatTimestamp } from '../output.ts'

/** The account and the gateway that a command is about. */
const of = text(
  requiredWords('of', 'Account and gateway.', 'account,gateway', 'the account and the gateway are missing'),
  {
    form: /^[a-z\d][a-z\d_-]{0,39},[a-z][a-z\d_-]{0,39}$/,
    rule: 'an account and a gateway, such as acme stripe',
  },
)

/** Those of the workers, by variables alone: the flags of the command are about the credentials. */
const workersGateways: typeof gatewaySettings = {
  ...gatewaySettings,
  sections: gatewaySettings.sections.map((section) => ({
    ...section,
    settings: section.settings.map((setting) => ({ ...setting, flag: undefined })),
  })),
}

const MAX_BYTES = 64 * 1024

/** `titan accounts credentials set`. */
export const credentialsSet = command({
  name: 'titan accounts credentials set',
  description:
    'Store credentials of an account, read as NAME=value lines from standard input or a file, sealed under WEBHOOK_ENCRYPTION_KEY. Uses the settings of the workers.',
  settings: {
    of,
    from: optionalText(
      { flag: 'from', about: 'File to read instead of standard input.', hint: 'file' },
      { form: /^.{1,1000}$/, rule: 'a file' },
    ),
    gatewayAccount: choice(
      {
        flag: 'gateway-account',
        about:
          'Where the account has credentials at the gateway: same replaces its keys; other starts a new place and keeps the old one for what is in flight.',
      },
      ['same', 'other'],
      undefined,
    ),
  },
  groups: { config: databaseSettings, gateways: workersGateways, webhooks: webhooksSettings },
  async run(own, { database, gateways, webhooks, print }) {
    const [account = '', gateway = ''] = own.of.split(',')
    const variables = await readVariables(own.from, gateway)
    const mode = await modeOf(await gateways.open(), gateway, variables)
    const sql = await database()
    const credentials = storeOf(sql, webhooks)
    const { gatewayAccount } = own
    const place = await recorded(
      sql,
      { action: 'credentials.set', target: `${account} at ${gateway}` },
      () => credentials.set({ account, gateway, mode, variables, gatewayAccount }),
      (stored) => stored,
    )
    const path = `/gateway-webhooks/${gateway}/${account}`
    print({ place, webhookPath: path }, () => `${place}\nWebhooks of the gateway: POST ${path}`)
    return true
  },
})

/** Reads variables of a gateway: names that begin with its own. @throws Failure that quotes no value */
async function readVariables(file: string | undefined, gateway: string) {
  if (file === undefined && process.stdin.isTTY)
    throw new Failure('pipe the credentials in, or name a file: nothing typed here would be hidden')
  const source = file === undefined ? await readInput() : await readFile(file)
  if (source.byteLength > MAX_BYTES) throw new Failure(`the credentials have more than ${MAX_BYTES} bytes`)
  const variables = Object.entries(parseEnv(source.toString('utf8')))
  const prefix = `${gateway.toUpperCase().replaceAll('-', '_')}_`
  const given = variables.filter((entry): entry is [string, string] => entry[1] !== undefined)
  const foreign = given.find(([name]) => !name.startsWith(prefix))
  if (foreign !== undefined || given.length === 0)
    throw new Failure(`the credentials must be lines such as ${prefix}…=value, and nothing else`)
  return Object.fromEntries(given)
}

async function readInput(): Promise<Buffer> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of process.stdin as AsyncIterable<Buffer>) {
    chunks.push(chunk)
    size += chunk.byteLength
    if (size > MAX_BYTES) break
  }
  return Buffer.concat(chunks)
}

type Opened = Awaited<ReturnType<ReturnType<typeof gatewaySettings.read>['open']>>

/** Makes the gateway once, so that credentials that make none are refused here and not in a worker. */
async function modeOf(opened: Opened, name: string, variables: Readonly<Record<string, string>>) {
  try {
    const gateway = await opened.create(name, { ...process.env, ...variables })
    await gateway.close?.()
    return gateway.mode ?? null
  } catch {
    // What it says of its variables may quote them.
    throw new Failure(`the credentials make no gateway ${name}: check their names and values, and GATEWAYS`)
  } finally {
    await opened.close()
  }
}

function storeOf(sql: Database, webhooks: WebhooksConfig | undefined): CredentialStore {
  if (webhooks === undefined)
    throw new Failure('WEBHOOK_ENCRYPTION_KEY must be set: it seals the credentials')
  return new CredentialStore(sql, new SecretBox(webhooks.encryptionKeys))
}

/** `titan accounts credentials list`. */
export const credentialsList = command({
  name: 'titan accounts credentials list',
  description: 'List the credentials of accounts, without their secrets.',
  settings: {},
  groups: { config: databaseSettings },
  async run(_, { database, print }) {
    const credentials = await new CredentialStore(await database(), new SecretBox([])).list()
    print({ credentials }, () =>
      formatTable(
        credentials.map(({ place, mode, createdAt, updatedAt, endedAt }) => ({
          place,
          mode: mode ?? 'any',
          state: endedAt === null ? 'current' : 'ended',
          created: formatTimestamp(createdAt),
          changed: formatTimestamp(updatedAt),
        })),
        'no credentials',
      ),
    )
    return true
  },
})

/** `titan accounts credentials remove`. */
export const credentialsRemove = command({
  name: 'titan accounts credentials remove',
  description:
    'End the credentials of an account: its new payments use those of the program, what has begun continues. Code 1 if there are none.',
  settings: { of },
  groups: { config: databaseSettings },
  async run(own, { database, print }) {
    const [account = '', gateway = ''] = own.of.split(',')
    const sql = await database()
    const ended = await recorded(
      sql,
      { action: 'credentials.remove', target: `${account} at ${gateway}` },
      () => new CredentialStore(sql, new SecretBox([])).end(account, gateway),
      (result) => (result ? 'ended' : 'there are none'),
    )
    print({ ended }, () => (ended ? 'ended' : 'nothing to end'))
    return ended
  },
})

/** `titan accounts credentials reseal`. */
export const credentialsReseal = command({
  name: 'titan accounts credentials reseal',
  description: 'Seal all credentials under the first key of WEBHOOK_ENCRYPTION_KEY.',
  settings: {},
  groups: { config: databaseSettings, webhooks: webhooksSettings },
  async run(_, { database, webhooks, print }) {
    const sql = await database()
    const count = await recorded(
      sql,
      { action: 'credentials.reseal', target: 'all accounts' },
      () => storeOf(sql, webhooks).reseal(),
      (sealed) => `${sealed} sealed`,
    )
    print({ count }, () => `${count} sealed`)
    return true
  },
})
