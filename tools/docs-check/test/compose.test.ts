import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import { parseDurationMs, readCommandLine, sectionsOf } from '@titan/service'
import { DCLinter } from 'dclint'
import { describe, expect, it, onTestFinished } from 'vitest'
import { parse } from 'yaml'
import { variablesIn, variablesRead } from './support/variables.ts'
import { apiProgram, migrateProgram, titanCommands, workerProgram } from '../src/programs.ts'
import { readRepository, REPOSITORY } from '../src/repository.ts'

interface Service {
  readonly image?: string
  readonly build?: { readonly target: string }
  readonly profiles?: readonly string[]
  readonly command?: readonly string[]
  readonly user?: string
  readonly environment?: Readonly<Record<string, string>>
  readonly env_file?: readonly { readonly path: string }[]
  readonly ports?: readonly string[]
  readonly volumes?: readonly string[]
  readonly healthcheck?: { readonly disable?: boolean; readonly test?: readonly string[] }
  readonly read_only?: boolean
  readonly cap_drop?: readonly string[]
  readonly security_opt?: readonly string[]
  readonly mem_limit?: string
  readonly pids_limit?: number
  readonly cpus?: number
  readonly stop_grace_period?: string
}

const TEXT = readRepository('docker-compose.yml')
const { services } = parse(TEXT, { merge: true }) as { readonly services: Readonly<Record<string, Service>> }
const SERVICES = Object.entries(services)

/** What a linter says of one file. */
interface LintResult {
  readonly messages: readonly { readonly line: number; readonly message: string }[]
}

/** Rules of taste: the file is in the order in which it is read. */
const NO_TASTE = {
  'service-keys-order': 0,
  'services-alphabetical-order': 0,
  'top-level-properties-order': 0,
} as const

/** An environment as the container gets it. */
function environmentOf({ environment = {} }: Service): Record<string, string> {
  return Object.fromEntries(
    Object.entries(environment).map(([name, value]) => [
      name,
      value.replaceAll(/\$\{\w+:\?[^}]*\}/g, 'secret'),
    ]),
  )
}

describe('docker-compose.yml', () => {
  it('follows the compose specification and the rules of good practice', () => {
    const linter = new DCLinter({ rules: NO_TASTE, quiet: false, debug: false, exclude: [] })
    const results: readonly LintResult[] = linter.lintFiles(
      [fileURLToPath(new URL('docker-compose.yml', REPOSITORY))],
      false,
    )
    expect(results).toHaveLength(1)
    expect(
      results.flatMap(({ messages }) => messages.map(({ line, message }) => `${line}: ${message}`)),
    ).toEqual([])
  })

  it('runs both stores, the API, two workers, Prometheus and Grafana', () => {
    const started = SERVICES.filter(([, { profiles = [] }]) => profiles.length === 0).map(([name]) => name)
    expect(started.toSorted()).toEqual(
      ['api', 'grafana', 'migrate', 'postgres', 'prometheus', 'redis', 'worker-1', 'worker-2'].toSorted(),
    )
  })

  it.each(SERVICES)('confines %s', (_name, service) => {
    expect(service).toMatchObject({
      read_only: true,
      cap_drop: ['ALL'],
      security_opt: ['no-new-privileges:true'],
    })
    expect(service.mem_limit).toMatch(/^\d+[mg]$/)
    expect(service.pids_limit).toBeGreaterThan(0)
    expect(service.cpus).toBeGreaterThan(0)
    // The image that is built here has its user in the Dockerfile.
    if (service.build === undefined) expect(service.user).toMatch(/^(?!root$|0$)./)
  })

  it.each(SERVICES)('looks whether %s is well', (name, { healthcheck, profiles = [] }) => {
    // What ends is waited for instead.
    if (profiles.length > 0 || name === 'migrate') expect(healthcheck).toEqual({ disable: true })
    else expect(healthcheck?.test?.[0]).toBe('CMD')
  })

  it.each(SERVICES.filter(([, { image }]) => image !== undefined))(
    'pins the version of %s',
    (_name, { image }) => {
      expect(image).toMatch(/:v?\d+\.\d+/)
    },
  )

  it('runs a Redis that the tests of the queue ran on', () => {
    const [, name, version] = /^(redis|valkey)[^:]*:([\d.]+)/.exec(services['redis']?.image ?? '') ?? []
    const tested = readRepository('docs/compatibility.md').matchAll(
      /^\| (Redis|Valkey) [\d.]+ \| ([\d.]+) \|/gm,
    )
    expect([...tested].map(([, server = '', its]) => [server.toLowerCase(), its])).toContainEqual([
      name,
      version,
    ])
  })

  it.each(SERVICES)('publishes %s on the loopback address at most', (_name, { ports = [] }) => {
    for (const port of ports) expect(port).toMatch(/^127\.0\.0\.1:\$\{[A-Z]+_PORT:-\d+\}:\d+$/)
  })

  it.each(SERVICES)('mounts nothing into %s that is not there', (_name, { volumes = [] }) => {
    for (const path of volumes
      .map((volume) => volume.split(':')[0] ?? '')
      .filter((path) => path.startsWith('.')))
      expect(existsSync(new URL(path, REPOSITORY)), path).toBe(true)
  })

  it('holds no secret itself', () => {
    const secrets = SERVICES.flatMap(([, { environment = {} }]) => Object.entries(environment)).filter(
      ([name, value]) => /PASSWORD|SECRET|TOKEN|_KEY|DATABASE_URL/.test(name) && !/\$\{\w+:\?/.test(value),
    )
    expect(secrets).toEqual([])
    expect(readRepository('.gitignore').split('\n')).toEqual(expect.arrayContaining(['.env', 'titan.env']))
    expect(readRepository('.dockerignore').split('\n')).toEqual(
      expect.arrayContaining(['.env', '**/titan.env']),
    )
  })

  it('asks for the passwords that its example lists', () => {
    const asked = new Set([...TEXT.matchAll(/\$\{(\w+):[-?]/g)].map(([, name]) => name))
    const listed = new Set(
      [...readRepository('deploy/compose/example.env').matchAll(/^#?([A-Z_]+)=/gm)].map(([, name]) => name),
    )
    expect(listed).toEqual(asked)
  })
})

describe('the programs in containers', () => {
  const ofApi = variablesRead(apiProgram)
  const ofWorker = variablesRead(workerProgram)

  it.each([
    ['api', ofApi],
    ['worker-1', ofWorker],
    ['worker-2', ofWorker],
    ['migrate', variablesRead(migrateProgram)],
    ['titan', new Set(titanCommands.flatMap((command) => variablesIn(sectionsOf(command))))],
  ])('read every variable that %s is given', (name, read) => {
    const given = Object.keys(services[name]?.environment ?? {})
    expect(given).not.toEqual([])
    expect(given.filter((variable) => !read.has(variable))).toEqual([])
  })

  it('read every variable of the example of their settings', () => {
    const listed = [...readRepository('deploy/compose/example-titan.env').matchAll(/^#([A-Z_]+)=/gm)]
    expect(listed.length).toBeGreaterThan(3)
    expect(listed.filter(([, name = '']) => !ofApi.has(name) && !ofWorker.has(name))).toEqual([])
  })

  it.each(['worker-1', 'worker-2'])('take the flags and variables of %s', (name) => {
    const service = services[name] ?? {}
    const given = readCommandLine(workerProgram, service.command ?? [], environmentOf(service))
    expect(given).not.toHaveProperty('faults')
  })

  // F252
  it('migrate as the owner, and run as a role that owns nothing', () => {
    const { command = [], environment = {} } = services['migrate'] ?? {}
    expect(
      readCommandLine(migrateProgram, command.slice(1), environmentOf({ environment })),
    ).not.toHaveProperty('faults')
    const [, owner] = /^postgres:\/\/(\w+):/.exec(environment['DATABASE_URL'] ?? '') ?? []
    const role = command.at(-1)
    expect(owner).toBe(services['postgres']?.environment?.['POSTGRES_USER'])
    expect(role).not.toBe(owner)
    for (const name of ['api', 'worker-1', 'worker-2']) {
      expect(services[name]?.environment).toMatchObject({
        DATABASE_URL: expect.stringContaining(`postgres://${role}:`),
        MIGRATE: 'false',
      })
    }
  })

  // F255
  it('ask for the password of Redis, which is in no list of processes', () => {
    const { command = [] } = services['redis'] ?? {}
    expect(command.join(' ')).not.toContain('requirepass ${')
    expect(command.join(' ')).toContain('requirepass $$REDIS_PASSWORD')
    expect(services['api']?.environment?.['REDIS_URL']).toMatch(/^redis:\/\/:\$\{REDIS_PASSWORD:/)
  })

  it('take the variables of the API', () => {
    expect(readCommandLine(apiProgram, [], environmentOf(services['api'] ?? {}))).not.toHaveProperty('faults')
  })

  it.each(['api', 'worker-1', 'worker-2'])('are given the time to stop: %s', (name) => {
    const { drainMs, graceMs } = apiProgram.settings
    const stopMs =
      name === 'api' ? drainMs.fallback + graceMs.fallback : workerProgram.settings.graceMs.fallback
    const givenMs = parseDurationMs(services[name]?.stop_grace_period ?? '')
    // What is under way, and then the connections to PostgreSQL.
    expect(givenMs).toBeGreaterThanOrEqual(stopMs + 10_000)
  })

  it('are scraped where they serve their metrics', () => {
    const { scrape_configs: jobs } = parse(readRepository('deploy/prometheus/prometheus.yml')) as {
      readonly scrape_configs: readonly {
        readonly job_name: string
        readonly static_configs: readonly { readonly targets: readonly string[] }[]
      }[]
    }
    const targets = jobs
      .filter(({ job_name: job }) => job.startsWith('titan'))
      .flatMap(({ static_configs: configs }) => configs.flatMap((config) => config.targets))
    const served = ['api', 'worker-1', 'worker-2'].map((name) => {
      const { HEALTH_HOST, HEALTH_PORT = '' } = services[name]?.environment ?? {}
      expect(HEALTH_HOST).toBe('0.0.0.0')
      return `${name}:${HEALTH_PORT}`
    })
    expect(targets.toSorted()).toEqual(served.toSorted())
  })
})

describe('the health check in containers', () => {
  async function check(url: string): Promise<number> {
    const script = fileURLToPath(new URL('deploy/compose/healthy.mjs', REPOSITORY))
    const child = execFile(process.execPath, [script, url])
    const [code] = (await once(child, 'exit')) as [number]
    return code
  }

  it('ends with 0 when it is answered 200, and with 1 otherwise', async () => {
    const server = createServer((request, response) => {
      response.writeHead(request.url === '/well' ? 200 : 503).end()
    }).listen(0, '127.0.0.1')
    onTestFinished(() => void server.close())
    await once(server, 'listening')
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`

    expect(await Promise.all([check(`${url}/well`), check(`${url}/ill`)])).toEqual([0, 1])
    expect(await check('http://127.0.0.1:1/')).toBe(1)
  })
})

describe('Dockerfile', () => {
  const stages = readRepository('Dockerfile').split(/^(?=FROM )/m)

  it.each(SERVICES.filter(([, { build }]) => build !== undefined))(
    'builds what %s runs',
    (_name, { build }) => {
      const stage = stages.find((text) => text.split('\n')[0]?.endsWith(` AS ${build?.target}`)) ?? ''
      expect(stage).toMatch(/^FROM programs AS /)
      const [, entry = ''] = /^ENTRYPOINT \["node", "([^"]+)"\]$/m.exec(stage) ?? []
      expect(existsSync(new URL(entry, REPOSITORY)), entry).toBe(true)
      const { name } = JSON.parse(readRepository(entry.replace('src/cli.ts', 'package.json'))) as {
        name: string
      }
      expect(stages.find((text) => / AS dependencies$/m.test(text))).toContain(`--filter-prod '${name}...'`)
    },
  )

  it('runs as a user without rights', () => {
    expect(stages.find((text) => / AS programs$/m.test(text))).toMatch(/^USER node$/m)
  })
})
